// The wall: every camera of the site on one page, over one connection.

import { Live } from "./live.js";
import { Screen, connectionLine, notices } from "./screen.js";

const wall = document.getElementById("wall");
const empty = document.getElementById("empty");
const template = document.getElementById("tile");
const screens = new Map();

for (const element of wall.children) screens.set(element.dataset.camera, new Screen(element));

function add(name) {
  const element = template.content.firstElementChild.cloneNode(true);
  element.dataset.camera = name;
  element.querySelector("[data-name]").textContent = name;
  element.querySelector("canvas").setAttribute("aria-label", `Live picture of ${name}`);
  const link = element.querySelector("a");
  link.href = `/cameras/${encodeURIComponent(name)}`;
  link.setAttribute("aria-label", name);
  const after = [...wall.children].find((other) => other.dataset.camera > name);
  wall.insertBefore(element, after ?? null);
  screens.set(name, new Screen(element));
}

function follow(cards) {
  const present = new Set(cards.map((card) => card.name));
  for (const [name, screen] of screens) {
    if (present.has(name)) continue;
    screen.root.remove();
    screens.delete(name);
  }
  for (const card of cards) {
    if (!screens.has(card.name)) add(card.name);
    screens.get(card.name).status(card);
  }
  wall.dataset.count = String(cards.length);
  empty.hidden = cards.length > 0;
}

new Live({
  onPicture: (camera, blob, age, arrived) => screens.get(camera)?.picture(blob, age, arrived),
  onStatus: (message) => {
    notices(message);
    if (message.cameras) follow(message.cameras);
  },
  onConnection: (isOpen, words) => {
    connectionLine(isOpen, words);
    for (const screen of screens.values()) screen.connection(isOpen);
  },
});

setInterval(() => screens.forEach((screen) => screen.refresh()), 500);
