// The plots of reports, drawn by uPlot from what the page says; and a wallboard that fills its screen.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HEIGHT = 240;
const SPACE = 88; // Between labels of the axis below, in pixels.
const PAINTS = { bars: ["--plot-bars"], line: ["--accent", "--plot-second", "--plot-third"] };

/** A duration in the two units that say most of it. */
const lasting = (seconds) => {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE)} min`;
  const [large, small, names] = seconds < DAY ? [HOUR, MINUTE, ["h", "min"]] : [DAY, HOUR, ["d", "h"]];
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ""}`;
};

const told = { count: (value) => String(value), seconds: lasting };

/** Steps of a time axis that people count in. */
const STEPS = [1, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY];

/** A colour of the theme as canvases understand it. */
const paint = (name, within) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  within.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
};

const series = (row, number, apart, place) => {
  const names = PAINTS[row.drawn];
  const colour = paint(names[number % names.length], place);
  const shared = { label: row.title, scale: row.unit, value: (_, value) => (value === null ? "–" : told[row.unit](value)) };
  if (row.drawn === "bars") {
    return { ...shared, fill: colour, stroke: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.62, 44], radius: 0.16 }) };
  }
  const points = { show: true, size: apart ? 11 : 6, fill: apart ? colour : paint("--panel", place) };
  return { ...shared, stroke: colour, width: 2, spanGaps: true, points, ...(apart && { paths: () => null }) };
};

const axis = (unit, side, place) => ({
  scale: unit,
  side,
  stroke: paint("--dim", place),
  grid: { show: side === 3, stroke: paint("--line", place), width: 1 },
  ticks: { show: false },
  incrs: unit === "seconds" ? STEPS : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000],
  values: (_, splits) => splits.map((value) => told[unit](value)),
  size: unit === "seconds" ? 72 : 48,
  font: "11.5px Inter, system-ui, sans-serif",
});

const drawings = new Map();

const watcher = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) drawings.get(target)?.setSize({ width: contentRect.width, height: HEIGHT });
});

const draw = (place) => {
  const { of, apart, labels, series: rows } = JSON.parse(place.dataset.plot);
  drawings.get(place)?.destroy();
  const data = [labels.map((_, number) => number), ...rows.map((row) => row.values)];
  const seen = { bars: 0, line: 0 };
  const units = [...new Set(rows.map((row) => row.unit))];
  const below = {
    stroke: paint("--dim", place),
    grid: { show: false },
    ticks: { show: false },
    space: SPACE,
    incrs: [1, 2, 5, 7, 10, 14, 30, 60, 90],
    values: (_, splits) => splits.map((value) => labels[value] ?? ""),
    font: "11.5px Inter, system-ui, sans-serif",
  };
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    padding: [12, units.length > 1 ? 0 : 16, 0, 0],
    cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: {
      x: { time: false, range: () => [-0.6, labels.length - 0.4] },
      ...Object.fromEntries(units.map((unit) => [unit, { range: (_, __, most) => [0, Math.max(most * 1.08, 1)] }])),
    },
    axes: [below, ...units.map((unit, number) => axis(unit, number === 0 ? 3 : 1, place))],
    series: [{ label: of, value: (_, value) => labels[value] ?? "" }, ...rows.map((row) => series(row, seen[row.drawn]++, apart, place))],
  };
  drawings.set(place, new uPlot(options, data, place));
};

const drawAll = () => {
  for (const place of drawings.keys()) if (!place.isConnected) drawings.delete(place);
  for (const place of document.querySelectorAll("[data-plot]")) {
    draw(place);
    watcher.observe(place);
  }
};

export const start = () => {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (button && document.fullscreenElement) document.exitFullscreen();
    else if (button) document.querySelector(button.dataset.fill).requestFullscreen();
  });
  if (!document.querySelector("[data-plot]")) return;
  drawAll();
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
};
