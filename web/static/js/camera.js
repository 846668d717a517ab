// The page of one camera.

import { drawPassages } from "./chart.js";
import { Live } from "./live.js";
import { Screen, connectionLine, notices } from "./screen.js";

const root = document.querySelector("[data-camera]");
const name = root.dataset.camera;
const screen = new Screen(root, root.querySelector(".tile"));

new Live({
  cameras: [name],
  onPicture: (_camera, blob, age, arrived) => screen.picture(blob, age, arrived),
  onStatus: (message) => {
    notices(message);
    const card = message.cameras?.find((other) => other.name === name);
    if (card) screen.status(card);
    else if (message.cameras) connectionLine(false, "This camera has been removed.");
  },
  onConnection: (isOpen, words) => {
    connectionLine(isOpen, words);
    screen.connection(isOpen);
  },
});

setInterval(() => screen.refresh(), 500);
drawPassages(document.getElementById("hours"));
