// State of the page, kept in the address, and what follows from it.
const DATA = JSON.parse(byId("data").textContent);
const DECISIVE = ["phase", "chern", "gap", "fci_signature", "chern_0", "gap_0_1", "width_0"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
let drawing = null, shown = [];

const table = () => DATA.tables.find((each) => each.task === state.task) || DATA.tables[0];
const column = (name) => table().columns.find((each) => each.name === name);
const isCoordinate = (name) => DATA.coordinates.includes(name);
const distinct = (each) => [...new Set(each.values)].sort((a, b) => typeof a === "number" ? a - b : String(a).localeCompare(String(b)));
const isNumeric = (each) => each.values.every((value) => value === null || typeof value === "number");
const varying = () => table().columns.filter((each) => isCoordinate(each.name) && distinct(each).length > 1);

// Choose what the address does not say, or says wrongly.
function settle() {
  state.task = table().task;
  const axes = varying().filter(isNumeric).sort((a, b) => distinct(b).length - distinct(a).length).map((each) => each.name);
  if (!axes.includes(state.x)) state.x = axes[0] || "theta";
  if (state.y !== "none" && (!axes.includes(state.y) || state.y === state.x)) state.y = axes.find((name) => name !== state.x) || "none";
  const results = table().columns.filter((each) => !isCoordinate(each.name)).map((each) => each.name);
  if (!results.includes(state.colour)) state.colour = DECISIVE.find((name) => results.includes(name)) || results[0];
  for (const each of filters()) if (!distinct(each).map(String).includes(state[`is-${each.name}`])) state[`is-${each.name}`] = String(distinct(each)[0]);
  shown = points();
  if (!shown.some((point) => point.row === Number(state.row))) state.row = shown.length ? String(shown[0].row) : "";
}

const filters = () => varying().filter((each) => each.name !== state.x && each.name !== state.y);

function points() {
  const rows = table().files.map((_, row) => row).filter((row) => filters().every((each) => String(each.values[row]) === state[`is-${each.name}`]));
  const x = column(state.x), y = column(state.y), colour = column(state.colour);
  return rows.map((row) => ({ row, x: x ? x.values[row] : row, y: y ? y.values[row] : 0, value: colour.values[row], name: describe(row) }));
}

function describe(row) {
  const named = varying().map((each) => `${each.name} = ${show(each.values[row])} ${each.unit}`.trim());
  return `${named.join(", ") || table().task}: ${state.colour} ${show(column(state.colour).values[row])} ${column(state.colour).unit}`.trim();
}

function select(label, name, options) {
  const box = element("select", { name, onchange: (event) => { state[name] = event.target.value; update(); byId("controls").elements[name]?.focus(); } });
  for (const [value, text] of options) box.append(add(element("option", { value }, text), { selected: String(state[name]) === String(value) ? "" : null }, []));
  return element("label", {}, label, box);
}

function controls() {
  const axes = varying().filter(isNumeric).map((each) => [each.name, withUnit(each)]);
  const results = table().columns.filter((each) => !isCoordinate(each.name)).map((each) => [each.name, withUnit(each)]);
  const parts = [];
  if (DATA.tables.length > 1) parts.push(select("task", "task", DATA.tables.map((each) => [each.task, each.task])));
  parts.push(select(state.y === "none" ? "value" : "colour", "colour", results));
  if (axes.length > 1) parts.push(select("across", "x", axes), select("up", "y", [...axes.filter(([name]) => name !== state.x), ["none", "the value"]]));
  parts.push(...filters().map((each) => select(withUnit(each), `is-${each.name}`, distinct(each).map((value) => [value, show(value)]))));
  byId("controls").replaceChildren(...parts);
}

function overview() {
  const values = column(state.colour), known = state.colour === "phase" ? DATA.phases : {};
  const flat = state.y === "none", phase = column("phase"), margin = column("margin");
  const scale = flat && phase ? colouring(phase.values, DATA.phases) : colouring(values.values, known);
  const coloured = flat && phase ? phase : values;
  const plain = flat && !phase;
  const colour = (row) => plain ? LINES[0] : scale.of(coloured.values[row]);
  const close = (row) => state.colour === "phase" && margin && margin.values[row] !== null && margin.values[row] < DATA.undecided;
  const label = column(state.x) ? withUnit(column(state.x)) : "point";
  if (flat && !isNumeric(values)) shown.forEach((point) => { point.value = distinct(values).indexOf(point.value); });
  drawing = flat ? drawLineOverview(shown, [label, withUnit(values)], colour, choose) : drawMapOverview(shown, [label, withUnit(column(state.y))], colour, close, choose);
  add(drawing.svg, { tabindex: 0, "aria-label": `${state.colour} of ${shown.length} points`, "aria-describedby": "hint", onkeydown: move }, []);
  byId("chart").replaceChildren(drawing.svg);
  const named = (plain ? [] : scale.names || []).map(([name, shade]) => element("span", {}, element("i", { class: "swatch", style: `background:${shade}` }), name));
  if (shown.some((point) => close(point.row)) && !flat) named.push(element("span", {}, `hatched: next phase within ${DATA.undecided} meV per cell`));
  byId("legend").replaceChildren(...(plain || scale.names ? named : [colourBar(scale.range, scale.stops, withUnit(coloured))]));
}

function mark() {
  const box = drawing.place(Number(state.row));
  drawing.svg.querySelectorAll(".chosen").forEach((each) => each.remove());
  if (!box) return;
  const place = { x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1] };
  drawing.svg.append(shape("rect", { ...place, class: "chosen" }), shape("rect", { ...place, class: "chosen inner" }));
}

