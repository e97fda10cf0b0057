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
  const pairs = new Map();
  const edges = tone.edges.map((edge, i) => {
    const pair = [edge.from, edge.to].sort().join();
    const nth = pairs.get(pair) || 0;
    pairs.set(pair, nth + 1);
    // parallel edges fan out, so that each label stays readable
    const bend = { enabled: true, type: edge.from < edge.to ? "curvedCW" : "curvedCCW", roundness: 0.12 + 0.22 * nth };
    return { ...edge, id: data.edges[i].key, from: keys[edge.from], to: keys[edge.to], smooth: bend };
  });
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
const fit = ({ network }) => {
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
}

function build(box) {
  const pane = { box, nodes: new vis.DataSet(), edges: new vis.DataSet(), fresh: true };
  // the same graph gets the same picture
  const options = { layout: { randomSeed: 7 }, physics: { enabled: false } };
  pane.network = new vis.Network(box, { nodes: pane.nodes, edges: pane.edges }, options);
  pane.network.on("stabilizationIterationsDone", () => settle(pane));
  pane.network.on("click", ({ nodes, edges }) => {
    const node = nodes.length && pane.data.nodes.find((n) => n.key === nodes[0]);
    const edge = !node && edges.length && pane.data.edges.find((e) => e.key === edges[0]);
    if (node) announce({ entities: node.entities, relations: [], kind: "entity" });
    else if (edge) announce({ entities: edge.relations.flatMap((r) => [r[0], r[1]]), relations: edge.relations, kind: "relation" });
    else announce({ entities: [], relations: [], kind: "none" });
  });
  pane.heard = (event) => event.detail.from !== "graph" && select(pane, event.detail);
  document.addEventListener("relex:focus", pane.heard);
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
  pane.fresh = pane.fresh || ![...known].some((id) => wanted.has(id));
  if (added.length && !pane.fresh) pane.nodes.update([...known].filter((id) => wanted.has(id)).map((id) => ({ id, fixed: true })));
  const joined = new Set(next.edges.flatMap((edge) => [edge.from, edge.to]));
  pane.nodes.update(next.nodes.map((node) => ({ ...node, physics: joined.has(node.id) })));
  pane.edges.update(next.edges);
  box.dataset.nodes = next.nodes.length;
  box.dataset.edges = next.edges.length;
  box.setAttribute("aria-label", `Graph of ${next.nodes.length} entities and ${next.edges.length} relations; the table beside it says the same`);
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
  if (data.left_out) say("rx-graph-note", `${data.left_out} entities with fewest relations are not drawn`);
}

export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".rx-graph");
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
