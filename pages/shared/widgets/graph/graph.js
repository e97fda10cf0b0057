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
    return { nodes, lines: pane.edges.get().map(({ from, to }) => [from, to]), scale: pane.network.getScale(), letters: pane.edges.get().filter((e) => e.label.trim()).map((e) => e.font.size), named: pane.edges.get().filter((e) => e.label === e.name).length };
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
