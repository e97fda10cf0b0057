// Draws what pyvis prepared. Numbers of nodes change from run to run, keys do not: positions are kept by key.
const panes = new WeakMap();
const FIRST = 2000; // ms after the first picture in which a new size of the pane arranges it anew

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
    const color = { color: ink, highlight: ink, hover: ink, opacity: near ? 1 : faint };
    return { id, label: near ? name : " ", color, arrows: { to: { enabled: near || !crowd } }, font: { ...font, size: 11 / network.getScale() } };
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
  if (pane.edges.length > MANY) return;
  const changed = [];
  for (const { id, from, to, name, label } of pane.edges.get()) {
    const [a, b] = [network.canvasToDOM(network.getPosition(from)), network.canvasToDOM(network.getPosition(to))];
    const half = width(name, 11, pane.face) / 2 + 2;
    const place = [(a.x + b.x) / 2 - half, (a.y + b.y) / 2 - 7, (a.x + b.x) / 2 + half, (a.y + b.y) / 2 + 7];
    const free = !pane.lines.size && taken.every((other) => hits(place, other) === 0);
    if (free) taken.push(place);
    const wanted = free || pane.lines.has(id) ? name : " ";
    if (wanted !== label) changed.push({ id, label: wanted });
  }
  pane.edges.update(changed);
}

function choose(pane, key) {
  pane.chosen = key;
  mark(pane, key);
  pane.box.send("chosen", { number: Date.now(), key });
}

function build(box) {
  const pane = { box, nodes: new vis.DataSet(), edges: new vis.DataSet(), fresh: true, added: new Set(), face: getComputedStyle(box).fontFamily, lines: new Set() };
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
    bring(pane);
  });
  pane.heard = ({ detail }) => {
    if (detail.from === "graph") return;
    pane.last = detail;
    // beside an editor: what keys do there comes first
    if (box.hands) rested(box.hands, "select", () => panes.has(box) && select(pane, pane.last), GLANCE);
    else select(pane, detail);
  };
  document.addEventListener("relex:focus", pane.heard);
  pane.network.on("dragEnd", ({ nodes }) => nodes.length && pane.data.arrangement === undefined && name(pane));
  pane.network.on("zoom", () => { clearTimeout(pane.later); pane.later = setTimeout(() => pane.data.arrangement !== undefined && letters(pane), 120); });
  // where a node stands on the screen, for whoever drives the page
  box.place = (key) => pane.network.canvasToDOM(pane.network.getPosition(key));
  box.middle = (key) => pane.network.canvasToDOM(pane.network.body.edges[key].edgeType.getPoint(0.5));
  // what each node with its name covers, at full size, and whose lines carry their label
  box.drawn = () => {
    const [extents, places] = [measured(pane), pane.network.getPositions()];
    const nodes = Object.keys(extents).map((key) => ({ key, ...places[key], ...extents[key] }));
    return { nodes, lines: pane.edges.get().map(({ from, to }) => [from, to]), scale: pane.network.getScale(), named: pane.edges.get().filter((e) => e.label === e.name).length };
  };
  pane.resize = new ResizeObserver(() => {
    pane.network.redraw();
    // a page that is still being drawn gives the pane its size after the picture: nobody has seen the places yet
    if (pane.data && pane.data.arrangement === undefined && performance.now() - pane.began < FIRST) { pane.fresh = true; settle(pane); }
    fit(pane);
    setTimeout(() => panes.has(box) && fit(pane), 120);
  });
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
  const letter = ({ font }) => ({ ...font, face: pane.face });
  pane.added = new Set(added.map((node) => node.id));
  pane.nodes.update(next.nodes.map((node) => ({ ...node, font: letter(node), physics: joined.has(node.id) })));
  // a line that is drawn already keeps its bend until all have theirs anew
  pane.edges.update(next.edges.map(({ smooth, ...edge }) => ({ ...edge, name: edge.label, font: letter(edge), ...(pane.edges.get(edge.id) ? {} : { smooth }) })));
  const options = structuredClone(data.options);
  options.layout.improvedLayout = next.nodes.length <= 100;
  delete options.edges.smooth;
  if (added.length) {
    box.dataset.settled = "false";
    pane.network.setOptions({ ...options, physics: { ...options.physics, enabled: true } });
    if (next.edges.length) pane.network.stabilize(options.physics.stabilization.iterations);
    else settle(pane); // nothing that physics moves: it would never say that it is done
  } else if (next.nodes.length) {
    line(pane);
    name(pane);
  }
  note(box, data);
}

