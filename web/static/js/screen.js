// One camera's element: its canvas, its state, its figures. Never shows an old picture as live.

const STALE_S = 5;

const SHOWN_AS_PICTURE = new Set(["live", "uncounted"]);

function seconds(value) {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

function put(root, selector, text) {
  for (const element of root.querySelectorAll(selector)) {
    if (element.textContent !== text) element.textContent = text;
  }
}

const number = (value) => (value === null || value === undefined ? "–" : String(value));

export class Screen {
  constructor(root, tile = root) {
    this.root = root; // holds the figures
    this.tile = tile; // holds the canvas and the off card
    this.canvas = tile.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.newest = null;
    this.isDrawing = false;
    this.taken = null; // performance.now() at which the shown picture was taken
    this.card = null;
    this.isConnected = true;
  }

  // Holds only the newest picture while an older one is being decoded.
  picture(blob, age, arrived) {
    this.newest = { blob, taken: arrived - age * 1000 };
    if (!this.isDrawing) this.draw();
  }

  async draw() {
    this.isDrawing = true;
    while (this.newest) {
      const { blob, taken } = this.newest;
      this.newest = null;
      try {
        const bitmap = await createImageBitmap(blob);
        if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
          this.canvas.width = bitmap.width;
          this.canvas.height = bitmap.height;
        }
        this.context.drawImage(bitmap, 0, 0);
        bitmap.close();
        this.taken = taken;
        this.refresh();
      } catch {
        // A torn picture is left out; the next one is a moment away.
      }
    }
    this.isDrawing = false;
  }

  status(card) {
    this.card = card;
    const state = this.stateElement ?? this.root.querySelector("[data-state]") ?? document.querySelector("[data-state]");
    this.stateElement = state;
    state.className = `state s-${card.state}`;
    put(state, "[data-label]", card.label);
    put(this.root, "[data-fps]", number(card.analysed_fps));
    put(this.root, "[data-captured]", number(card.captured_fps));
    put(this.root, "[data-dropped-fps]", number(card.dropped_fps));
    put(this.root, "[data-dropped]", number(card.dropped_total));
    put(this.root, "[data-rejected]", number(card.rejected_total));
    put(this.root, "[data-reconnects]", number(card.reconnects));
    put(this.root, "[data-source]", card.source || "–");
    put(this.root, "[data-seen]", card.last_frame_local ? this.localTime(card) : "never");
    for (const [verdict, count] of Object.entries(card.counts)) {
      put(this.root, `[data-count="${verdict}"]`, String(count));
    }
    for (const element of this.root.querySelectorAll("[data-truth]")) {
      element.hidden = !card.truth;
      if (card.truth) element.textContent = `of ${card.truth[element.dataset.truth] ?? 0}`;
    }
    this.refresh();
  }

  connection(isOpen) {
    this.isConnected = isOpen;
    this.refresh();
  }

  // What the site's clock showed, whatever zone this browser is in.
  localTime(card) {
    return card.last_frame_local.slice(0, 19).replace("T", " ");
  }

  refresh() {
    const age = this.taken === null ? null : Math.max(0, (performance.now() - this.taken) / 1000);
    const state = this.card?.state ?? "live";
    const isFresh = age !== null && age <= STALE_S && this.isConnected;
    const isLive = isFresh && SHOWN_AS_PICTURE.has(state);
    this.tile.classList.toggle("is-waiting", age === null);
    this.tile.classList.toggle("is-stale", age !== null && !isLive);
    put(this.root, "[data-age]", age === null ? "–" : seconds(age));
    if (!isLive) this.explain(age, state);
  }

  explain(age, state) {
    const card = this.card;
    const isShown = SHOWN_AS_PICTURE.has(state);
    const words = [card?.label ?? "Connecting", card?.sentence ?? ""];
    if (!this.isConnected) words.splice(0, 2, "No connection to maskwatch", "");
    else if (isShown && age === null) words.splice(0, 2, "Waiting for the picture", "");
    else if (isShown) words.splice(0, 2, "No new picture", `For ${seconds(age)} now.`);
    put(this.tile, "[data-off-title]", words[0]);
    put(this.tile, "[data-off-why]", words[1]);
    const seen = card?.last_frame_local && !isShown ? `Last picture ${this.localTime(card)}` : "";
    put(this.tile, "[data-off-seen]", seen);
  }
}

// Problem and demo notices, and the line that says whether the page is connected.
export function notices(message) {
  const problem = document.querySelector("[data-problem]");
  problem.hidden = !message.problem;
  problem.textContent = message.problem ?? "";
  if (message.cameras) document.querySelector("[data-demo]").hidden = !message.is_demo;
}

export function connectionLine(isOpen, words) {
  put(document, "[data-connection]", isOpen ? "" : words);
}
