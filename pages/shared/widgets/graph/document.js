// The graph of one document: where its nodes stand, and what of it the pane shows.

function settle(pane) {
  const { network, nodes, box } = pane;
  network.setOptions({ physics: { enabled: false } });
  const lonely = new Set(alone(pane));
  const places = Object.fromEntries(Object.entries(network.getPositions()).filter(([id]) => !lonely.has(id)));
  const ids = Object.keys(places);
  if (ids.length) {
    const extents = measured(pane);
    const area = pane.fresh ? room(pane, ids, extents) : null;
    if (area) {
      untangle(places, pane.edges.get());
      spread(places, area);
    }
    const free = new Set(pane.fresh ? ids : ids.filter((id) => pane.added.has(id)));
    part(places, extents, pane.edges.get(), free, area);
    for (const id of free) network.moveNode(id, places[id].x, places[id].y);
  }
  if (pane.fresh && !pane.began) pane.began = performance.now();
  pane.fresh = false;
  line(pane);
  nodes.update(nodes.getIds().map((id) => ({ id, fixed: false })));
  name(pane);
  fit(pane);
  box.dataset.settled = "true";
}

const measured = (pane) => Object.fromEntries(pane.nodes.get().map((node) => [node.id, extent(node, pane.face)]));

// How many times larger than the pane the picture is, in the same shape, and what the rows below take of its height.
function size(pane, extents) {
  const lonely = alone(pane);
  const joined = pane.nodes.length - lonely.length;
  const need = joined * ROOM.node + pane.edges.length * ROOM.edge;
  const [width, height] = [Math.max(1, pane.box.clientWidth), Math.max(1, pane.box.clientHeight)];
  const below = (times) => lonely.length && rows(lonely, extents, width * times).length * ROW + (joined ? 20 : 0);
  let times = 1;
  while (need / (width * times) + below(times) > height * times && times < 50) times *= 1.05;
  return { width: width * times, height: height * times, below: below(times) };
}

// What names and the rows below leave of the picture for the nodes that are joined.
function room(pane, ids, extents) {
  const { width, height, below } = size(pane, extents);
  const slack = Math.max(...ids.map((id) => extents[id].half));
  return { width: Math.max(120, width - 2 * slack - 2 * EDGE.x), height: Math.max(90, height - below - 74), slack };
}

// Lines bend so that their labels can be read, anew when a node was moved.
function name(pane) {
  const chosen = new Set(pane.network.getSelectedEdges());
  const found = labels(pane.edges.get(), pane.network.getPositions(), measured(pane), pane.face);
  pane.edges.update(found.map((edge) => (chosen.has(edge.id) ? { ...edge, label: pane.edges.get(edge.id).name } : edge)));
}

// What is chosen has its label, whether there is room or not.
function bring(pane) {
  const chosen = new Set(pane.network.getSelectedEdges());
  const changed = pane.edges.get().map(({ id, name, named, label }) => ({ id, label: named || chosen.has(id) ? name : " ", before: label }));
  pane.edges.update(changed.filter((e) => e.label !== e.before).map(({ id, label }) => ({ id, label })));
}

// vis-network fits the circles; names reach further
function fit(pane) {
  const { network, box } = pane;
  if (pane.data.arrangement !== undefined) { fitPlaces(pane); return; }
  const extents = measured(pane);
  const boxes = Object.entries(network.getPositions()).filter(([id]) => extents[id]).map(([id, p]) => {
    const { half, up, down } = extents[id];
    return [p.x - half, p.y - up, p.x + half, p.y + down];
  });
  if (!boxes.length) return;
  const [left, top] = [0, 1].map((at) => Math.min(...boxes.map((b) => b[at])) - EDGE[at ? "y" : "x"]);
  const [right, bottom] = [2, 3].map((at) => Math.max(...boxes.map((b) => b[at])) + EDGE[at === 3 ? "y" : "x"]);
  const scale = Math.min(box.clientWidth / (right - left), box.clientHeight / (bottom - top), 1.2);
  network.moveTo({ scale: Math.max(scale, 0.05), position: { x: (left + right) / 2, y: (top + bottom) / 2 }, animation: false });
}

const alone = ({ nodes, edges }) => {
  const joined = new Set(edges.get().flatMap((edge) => [edge.from, edge.to]));
  return nodes.getIds().filter((id) => !joined.has(id));
};

const ROW = 56;
const COLUMN = 124;

// Names as [id, middle], row by row as words stand in lines, each as wide as it is and at least a column.
function rows(ids, extents, width) {
  const lines = [];
  let at = Infinity;
  for (const id of ids) {
    const wide = Math.max(COLUMN, 2 * extents[id].half + 10);
    if (at + wide > width) { lines.push([]); at = 0; }
    lines[lines.length - 1].push([id, at + wide / 2]);
    at += wide;
    lines[lines.length - 1].wide = at;
  }
  return lines;
}

// entities without a relation stand in rows below the others, out of their way
function line(pane) {
  const lonely = alone(pane);
  const all = pane.network.getPositions();
  const extents = measured(pane);
  const joined = Object.entries(all).filter(([id]) => !lonely.includes(id) && extents[id]);
  const middle = joined.length ? (Math.min(...joined.map(([id, p]) => p.x - extents[id].half)) + Math.max(...joined.map(([id, p]) => p.x + extents[id].half))) / 2 : 0;
  const bottom = joined.length ? Math.max(...joined.map(([id, p]) => p.y + extents[id].down)) + 26 : 0;
  const lines = rows(lonely, extents, size(pane, extents).width);
  const widest = Math.max(...lines.map((line) => line.wide));
  lines.forEach((line, at) => line.forEach(([id, x]) => pane.network.moveNode(id, middle - widest / 2 + x, bottom + at * ROW)));
}

function select(pane, detail) {
  const entities = new Set(detail.entities || []);
  const relations = new Set((detail.relations || []).map((r) => r.join("\x1f")));
  const edges = pane.data.edges.filter((e) => e.relations.some((r) => relations.has(r.join("\x1f")))).map((e) => e.key);
  const nodes = pane.data.nodes.filter((n) => n.entities.some((id) => entities.has(id))).map((n) => n.key);
  pane.network.setSelection({ nodes: edges.length ? [] : nodes, edges }, { highlightEdges: !edges.length });
  bring(pane);
  pane.box.dataset.chosen = (edges.length ? edges : nodes).join("|");
}
