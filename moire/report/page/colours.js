// Colour scales: sequential (viridis), diverging (blue, white, red), and names (Tol's bright and muted sets).
const SEQUENTIAL = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const DIVERGING = ["#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"];
const NAMED = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#999933", "#cc6677", "#44aa99", "#882255"];
const LINES = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee"];

function blend(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1), index = Math.min(Math.floor(place), stops.length - 2);
  const part = (stop, channel) => parseInt(stops[stop].slice(1 + 2 * channel, 3 + 2 * channel), 16);
  const mixed = [0, 1, 2].map((c) => Math.round(part(index, c) + (place - index) * (part(index + 1, c) - part(index, c))));
  return `rgb(${mixed.join(",")})`;
}

// Colour of each value of a column, and what the legend says.
function colouring(values, known = {}) {
  const present = values.filter((value) => value !== null);
  if (present.every((value) => typeof value === "number")) {
    const whole = present.every((value) => Math.abs(value - Math.round(value)) < 0.02 && Math.abs(value) < 10);
    if (!whole || new Set(present.map(Math.round)).size > NAMED.length) {
      const [low, high] = extent(present), both = low < 0 && high > 0;
      const limit = Math.max(Math.abs(low), Math.abs(high));
      const range = both ? [-limit, limit] : [low, high], stops = both ? DIVERGING : SEQUENTIAL;
      return { of: (value) => value === null ? "none" : blend(stops, (value - range[0]) / (range[1] - range[0])), range, stops };
    }
    values = values.map((value) => value === null ? null : Math.round(value) + 0);
    const names = [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
    const colours = new Map(names.map((name, i) => [name, NAMED[i]]));
    return { of: (value) => value === null ? "none" : colours.get(Math.round(value) + 0), names: names.map((n) => [show(n), colours.get(n)]) };
  }
  const names = [...new Set(present)].sort();
  const free = NAMED.filter((colour) => !Object.values(known).includes(colour));
  const colours = new Map(names.map((name, i) => [name, known[name] || (Object.keys(known).length ? free : NAMED)[i % 10 % NAMED.length] || "#777777"]));
  return { of: (value) => value === null ? "none" : colours.get(value), names: names.map((name) => [show(name), colours.get(name)]) };
}

function colourBar(range, stops, label) {
  const svg = shape("svg", { viewBox: "0 0 320 34", role: "img", "aria-label": `colours from ${show(range[0])} to ${show(range[1])}`, style: "max-width:320px" });
  for (let i = 0; i < 64; i += 1) svg.append(shape("rect", { x: 5 * i, y: 0, width: 5.2, height: 12, fill: blend(stops, i / 63) }));
  svg.append(shape("text", { x: 0, y: 28 }, show(range[0])), shape("text", { x: 160, y: 28, "text-anchor": "middle" }, label), shape("text", { x: 320, y: 28, "text-anchor": "end" }, show(range[1])));
  return svg;
}
