// Files that are being analysed: how far they are, without a reload, and sending another one.

import { toLogIn } from "./session.js";

const BUSY_MS = 1000;
const IDLE_MS = 5000; // somebody else may hand in a file, too

const section = document.querySelector("[data-follow]");
const waits = document.querySelector("[data-waits]");
const isList = !section.dataset.follow.includes("/footage/");

const states = () =>
  new Map([...section.querySelectorAll("[data-job]")].map((job) => [job.dataset.job, job.dataset.jobState]));

// The server draws; what it says anew is put in place of what is shown.
async function redraw() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-follow]");
  if (fresh) section.replaceChildren(...fresh.childNodes);
}

function show(job) {
  const element = section.querySelector(`[data-job="${CSS.escape(job.id)}"]`);
  const bar = element?.querySelector("[data-bar]");
  if (!bar) return;
  bar.value = job.progress;
  element.querySelector("[data-percent]").textContent = `${job.progress} %`;
}

async function step() {
  const answer = await fetch(section.dataset.follow);
  if (answer.status === 401) return toLogIn();
  if (!answer.ok) return say((await answer.json()).message);
  const told = await answer.json();
  const jobs = isList ? told.footage : [told];
  say(told.problem);
  const shown = states();
  const isSame = jobs.length === shown.size && jobs.every((job) => shown.get(job.id) === job.state);
  if (isSame) jobs.forEach(show);
  else await redraw();
}

function say(problem) {
  waits.hidden = !problem;
  if (waits.textContent !== problem) waits.textContent = problem;
}

const isBusy = () => [...states().values()].some((state) => state === "queued" || state === "running");

async function follow() {
  if (isList || isBusy()) {
    try {
      await step();
    } catch {
      say("No connection to maskwatch. Trying again …");
    }
    setTimeout(follow, isBusy() ? BUSY_MS : IDLE_MS);
  }
}

// A proxy before maskwatch may answer with a page of its own.
function refusal(request) {
  const status = `The file was refused: ${`${request.status} ${request.statusText}`.trim()}.`;
  try {
    return JSON.parse(request.responseText).message ?? status;
  } catch {
    return status;
  }
}

// Sent by script, so that a large file shows how far it is. Without scripts the form works as well.
function send(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const button = form.querySelector("button");
  const sending = form.querySelector("[data-sending]");
  const request = new XMLHttpRequest();
  const end = (problem) => {
    button.disabled = false;
    sending.hidden = true;
    const refused = document.querySelector("[data-refused]");
    refused.hidden = !problem;
    refused.textContent = problem;
  };
  if (form.file.files[0].size >= Number(form.dataset.limit)) return end("The file is too large: 2 GiB at most.");
  request.upload.onprogress = ({ loaded, total }) => {
    const percent = Math.floor((100 * loaded) / total);
    sending.querySelector("progress").value = percent;
    sending.querySelector("[data-sent]").textContent = `${percent} % sent`;
  };
  request.onerror = () => end("The file could not be sent: no connection to maskwatch.");
  request.onload = () => {
    if (request.status === 401) return toLogIn();
    if (request.status !== 202) return end(refusal(request));
    form.reset();
    end("");
    step().catch(() => {});
  };
  button.disabled = true;
  sending.hidden = false;
  request.open("POST", section.dataset.follow);
  request.send(new FormData(form));
}

document.querySelector("[data-hand-in]")?.addEventListener("submit", send);
follow();