function move(event) {
  if (!ARROWS[event.key]) return;
  event.preventDefault();
  choose(neighbour(shown, Number(state.row), ARROWS[event.key]));
}

function choose(row) {
  state.row = String(row);
  remember();
  mark();
  byId("live").textContent = describe(row);
  details();
  if (byId("all").open) rowsOfTable();
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
}

// Files of other tasks, and of other options, at the parameters, angle and field of a row.
function beside(row) {
  const place = (from, i) => ["parameters", "theta", "D"].map((name) => from.columns.find((each) => each.name === name)?.values[i]).join();
  const here = place(table(), row), found = DATA.tables.flatMap((from) => from.files.filter((_, i) => place(from, i) === here));
  return [...new Set(found)].filter((file) => file !== table().files[row]).slice(0, 6);
}

const warningsOf = (point) => point.warnings.map((text) => element("p", { class: "warning" }, `Warning: ${text}`));

// The panels that belong to a dielectric constant; to the first one, where the result does not have it.
function figuresOf(point, epsilon) {
  const known = point.panels.map((panel) => panel.epsilon).filter(Number.isFinite);
  const chosen = known.find((value) => Math.abs(value - epsilon) < 1e-6) ?? known[0];
  const kept = point.panels.filter((panel) => panel.epsilon === undefined || panel.epsilon === chosen);
  return element("div", { class: "figures" }, kept.map(drawPanel));
}

async function details() {
  const row = Number(state.row), file = table().files[row], asked = `${state.task} ${state.row}`;
  if (!file) { byId("point").replaceChildren(); return; }
  const [point, ...others] = await Promise.all([file, ...beside(row)].filter((name) => DATA.points[name]).map((name) => unpack(DATA.points[name])));
  if (asked !== `${state.task} ${state.row}`) return;
  const epsilon = column("epsilon")?.values[row];
  const results = table().columns.filter((each) => !isCoordinate(each.name) && each.values[row] !== null);
  const values = results.map((each) => element("tr", { title: each.doc }, element("th", { scope: "row" }, withUnit(each)), element("td", { class: "number" }, show(each.values[row])), element("td", {}, each.doc)));
  byId("point").replaceChildren(
    element("h2", {}, point ? point.title : file),
    ...(point ? [...warningsOf(point), figuresOf(point, epsilon)] : []),
    element("details", {}, element("summary", {}, "Values"), element("div", { class: "scroll" }, element("table", {}, element("tbody", {}, values)))),
    element("details", {}, element("summary", {}, "Request and provenance"), element("pre", {}, JSON.stringify({ file, ...(point || {}), panels: undefined, warnings: undefined, error: undefined }, null, 1))),
    ...others.flatMap((other) => [element("h3", {}, other.title), ...warningsOf(other), figuresOf(other, epsilon)]),
  );
}

function rowsOfTable() {
  const columns = table().columns.filter((each) => !isCoordinate(each.name) || distinct(each).length > 1);
  const order = table().files.map((_, row) => row), by = column(state.sort), sign = state.down ? -1 : 1;
  if (by) order.sort((a, b) => sign * (by.values[a] < by.values[b] ? -1 : by.values[a] > by.values[b] ? 1 : 0));
  const sortBy = (name) => () => { state.down = state.sort === name && !state.down ? "1" : ""; state.sort = name; remember(); rowsOfTable(); };
  const head = columns.map((each) => element("th", { scope: "col", "aria-sort": state.sort === each.name ? (state.down ? "descending" : "ascending") : null }, element("button", { type: "button", title: each.doc, onclick: sortBy(each.name) }, withUnit(each))));
  const rows = order.map((row) => element("tr", { class: row === Number(state.row) ? "chosen-row" : null },
    columns.map((each, i) => element("td", { class: typeof each.values[row] === "number" ? "number" : null }, i ? show(each.values[row]) : element("button", { type: "button", onclick: () => goTo(row) }, show(each.values[row]))))));
  byId("table").replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows)));
}

// A point chosen in the table may lie outside of what the filters show.
function goTo(row) {
  for (const each of filters()) state[`is-${each.name}`] = String(each.values[row]);
  state.row = String(row);
  update();
  byId("point").focus();
}

function failures() {
  if (!DATA.failures.length) return;
  const listed = DATA.failures.map(([title, error]) => element("li", {}, title, element("div", { class: "failure" }, error)));
  byId("failures").replaceChildren(element("h2", {}, `Failures (${DATA.failures.length})`), element("ul", {}, listed));
}

const remember = () => history.replaceState(null, "", `#${new URLSearchParams(state)}`);

function update() {
  settle();
  remember();
  controls();
  overview();
  mark();
  details();
  if (byId("all").open) rowsOfTable();
}

byId("name").textContent = DATA.name;
byId("status").textContent = DATA.status;
byId("footer").textContent = `Written by moire ${DATA.version}. This page needs no network and no other file.`;
byId("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
byId("all").addEventListener("toggle", () => { if (byId("all").open) rowsOfTable(); });
failures();
if (DATA.tables.length) update();
