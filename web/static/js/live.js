// One WebSocket for all pictures and states of a page. Reconnects by itself, for ever.

import { checkSession } from "./session.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SILENCE_MS = 5_000; // the server speaks each second

export class Live {
  // onPicture(camera, blob, ageSeconds, arrivedMs), onStatus(message), onConnection(isOpen, words)
  constructor({ cameras = null, onPicture, onStatus, onConnection }) {
    this.address = new URL("/api/v1/live", location.href);
    this.address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (cameras) this.address.searchParams.set("cameras", cameras.join(","));
    Object.assign(this, { onPicture, onStatus, onConnection });
    this.waitMs = FIRST_WAIT_MS;
    this.heardMs = 0;
    this.open();
    setInterval(() => this.check(), 1000);
  }

  open() {
    this.heardMs = performance.now();
    const socket = new WebSocket(this.address);
    let hasSpoken = false;
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      this.heardMs = performance.now();
      this.waitMs = FIRST_WAIT_MS;
      hasSpoken = true;
      if (typeof event.data === "string") {
        this.onConnection(true, "");
        this.onStatus(JSON.parse(event.data));
      } else this.unpack(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.onConnection(false, event.reason || "No connection to maskwatch. Trying again …");
      if (!hasSpoken) checkSession();
      setTimeout(() => this.open(), this.waitMs);
      this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
    };
  }

  check() {
    // A connection that has died without a word is closed by us, which opens another.
    const silent = performance.now() - this.heardMs > SILENCE_MS;
    if (silent && this.socket.readyState === WebSocket.OPEN) this.socket.close();
  }

  unpack(buffer) {
    const length = new DataView(buffer).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    const blob = new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" });
    this.onPicture(header.camera, blob, header.age_s, performance.now());
  }
}
