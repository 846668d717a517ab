// Passages by time, stacked by verdict. The table below the chart holds the same numbers.

const VERDICTS = [
  ["mask", "Mask", "--mask"],
  ["no_mask", "No mask", "--no-mask"],
  ["incorrect", "Worn incorrectly", "--incorrect"],
  ["unreadable", "Unreadable", "--unreadable"],
];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Cameras are added up: one bar for each hour, day or week, in the order of time.
function byStart(rows) {
  const sums = new Map();
  for (const row of rows) {
    const sum = sums.get(row.start_utc) ?? { row, ...Object.fromEntries(VERDICTS.map(([key]) => [key, 0])) };
    for (const [key] of VERDICTS) sum[key] += row.passages[key];
    sums.set(row.start_utc, sum);
  }
  return [...sums].sort(([a], [b]) => Date.parse(a) - Date.parse(b)).map(([, sum]) => sum);
}

function settings(sums, isByHour) {
  const days = new Set(sums.map(({ row }) => row.start_local.slice(0, 10)));
  const label = ({ row }) => {
    let text = row.start_local.slice(0, 10);
    if (isByHour) text = days.size > 1 ? row.start_local.slice(5, 16).replace("T", " ") : row.start_local.slice(11, 16);
    return [text, row.offset, row.part && "(part)"].filter(Boolean).join(" ");
  };
  const grid = { color: colour("--line") };
  const ticks = { color: colour("--muted"), precision: 0 };
  return {
    type: "bar",
    data: {
      labels: sums.map(label),
      datasets: VERDICTS.map(([key, text, variable]) => ({
        label: text,
        data: sums.map((sum) => sum[key]),
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
