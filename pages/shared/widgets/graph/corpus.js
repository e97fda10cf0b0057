// The graph of a project: places come from the server, clicks go to it.

const MANY = 150; // edges, from which on only those of the chosen node carry their label
const LETTERS = 13; // pixels on the screen, however far away the picture is
const LABELS = 11; // the same, of lines

function arranged(pane, data, next) {
  const { box, network } = pane;
  const known = new Set(pane.nodes.getIds());
  const anew = pane.arrangement !== data.arrangement;
  pane.arrangement = data.arrangement;
  const steady = ({ background, border }) => ({ background, border, highlight: { background, border }, hover: { background, border } });
  // what is drawn stays where it is, also where somebody has dragged it
  pane.nodes.update(next.nodes.map(({ x, y, ...node }) => {
    const kept = { ...node, name: node.label, color: steady(node.color), borderWidthSelected: 4 };
    return anew || !known.has(node.id) ? { ...kept, x, y } : kept;
  }));
  pane.edges.update(next.edges.map((edge) => ({ ...edge, name: edge.label, ink: edge.color })));
  pane.degree = new Map(next.nodes.map((node) => [node.id, node.size]));
  if (anew || pane.fresh) { network.setOptions(data.options); fit(pane); }
  pane.fresh = false;
  if (pane.marked !== data.marked[0]) pane.chosen = data.marked[1];
  pane.marked = data.marked[0];
  mark(pane, pane.chosen, true);
  box.dataset.settled = "true";
}

// Names have another size at every distance, so only places count, and a margin for the outermost names.
function fitPlaces(pane) {
  const { network, box } = pane;
  const places = Object.values(network.getPositions());
  if (!places.length) return;
  const [left, right] = [Math.min(...places.map((p) => p.x)), Math.max(...places.map((p) => p.x))];
  const [top, bottom] = [Math.min(...places.map((p) => p.y)), Math.max(...places.map((p) => p.y))];
  const scale = Math.min((box.clientWidth - 130) / (right - left + 1), (box.clientHeight - 80) / (bottom - top + 1), 1.2);
  network.moveTo({ scale: Math.max(scale, 0.05), position: { x: (left + right) / 2, y: (top + bottom) / 2 + 10 / scale } });
  if (pane.ends) letters(pane);
}

// The chosen node with its neighbours, or the chosen edge with its ends, before all others.
function mark(pane, key, anew = false) {
  const { nodes, edges, network } = pane;
  const node = Boolean(key) && nodes.get(key) !== null;
  const edge = Boolean(key) && !node && edges.get(key) !== null;
  const lines = new Set(node ? network.getConnectedEdges(key) : edge ? [key] : []);
  const ends = new Set(node ? [key, ...network.getConnectedNodes(key)] : edge ? network.getConnectedNodes(key) : []);
  network.setSelection({ nodes: node ? [key] : [], edges: edge ? [key] : [] }, { highlightEdges: false });
  const crowd = edges.length > MANY;
  const faint = crowd ? Math.max(0.1, 60 / edges.length) : lines.size ? 0.15 : 0.85;
  const style = crowd ? `crowd ${edges.length}` : `few ${lines.size > 0}`;
  // of a crowd only those change that are, or were, with the chosen one
  const touched = anew || style !== pane.style ? edges.get() : edges.get([...new Set([...lines, ...pane.lines])].filter((id) => edges.get(id)));
  pane.style = style;
  pane.lines = lines;
  edges.update(touched.map(({ id, name, ink }) => {
    const near = lines.has(id);
    const color = { color: ink, highlight: ink, hover: ink, opacity: near ? 1 : faint };
    return { id, label: near ? name : " ", color, arrows: { to: { enabled: near || !crowd } } };
  }));
  nodes.update(nodes.getIds().map((id) => ({ id, opacity: !ends.size || ends.has(id) ? 1 : 0.3 })));
  pane.ends = ends;
  pane.box.dataset.chosen = key || "";
  // what was found by its name may be outside of what is seen
  if (node) {
    const at = network.canvasToDOM(network.getPosition(key));
    if (at.x < 20 || at.y < 20 || at.x > pane.box.clientWidth - 20 || at.y > pane.box.clientHeight - 20) network.focus(key, { scale: network.getScale() });
  }
  letters(pane);
}

// Names are as large as the rest of the page at any distance; where there is no room for all, those of the chosen
// part come first and then those with most relations. Labels of lines take what room is left; the chosen ones any.
function letters(pane) {
  const { nodes, network, ends } = pane;
  const scale = network.getScale();
  const taken = [];
  const order = nodes.get().sort((a, b) => Number(ends.has(b.id)) - Number(ends.has(a.id)) || pane.degree.get(b.id) - pane.degree.get(a.id));
  const shown = [];
  for (const node of order) {
    const at = network.canvasToDOM(network.getPosition(node.id));
    const half = node.name.length * LETTERS * 0.28 + 3;
    const top = at.y + node.size * scale;
    const place = [at.x - half, top, at.x + half, top + LETTERS + 6];
    const free = taken.every((other) => hits(place, other) === 0);
    if (free) taken.push(place);
    taken.push([at.x - node.size * scale, at.y - node.size * scale, at.x + node.size * scale, top]);
    shown.push({ id: node.id, label: free ? node.name : " ", font: { ...node.font, face: pane.face, size: LETTERS / scale, strokeWidth: 4 / scale } });
  }
  nodes.update(shown);
  const lines = pane.edges.length > MANY ? [...pane.lines].map((id) => pane.edges.get(id)).filter(Boolean) : pane.edges.get();
  const size = LABELS / scale;
  const changed = [];
  for (const { id, from, to, name, label, font } of lines) {
    const [a, b] = [network.canvasToDOM(network.getPosition(from)), network.canvasToDOM(network.getPosition(to))];
    const half = width(name, LABELS, pane.face) / 2 + 2;
    const place = [(a.x + b.x) / 2 - half, (a.y + b.y) / 2 - 7, (a.x + b.x) / 2 + half, (a.y + b.y) / 2 + 7];
    const free = !pane.lines.size && taken.every((other) => hits(place, other) === 0);
    if (free) taken.push(place);
    const wanted = free || pane.lines.has(id) ? name : " ";
    if (wanted !== label || font?.size !== size) changed.push({ id, label: wanted, font: { ...font, face: pane.face, size } });
  }
  pane.edges.update(changed);
}

function choose(pane, key) {
  pane.chosen = key;
  mark(pane, key);
  pane.box.send("chosen", { number: Date.now(), key });
}