// Beside an editor: what was saved there is drawn when the hands have come to rest, and nothing while keys are pressed.
const RESTED = 1000; // ms without a key, before it is drawn anew
const GLANCE = 400; // the same, before what has the focus is marked

function follow(box) {
  const hands = { at: -RESTED, stop: new AbortController() };
  const on = (name, act) => document.addEventListener(name, act, { signal: hands.stop.signal, capture: true });
  on("keydown", () => { hands.at = performance.now(); });
  on("relex:saved", ({ detail }) => {
    hands.wanted = detail;
    hands.at = Math.max(hands.at, performance.now() - RESTED / 2); // the answers to several keys come one after the other
    rested(hands, "ask", () => { if (hands.wanted !== JSON.stringify(box.latest.stamp)) box.trigger("stale", hands.wanted); });
    age(box);
  });
  return hands;
}

// What is of another document than the editor's stands back until it is drawn anew.
function age(box) {
  const { wanted } = box.hands;
  box.classList.toggle("old", Boolean(wanted) && JSON.parse(wanted)[0] !== box.latest.stamp[0]);
}

// Does something once no key was pressed for a while; of several wishes under one name the last.
function rested(hands, name, act, pause = RESTED) {
  clearTimeout(hands[name]);
  const left = hands.at + pause - performance.now();
  hands[name] = setTimeout(() => (performance.now() < hands.at + pause ? rested(hands, name, act, pause) : act()), Math.max(0, left));
}

const CORNERS = {
  false: "M1 5V1h4M9 1h4v4M13 9v4H9M5 13H1V9",
  true: "M5 1v4H1M13 5H9V1M9 13V9h4M1 9h4v4",
};

// A graph of many names can be read on the whole screen; Escape or the button leads back.
function enlarge(box) {
  const frame = box.parentElement;
  const button = frame.querySelector(".rx-graph-large");
  const stop = new AbortController();
  const large = () => document.fullscreenElement === frame;
  const shape = () => {
    button.setAttribute("aria-label", large() ? "Back to the page" : "Graph on the whole screen");
    button.title = button.getAttribute("aria-label");
    button.innerHTML = `<svg viewBox="0 0 14 14" aria-hidden="true"><path d="${CORNERS[large()]}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
  };
  button.hidden = !document.fullscreenEnabled;
  button.onclick = ({ detail }) => {
    if (detail) button.blur(); // after a click of the mouse, keys are the editor's as before
    return large() ? document.exitFullscreen() : frame.requestFullscreen();
  };
  document.addEventListener("fullscreenchange", shape, { signal: stop.signal });
  // a key must decide nothing in a text that is not seen
  window.addEventListener("keydown", (event) => large() && event.stopPropagation(), { signal: stop.signal, capture: true });
  shape();
  return stop;
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

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const box = parentElement.querySelector(".rx-graph");
  box.send = setStateValue;
  box.trigger = setTriggerValue;
  const draw = () => {
    if (!box.isConnected) return;
    if (!panes.has(box)) panes.set(box, build(box));
    const pane = panes.get(box);
    if (!box.hands) { show(pane, box.latest); return; }
    age(box);
    const drawn = JSON.stringify(box.latest);
    // a run of the page that changed something else
    if (drawn === pane.drawn) return;
    pane.drawn = drawn;
    show(pane, box.latest);
    if (pane.last) select(pane, pane.last);
    else document.dispatchEvent(new CustomEvent("relex:asked"));
  };
  box.latest = data;
  box.large ??= enlarge(box);
  if (data.stamp) box.hands ??= follow(box);
  const begin = () => (data.stamp ? rested(box.hands, "draw", draw) : draw());
  if (window.vis) begin();
  else window.addEventListener("relex:vis", begin, { once: true });
  return () => {
    box.large?.abort();
    box.large = null;
    if (box.hands) {
      box.hands.stop.abort();
      clearTimeout(box.hands.ask);
      clearTimeout(box.hands.draw);
      clearTimeout(box.hands.select);
      box.hands = null;
    }
    const pane = panes.get(box);
    if (!pane) return;
    document.removeEventListener("relex:focus", pane.heard);
    pane.theme.removeEventListener("change", pane.repaint);
    pane.resize.disconnect();
    pane.network.destroy();
    panes.delete(box);
  };
}
