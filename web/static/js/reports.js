import { drawPassages } from "./chart.js";

drawPassages(document.getElementById("hours"));
