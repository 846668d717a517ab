// Passages by time, stacked by verdict. The table below the chart holds the same numbers.

const VERDICTS = [
  ["mask", "Mask", "--mask"],
  ["no_mask", "No mask", "--no-mask"],
  ["incorrect", "Worn incorrectly", "--incorrect"],
  ["unreadable", "Unreadable", "--unreadable"],
];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Cameras are added up: one bar for each start of an hour, day or week.
function byStart(rows) {
  const sums = new Map();
  for (const row of rows) {
    const sum = sums.get(row.start_local) ?? Object.fromEntries(VERDICTS.map(([key]) => [key, 0]));
    for (const [key] of VERDICTS) sum[key] += row.passages[key];
    sums.set(row.start_local, sum);
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function settings(sums, isByHour) {
  const days = new Set([...sums.keys()].map((start) => start.slice(0, 10)));
  const label = (start) => {
    if (!isByHour) return start.slice(0, 10);
    return days.size > 1 ? start.slice(5, 16).replace("T", " ") : start.slice(11, 16);
  };
  const grid = { color: colour("--line") };
  const ticks = { color: colour("--muted"), precision: 0 };
  return {
    type: "bar",
    data: {
      labels: [...sums.keys()].map(label),
      datasets: VERDICTS.map(([key, text, variable]) => ({
        label: text,
        data: [...sums.values()].map((sum) => sum[key]),
        backgroundColor: colour(variable),
        maxBarThickness: 48,
      })),
    },
    options: {
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks },
        y: { stacked: true, beginAtZero: true, grid, ticks, title: { display: true, text: "Passages", color: colour("--muted") } },
      },
      plugins: { legend: { labels: { color: colour("--text"), boxWidth: 12, boxHeight: 12 } } },
    },
  };
}

export function drawPassages(canvas) {
  if (!canvas) return;
  const sums = byStart(JSON.parse(canvas.dataset.rows));
  const isByHour = (canvas.dataset.by ?? "hour") === "hour";
  let chart = new Chart(canvas, settings(sums, isByHour));
  const again = () => {
    chart.destroy();
    chart = new Chart(canvas, settings(sums, isByHour));
  };
  document.addEventListener("themechange", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}
