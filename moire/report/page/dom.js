// Elements, numbers and axes.
const SVG = "http://www.w3.org/2000/svg";

function add(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}
const element = (tag, attributes, ...children) => add(document.createElement(tag), attributes, children);
const shape = (tag, attributes, ...children) => add(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);

function show(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2).replaceAll("-", "−");
  return String(Number(value.toPrecision(6))).replace("-", "−");
}

const withUnit = (column) => column.unit ? `${column.name} (${column.unit})` : column.name;

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function ticks([low, high], wanted = 5) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) || 10 * power;
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n += 1) found.push(Number((n * step).toPrecision(12)));
  return found;
}

// A frame of `width` x `height` with axes; `x` and `y` map data to it.
function frame({ width, height, xs, ys, labels, xTicks = null, left = 54 }) {
  const bottom = 40, top = 8, right = 12;
  const x = (value) => left + (value - xs[0]) / (xs[1] - xs[0]) * (width - left - right);
  const y = (value) => height - bottom - (value - ys[0]) / (ys[1] - ys[0]) * (height - bottom - top);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  const axes = shape("g", {});
  const named = xTicks || ticks(xs, width / 90).map((place) => [place, show(place)]);
  for (const [place, text] of named) {
    axes.append(shape("line", { class: "grid", x1: x(place), x2: x(place), y1: top, y2: height - bottom }));
    axes.append(shape("text", { x: x(place), y: height - bottom + 15, "text-anchor": "middle" }, text));
  }
  for (const place of ticks(ys, height / 60)) {
    axes.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(place), y2: y(place) }));
    axes.append(shape("text", { x: left - 6, y: y(place) + 4, "text-anchor": "end" }, show(place)));
  }
  axes.append(shape("rect", { class: "axis", x: left, y: top, width: width - left - right, height: height - bottom - top }));
  axes.append(shape("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, labels[0]));
  const middle = (top + height - bottom) / 2;
  axes.append(shape("text", { transform: `rotate(-90 12 ${middle})`, x: 12, y: middle + 4, "text-anchor": "middle" }, labels[1]));
  svg.append(axes);
  return { svg, x, y, left, top, width, height, right: width - right, bottom: height - bottom };
}
