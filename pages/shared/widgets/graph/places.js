// Where the nodes and words of one text's graph stand. Physics knows circles and springs only; names and labels of
// relations are wider than both, and a pane is wider than high. All numbers are pixels at full size.
const ROOM = { node: 10400, edge: 4200 }; // square pixels that a node with its name, and a line with its label, need
const EDGE = { x: 12, y: 10 }; // free margin of the pane
const BENDS = [0, 0.1, -0.1, 0.18, -0.18, 0.26, -0.26, 0.34, -0.34, 0.42, -0.42];
const MOST = 30; // nodes that may exchange their places: each two are tried, with all lines across all
const TURNS = 6; // how often labels without a place may choose anew

const ruler = document.createElement("canvas").getContext("2d");

function width(text, size, face) {
  ruler.font = `${size}px ${face}`;
  return ruler.measureText(text).width;
}

// Half the width of a node with its name, and how far it reaches up and down.
function extent(node, face) {
  return { half: Math.max(node.size + 3, width(node.label, node.font.size, face) / 2 + 4), up: node.size + 3, down: node.size + node.font.size + 11 };
}

const hits = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

// Physics leaves lines across each other in a small graph: two nodes exchange their places as long as that takes away
// crossings or, where it does not, makes lines shorter.
function untangle(places, edges) {
  const ids = Object.keys(places), lines = edges.filter((e) => e.from !== e.to && places[e.from] && places[e.to]);
  if (ids.length > MOST || lines.length > 2 * MOST) return;
  const turn = (a, b, c) => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  const across = (a, b, c, d) => turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
  const span = Math.max(1, ...ids.map((id) => Math.hypot(places[id].x, places[id].y)));
  const cost = () => {
    let sum = 0;
    lines.forEach((e, i) => {
      const [a, b] = [places[e.from], places[e.to]];
      sum += Math.hypot(a.x - b.x, a.y - b.y) / span;
      for (const o of lines.slice(0, i)) {
        if (![o.from, o.to].some((id) => id === e.from || id === e.to) && across(a, b, places[o.from], places[o.to])) sum += lines.length;
      }
    });
    return sum;
  };
  let best = cost();
  for (let better = true, round = 0; better && round < 10; round++) {
    better = false;
    for (const [i, one] of ids.entries()) {
      for (const other of ids.slice(i + 1)) {
        [places[one], places[other]] = [places[other], places[one]];
        const now = cost();
        if (now < best - 1e-6) [best, better] = [now, true];
        else [places[one], places[other]] = [places[other], places[one]];
      }
    }
  }
}

// Fill `area` (width, height) with the round layout of physics: half by distance, half by rank, so that no corner is
// crowded while another is empty. Changes `places` ({id: {x, y}}).
function spread(places, area) {
  const ids = Object.keys(places);
  for (const [axis, size] of [["x", area.width], ["y", area.height]]) {
    const order = [...ids].sort((a, b) => places[a][axis] - places[b][axis] || (a < b ? -1 : 1));
    const low = places[order[0]][axis];
    const span = places[order[order.length - 1]][axis] - low || 1;
    const at = new Map(order.map((id, rank) => [id, 0.5 * (places[id][axis] - low) / span + 0.5 * (rank / Math.max(1, order.length - 1))]));
    for (const id of ids) places[id][axis] = (ids.length > 1 ? at.get(id) - 0.5 : 0) * size;
  }
}

// Push nodes apart until no name lies on another, and away from lines that pass them; only `free` ones move.
function part(places, extents, lines, free, area) {
  const ids = Object.keys(places);
  const push = (id, x, y) => {
    if (!free.has(id)) return;
    places[id].x += x;
    places[id].y += y;
  };
  const rounds = ids.length > 120 ? 25 : 90;
  for (let round = 0; round < rounds; round++) {
    let moved = false;
    for (const { from, to } of lines) {
      const a = places[from], b = places[to];
      const dx = b.x - a.x, dy = b.y - a.y, long = Math.hypot(dx, dy) || 1;
      for (const id of ids) {
        if (id === from || id === to || !free.has(id)) continue;
        const p = places[id];
        const along = ((p.x - a.x) * dx + (p.y - a.y) * dy) / (long * long);
        if (along < 0.08 || along > 0.92) continue;
        const off = ((p.x - a.x) * dy - (p.y - a.y) * dx) / long;
        const need = extents[id].up + 14 - Math.abs(off);
        if (need > 0) push(id, ((off < 0 ? -1 : 1) * dy * need * 0.2) / long, ((off < 0 ? 1 : -1) * dx * need * 0.2) / long);
      }
    }
    for (let i = 0; i < ids.length; i++) {
      for (let j = i + 1; j < ids.length; j++) {
        const [p, q, e, f] = [places[ids[i]], places[ids[j]], extents[ids[i]], extents[ids[j]]];
        const x = e.half + f.half + 14 - Math.abs(p.x - q.x);
        const y = (p.y < q.y ? e.down + f.up : f.down + e.up) + 10 - Math.abs(p.y - q.y);
        if (x <= 0 || y <= 0) continue;
        moved = true;
        const sideways = x * 0.6 < y;
        const by = (sideways ? x : y) * 0.3;
        const sign = (sideways ? p.x - q.x : p.y - q.y) < 0 ? -1 : 1;
        push(ids[i], sideways ? sign * by : 0, sideways ? 0 : sign * by);
        push(ids[j], sideways ? -sign * by : 0, sideways ? 0 : -sign * by);
      }
    }
    if (area) {
      for (const id of free) {
        const { half, up, down } = extents[id];
        places[id].x = Math.max(-area.width / 2 - area.slack + half, Math.min(area.width / 2 + area.slack - half, places[id].x));
        places[id].y = Math.max(-area.height / 2 - 20 + up, Math.min(area.height / 2 + 34 - down, places[id].y));
      }
    }
    if (!moved && round > 30) break;
  }
}

