// The sweep in one picture: a map of two coordinates, or lines along one.
// Edges of the cell of every place on an axis: halfway to its neighbours.
function edges(places) {
  const sorted = [...new Set(places)].sort((a, b) => a - b);
  if (sorted.length === 1) return new Map([[sorted[0], [sorted[0] - 0.5, sorted[0] + 0.5]]]);
  return new Map(sorted.map((place, i) => {
    const before = i ? (place + sorted[i - 1]) / 2 : place - (sorted[1] - place) / 2;
    const after = i + 1 < sorted.length ? (place + sorted[i + 1]) / 2 : place + (place - sorted[i - 1]) / 2;
    return [place, [before, after]];
  }));
}

// Cells that cover the plane: strips along the coordinate with fewer values, cut where the points of each strip lie.
function cells(points) {
  const along = new Set(points.map((p) => p.x)).size <= new Set(points.map((p) => p.y)).size ? ["x", "y"] : ["y", "x"];
  const strips = edges(points.map((p) => p[along[0]])), groups = new Map();
  for (const point of points) groups.set(point[along[0]], [...(groups.get(point[along[0]]) || []), point]);
  const found = [];
  for (const [place, group] of groups) {
    const cuts = edges(group.map((p) => p[along[1]]));
    for (const point of group) found.push({ ...point, [`${along[0]}s`]: strips.get(place), [`${along[1]}s`]: cuts.get(point[along[1]]) });
  }
  return found;
}

function drawMapOverview(points, labels, colour, close, choose) {
  const tiles = cells(points);
  const chart = frame({ width: 560, height: 420, xs: extent(tiles.flatMap((t) => t.xs)), ys: extent(tiles.flatMap((t) => t.ys)), labels, left: 62 });
  chart.svg.append(shape("defs", {}, shape("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, shape("line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: "#000", "stroke-opacity": 0.55, "stroke-width": 1.2 }))));
  for (const tile of tiles) {
    const box = { x: chart.x(tile.xs[0]), y: chart.y(tile.ys[1]), width: chart.x(tile.xs[1]) - chart.x(tile.xs[0]) + 0.3, height: chart.y(tile.ys[0]) - chart.y(tile.ys[1]) + 0.3 };
    chart.svg.append(shape("rect", { ...box, class: "cell", fill: colour(tile.row), "data-row": tile.row, onclick: () => choose(tile.row) }, shape("title", {}, tile.name)));
    if (close(tile.row)) chart.svg.append(shape("rect", { ...box, fill: "url(#hatch)", "pointer-events": "none" }));
  }
  return { svg: chart.svg, place: (row) => tiles.filter((t) => t.row === row).map((t) => [chart.x(t.xs[0]), chart.y(t.ys[1]), chart.x(t.xs[1]), chart.y(t.ys[0])])[0] };
}

function drawLineOverview(points, labels, colour, choose) {
  const [low, high] = extent(points.map((p) => p.value)), room = 0.06 * (high - low), xs = extent(points.map((p) => p.x)), margin = 0.03 * (xs[1] - xs[0]);
  const chart = frame({ width: 560, height: 400, xs: [xs[0] - margin, xs[1] + margin], ys: [low - room, high + room], labels, left: 62 });
  const sorted = points.filter((p) => p.value !== null).sort((a, b) => a.x - b.x);
  if (new Set(sorted.map((p) => p.x)).size === sorted.length)
    chart.svg.append(shape("path", { class: "axis", d: sorted.map((p, i) => `${i ? "L" : "M"}${chart.x(p.x)} ${chart.y(p.value)}`).join("") }));
  for (const point of sorted)
    chart.svg.append(shape("circle", { class: "cell", cx: chart.x(point.x), cy: chart.y(point.value), r: 5, fill: colour(point.row), "data-row": point.row, onclick: () => choose(point.row) }, shape("title", {}, point.name)));
  return { svg: chart.svg, place: (row) => sorted.filter((p) => p.row === row).map((p) => [chart.x(p.x) - 7, chart.y(p.value) - 7, chart.x(p.x) + 7, chart.y(p.value) + 7])[0] };
}

// The point nearest in the direction of an arrow key.
function neighbour(points, row, [dx, dy]) {
  const from = points.find((p) => p.row === row);
  if (!from) return points[0]?.row;
  const width = extent(points.map((p) => p.x)), height = extent(points.map((p) => p.y));
  let best = row, least = Infinity;
  for (const point of points) {
    const across = (point.x - from.x) / (width[1] - width[0]), up = (point.y - from.y) / (height[1] - height[0]);
    const ahead = dx * across + dy * up, aside = Math.abs(dx * up) + Math.abs(dy * across);
    if (ahead > 1e-9 && ahead + 8 * aside < least) { least = ahead + 8 * aside; best = point.row; }
  }
  return best;
}
