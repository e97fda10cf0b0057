// Draws what pyvis prepared. Numbers of nodes change from run to run, keys do not: positions are kept by key.
const panes = new WeakMap();

const dark = (element) => {
  const parts = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const probe = document.createElement("i");
  probe.style.color = parts;
  const channels = (probe.style.color.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  return 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2] < 128;
};

const announce = (detail) => document.dispatchEvent(new CustomEvent("relex:focus", { detail: { ...detail, from: "graph" } }));

function prepare(data, box) {
  const tone = data.tones[dark(box) ? "dark" : "light"];
  const keys = data.nodes.map((node) => node.key);
  const nodes = tone.nodes.map((node, i) => ({ ...node, id: keys[i] }));
  const edges = tone.edges.map((edge, i) => ({ ...edge, id: data.edges[i].key, from: keys[edge.from], to: keys[edge.to] }));
  return { nodes, edges };
}

function settle(pane) {
  const { network, nodes, box } = pane;
  network.setOptions({ physics: { enabled: false } });
  const fresh = pane.fresh;
  pane.fresh = false;
  if (fresh) {
    // a pane is wider than high: stretch the round layout to its shape
    const lonely = new Set(alone(pane));
    const places = Object.entries(network.getPositions()).filter(([id]) => !lonely.has(id));
    const span = (axis) => Math.max(...places.map(([, p]) => p[axis])) - Math.min(...places.map(([, p]) => p[axis]));
    const wide = box.clientWidth / Math.max(box.clientHeight, 1);
    const stretch = places.length > 1 ? Math.min(2.2, Math.max(1, (wide * (span("y") || 1)) / (span("x") || 1) * 0.85)) : 1;
    for (const [id, place] of places) network.moveNode(id, place.x * stretch, place.y);
  }
  line(pane);
  nodes.update(nodes.getIds().map((id) => ({ id, fixed: false })));
  fit(pane);
  box.dataset.settled = "true";
}

// vis-network fits the circles; the labels below them need a little more
const fit = (pane) => {
  const { network } = pane;
  if (pane.data.arrangement !== undefined) { fitPlaces(pane); return; }
  network.fit({ maxZoomLevel: 1.2, animation: false });
  const place = network.getViewPosition();
  network.moveTo({ scale: network.getScale() * 0.92, position: { x: place.x, y: place.y + 10 } });
};

const alone = ({ nodes, edges }) => {
  const joined = new Set(edges.get().flatMap((edge) => [edge.from, edge.to]));
  return nodes.getIds().filter((id) => !joined.has(id));
};

// entities without a relation stand in rows below the others, out of their way
function line(pane) {
  const lonely = alone(pane);
  const all = pane.network.getPositions();
  const joined = Object.entries(all).filter(([id]) => !lonely.includes(id)).map(([, place]) => place);
  const [left, right] = joined.length ? [Math.min(...joined.map((p) => p.x)), Math.max(...joined.map((p) => p.x))] : [-300, 300];
  const bottom = joined.length ? Math.max(...joined.map((p) => p.y)) + 90 : 0;
  const columns = Math.max(1, Math.min(lonely.length, Math.max(3, Math.floor(pane.box.clientWidth / 110))));
  const from = (left + right) / 2 - ((columns - 1) * 120) / 2;
  lonely.forEach((id, at) => pane.network.moveNode(id, from + (at % columns) * 120, bottom + Math.floor(at / columns) * 64));
}

function select(pane, detail) {
  const entities = new Set(detail.entities || []);
  const relations = new Set((detail.relations || []).map((r) => r.join("\x1f")));
  const edges = pane.data.edges.filter((e) => e.relations.some((r) => relations.has(r.join("\x1f")))).map((e) => e.key);
  const nodes = pane.data.nodes.filter((n) => n.entities.some((id) => entities.has(id))).map((n) => n.key);
  pane.network.setSelection({ nodes: edges.length ? [] : nodes, edges }, { highlightEdges: !edges.length });
  pane.box.dataset.chosen = (edges.length ? edges : nodes).join("|");
}

// ---- a project's graph: places come from the server, clicks go to it ---------------------------------