// The control point and the middle of vis-network's static curves (`curvedCW`, the other way for a negative bend).
function curve(from, to, bend) {
  const share = Math.abs(bend) * 0.5 + 0.5;
  const angle = Math.atan2(from.y - to.y, to.x - from.x) + (bend * 0.5 + 0.5) * Math.PI;
  const long = Math.hypot(to.x - from.x, to.y - from.y) * share;
  const via = { x: from.x + long * Math.sin(angle), y: from.y + long * Math.cos(angle) };
  return { x: 0.25 * from.x + 0.5 * via.x + 0.25 * to.x, y: 0.25 * from.y + 0.5 * via.y + 0.25 * to.y };
}

// Bend each line so that its label has a place of its own; where there is none, the label waits for its turn
// (`named` false): the tooltip, the table and the choice of the line or of an end bring it up.
function labels(edges, places, extents, face) {
  let order = [...edges].sort((a, b) => b.width - a.width || (a.id < b.id ? -1 : 1));
  let best = null;
  for (let turn = 0; turn < TURNS; turn++) {
    const found = bent(order, places, extents, face);
    const left = new Set(found.filter((edge) => !edge.named).map((edge) => edge.id));
    if (!best || left.size < best.left) best = { found, left: left.size };
    if (!left.size) break;
    // who found no place chooses first the next time
    order = [...order.filter((edge) => left.has(edge.id)), ...order.filter((edge) => !left.has(edge.id))];
  }
  return best.found;
}

function bent(order, places, extents, face) {
  const taken = Object.entries(places).map(([id, p]) => {
    const { half, up, down } = extents[id];
    return [p.x - half, p.y - up, p.x + half, p.y + down];
  });
  const [top, bottom] = [Math.min(...taken.map((box) => box[1])), Math.max(...taken.map((box) => box[3]))];
  const between = new Map();
  return order.map((edge) => {
    const { from, to } = edge;
    const pair = [from, to].sort().join("\n");
    const used = between.get(pair) || [];
    const half = width(edge.name, edge.font.size, face) / 2 + 3;
    let best = null;
    for (const bend of BENDS) {
      // lines between the same two nodes bulge to different sides
      const side = from < to ? bend : -bend;
      if (used.some((other) => Math.abs(other - side) < 0.17)) continue;
      const at = curve(places[from], places[to], bend);
      const box = [at.x - half, at.y - edge.font.size * 0.6, at.x + half, at.y + edge.font.size * 0.6];
      // no line leaves the picture for its label
      const cost = taken.reduce((sum, other) => sum + hits(box, other), 0) + (box[1] < top || box[3] > bottom ? 1e4 : 0);
      if (!best || cost < best.cost - 1) best = { bend, side, box, cost };
      if (best.cost === 0) break;
    }
    best = best || { bend: 0.4 + 0.1 * used.length, side: 1, box: null, cost: Infinity };
    const named = best.cost < 40;
    if (!named) {
      // a line without its label is as straight as its neighbours leave it
      const bend = BENDS.find((other) => !used.some((taken) => Math.abs(taken - (from < to ? other : -other)) < 0.17));
      if (bend !== undefined) best = { ...best, bend, side: from < to ? bend : -bend };
    }
    between.set(pair, [...used, best.side]);
    if (named) taken.push(best.box);
    const smooth = best.bend === 0 ? { enabled: false } : { enabled: true, type: best.bend > 0 ? "curvedCW" : "curvedCCW", roundness: Math.abs(best.bend) };
    return { id: edge.id, smooth, named, label: named ? edge.name : " " };
  });
}
