// Figures of one point.
function drawLines(panel) {
  const every = panel.series.flatMap((line) => line.y).concat((panel.behind || []).flat(), panel.level ?? []);
  const [low, high] = extent(every), room = 0.04 * (high - low);
  const chart = frame({ width: 360, height: 280, xs: extent(panel.x), ys: [low - room, high + room], labels: panel.labels, xTicks: panel.ticks || null });
  const path = (values) => values.map((value, i) => value === null ? "" : `${i && values[i - 1] !== null ? "L" : "M"}${chart.x(panel.x[i]).toFixed(1)} ${chart.y(value).toFixed(1)}`).join("");
  for (const line of panel.behind || []) chart.svg.append(shape("path", { class: "grid", d: path(line), fill: "none" }));
  const period = panel.n_colours || panel.series.length;
  panel.series.forEach((line, i) => {
    const dash = i >= period ? "5 4" : null;
    chart.svg.append(shape("path", { d: path(line.y), fill: "none", stroke: LINES[i % period % LINES.length], "stroke-width": 1.8, "stroke-dasharray": dash }, shape("title", {}, line.name)));
  });
  if (Number.isFinite(panel.level)) chart.svg.append(shape("line", { class: "axis", "stroke-dasharray": "3 3", x1: chart.left, x2: chart.right, y1: chart.y(panel.level), y2: chart.y(panel.level) }));
  return [chart.svg, panel.behind ? keys(panel.series.map((line, i) => [line.name, LINES[i % LINES.length]])) : null];
}

function keys(names) {
  return element("p", { class: "note" }, names.flatMap(([name, colour]) => [element("span", { class: "swatch", style: `background:${colour}` }), ` ${name}  `]));
}

function drawLevels(panel) {
  const [, high] = extent(panel.y.flat());
  const xs = extent(panel.x);
  const chart = frame({ width: 360, height: 280, xs: [xs[0] - 0.7, xs[1] + 0.7], ys: [-0.05 * high, 1.05 * high], labels: panel.labels });
  const marked = new Map(panel.marked);
  panel.y.forEach((levels, row) => levels.forEach((energy, level) => {
    if (energy === null) return;
    const place = { x: chart.x(panel.x[row]), y: chart.y(energy) }, name = shape("title", {}, `${panel.names[row]}: ${show(energy)} meV`);
    if (level < (marked.get(row) || 0)) chart.svg.append(shape("circle", { cx: place.x, cy: place.y, r: 4, fill: LINES[1] }, name));
    else chart.svg.append(shape("line", { class: "axis", "stroke-width": 1.6, x1: place.x - 5, x2: place.x + 5, y1: place.y, y2: place.y }, name));
  }));
  return [chart.svg, panel.verdict ? element("p", { class: "note" }, panel.verdict) : null];
}

// A map on a lattice: unit squares under the matrix of the two vectors.
function drawMap(panel) {
  const [n1, n2] = [panel.values.length, panel.values[0].length], [a, b] = panel.vectors;
  const corners = [[0, 0], a, b, [a[0] + b[0], a[1] + b[1]]];
  const [xs, ys] = [extent(corners.map((c) => c[0])), extent(corners.map((c) => c[1]))];
  const scale = 300 / Math.max(xs[1] - xs[0], ys[1] - ys[0]);
  const width = (xs[1] - xs[0]) * scale, height = (ys[1] - ys[0]) * scale;
  const svg = shape("svg", { viewBox: `-4 -4 ${width + 8} ${height + 8}`, role: "img", style: "max-height:320px" });
  const [low, high] = extent(panel.values.flat()), limit = panel.limit || Math.max(Math.abs(low), Math.abs(high)) || 1;
  const range = panel.diverging ? [-limit, limit] : [low, high], stops = panel.diverging ? DIVERGING : SEQUENTIAL;
  const rows = shape("g", { transform: `matrix(${scale * a[0]} ${-scale * a[1]} ${scale * b[0]} ${-scale * b[1]} ${-scale * xs[0]} ${scale * ys[1]})` });
  panel.values.forEach((row, i) => row.forEach((value, j) => {
    if (value === null) return;
    const fill = blend(stops, (value - range[0]) / (range[1] - range[0]));
    rows.append(shape("rect", { x: i / n1, y: j / n2, width: 1 / n1, height: 1 / n2, fill, stroke: fill, "vector-effect": "non-scaling-stroke" })); // the stroke closes the seams
  }));
  svg.append(rows);
  return [svg, colourBar(range, stops, panel.labels[2]), element("p", { class: "note" }, `${panel.labels[0]} to the right, ${panel.labels[1]} upwards`)];
}

function drawTable(panel) {
  const head = element("tr", {}, panel.head.map((name) => element("th", { scope: "col" }, name)));
  const rows = panel.rows.map((row) => element("tr", {}, row.map((value) => element("td", {}, show(value)))));
  return [element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, rows)))];
}

const DRAWN = { lines: drawLines, levels: drawLevels, map: drawMap, table: drawTable };

function drawPanel(panel) {
  const [first, ...rest] = DRAWN[panel.kind](panel);
  if (first.tagName === "svg") first.setAttribute("aria-label", panel.title);
  return element("figure", { class: panel.kind === "table" ? "wide" : null }, element("figcaption", {}, panel.title), first, rest);
}