const MANY = 150; // edges, from which on only those of the chosen node carry their label
const LETTERS = 13; // pixels on the screen, however far away the picture is

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
  edges.update(touched.map(({ id, name, ink, font }) => {
    const near = lines.has(id);
    const named = near || (!crowd && !lines.size);
    const color = { color: ink, highlight: ink, hover: ink, opacity: near ? 1 : faint };
    return { id, label: named ? name : " ", color, arrows: { to: { enabled: near || !crowd } }, font: { ...font, size: 11 / network.getScale() } };
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
// part come first and then those with most relations.
function letters(pane) {
  const { nodes, network, ends } = pane;
  const scale = network.getScale();
  pane.face = pane.face || getComputedStyle(pane.box).fontFamily;
  const taken = [];
  const order = nodes.get().sort((a, b) => Number(ends.has(b.id)) - Number(ends.has(a.id)) || pane.degree.get(b.id) - pane.degree.get(a.id));
  const shown = [];
  for (const node of order) {
    const at = network.canvasToDOM(network.getPosition(node.id));
    const half = node.name.length * LETTERS * 0.28 + 3;
    const top = at.y + node.size * scale;
    const place = [at.x - half, top, at.x + half, top + LETTERS + 6];
    const free = !taken.some((other) => place[0] < other[2] && other[0] < place[2] && place[1] < other[3] && other[1] < place[3]);
    if (free) taken.push(place);
    shown.push({ id: node.id, label: free ? node.name : " ", font: { ...node.font, face: pane.face, size: LETTERS / scale, strokeWidth: 4 / scale } });
  }
  nodes.update(shown);
}

function choose(pane, key) {
  pane.chosen = key;
  mark(pane, key);
  pane.box.send("chosen", { number: Date.now(), key });
}

function build(box) {
  const pane = { box, nodes: new vis.DataSet(), edges: new vis.DataSet(), fresh: true, lines: new Set() };
  // the same graph gets the same picture
  const options = { layout: { randomSeed: 7 }, physics: { enabled: false } };
  pane.network = new vis.Network(box, { nodes: pane.nodes, edges: pane.edges }, options);
  pane.network.on("stabilizationIterationsDone", () => settle(pane));
  pane.network.on("click", ({ nodes, edges }) => {
    if (pane.data.arrangement !== undefined) { choose(pane, nodes[0] || edges[0] || ""); return; }
    const node = nodes.length && pane.data.nodes.find((n) => n.key === nodes[0]);
    const edge = !node && edges.length && pane.data.edges.find((e) => e.key === edges[0]);
    if (node) announce({ entities: node.entities, relations: [], kind: "entity" });
    else if (edge) announce({ entities: edge.relations.flatMap((r) => [r[0], r[1]]), relations: edge.relations, kind: "relation" });
    else announce({ entities: [], relations: [], kind: "none" });
  });
  pane.heard = (event) => event.detail.from !== "graph" && select(pane, event.detail);
  document.addEventListener("relex:focus", pane.heard);
  pane.network.on("zoom", () => { clearTimeout(pane.later); pane.later = setTimeout(() => pane.data.arrangement !== undefined && letters(pane), 120); });
  // where a node stands on the screen, for whoever drives the page
  box.place = (key) => pane.network.canvasToDOM(pane.network.getPosition(key));
  box.middle = (key) => { const { from, to } = pane.edges.get(key); const [a, b] = [box.place(from), box.place(to)]; return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }; };
  pane.resize = new ResizeObserver(() => { pane.network.redraw(); fit(pane); setTimeout(() => panes.has(box) && fit(pane), 120); });
  pane.resize.observe(box);
  pane.theme = matchMedia("(prefers-color-scheme: dark)");
  pane.repaint = () => setTimeout(() => show(pane, pane.data), 60);
  pane.theme.addEventListener("change", pane.repaint);
  return pane;
}

function show(pane, data) {
  const { box } = pane;
  pane.data = data;
  const next = prepare(data, box);
  const known = new Set(pane.nodes.getIds());
  const wanted = new Set(next.nodes.map((n) => n.id));
  const added = next.nodes.filter((n) => !known.has(n.id));
  pane.edges.remove(pane.edges.getIds().filter((id) => !next.edges.some((e) => e.id === id)));
  pane.nodes.remove([...known].filter((id) => !wanted.has(id)));
  box.dataset.nodes = next.nodes.length;
  box.dataset.edges = next.edges.length;
  box.setAttribute("aria-label", `Graph of ${next.nodes.length} entities and ${next.edges.length} relations; the table beside it says the same`);
  if (data.arrangement !== undefined) { arranged(pane, data, next); note(box, data); return; }
  pane.fresh = pane.fresh || ![...known].some((id) => wanted.has(id));
  if (added.length && !pane.fresh) pane.nodes.update([...known].filter((id) => wanted.has(id)).map((id) => ({ id, fixed: true })));
  const joined = new Set(next.edges.flatMap((edge) => [edge.from, edge.to]));
  pane.nodes.update(next.nodes.map((node) => ({ ...node, physics: joined.has(node.id) })));
  pane.edges.update(next.edges);
  const options = structuredClone(data.options);
  options.layout.improvedLayout = next.nodes.length <= 100;
  delete options.edges.smooth;
  if (added.length) {
    box.dataset.settled = "false";
    pane.network.setOptions({ ...options, physics: { ...options.physics, enabled: true } });
    pane.network.stabilize(options.physics.stabilization.iterations);
  } else if (next.nodes.length) {
    line(pane);
  }
  note(box, data);
}

function note(box, data) {
  box.querySelectorAll(".rx-graph-empty, .rx-graph-note").forEach((old) => old.remove());
  const say = (name, words) => {
    const line = document.createElement("div");
    line.className = name;
    line.textContent = words;
    box.append(line);
  };
  if (!data.nodes.length) say("rx-graph-empty", "No entity above the threshold");
  if (data.note) say("rx-graph-note", data.note);
}

export default function ({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".rx-graph");
  box.send = setStateValue;
  const draw = () => {
    if (!panes.has(box)) panes.set(box, build(box));
    show(panes.get(box), box.latest);
  };
  box.latest = data;
  if (window.vis) draw();
  else window.addEventListener("relex:vis", draw, { once: true });
  return () => {
    const pane = panes.get(box);
    if (!pane) return;
    document.removeEventListener("relex:focus", pane.heard);
    pane.theme.removeEventListener("change", pane.repaint);
    pane.resize.disconnect();
    pane.network.destroy();
    panes.delete(box);
  };
}
