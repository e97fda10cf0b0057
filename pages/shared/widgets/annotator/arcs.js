// Relation arcs: SVG above the words, from head to tail. On one line an arc is a bracket above it; to the
// neighbouring line it runs in the gap between; further away it goes around through the margin, so that no
// arc crosses words.

const NS = 'http://www.w3.org/2000/svg';
const LANE = 10; // px between two arcs above the same line
const GUTTER = 7; // px between two arcs in the margin
const ROUND = 6;

function svg(tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export class Arcs {
  constructor(layer) {
    this.layer = layer;
    this.nodes = new Map();
  }

  // relations: [{key, head, tail, label, status, score, color}]. Returns how many lanes the fullest line has.
  draw(relations, page, sheet, margin) {
    const origin = sheet.getBoundingClientRect();
    const boxes = new Map();
    const boxOf = (id) => {
      if (!boxes.has(id)) boxes.set(id, page.boxes(id, origin));
      return boxes.get(id);
    };
    const plans = relations.map((r) => plan(r, boxOf(r.head), boxOf(r.tail))).filter(Boolean);
    spread(plans);
    const lanes = assign(plans, margin);
    const right = getComputedStyle(page.box).direction === 'rtl';
    this.layer.setAttribute('width', sheet.clientWidth);
    this.layer.setAttribute('height', sheet.clientHeight); // never higher than the text, or it could not shrink
    this.nodes.clear();
    this.layer.replaceChildren(...plans.map((p) => this.arc(p, margin, right ? sheet.clientWidth : 0)));
    return lanes;
  }

  arc(p, margin, side) {
    const { d, arrow, label } = route(p, margin, side);
    const group = svg('g', { class: `arc h${p.relation.color} ${p.relation.status}`, 'data-key': p.relation.key });
    group.relation = p.relation;
    group.append(svg('path', { class: 'hit', d }), svg('path', { class: 'wire', d }), svg('path', { class: 'tip', d: arrow }));
    const text = svg('text', { x: label.x, y: label.y + 3.5, 'text-anchor': 'middle' });
    text.textContent = p.relation.label;
    group.append(text);
    group.style.setProperty('--o', p.relation.status === 'suggested' ? Math.max(0.45, p.relation.score ?? 1) : 1);
    this.nodes.set(p.relation.key, group);
    return group;
  }
}

const centre = (box) => (box.left + box.right) / 2;
const width = (label) => 6.1 * Array.from(label).length + 8;

function plan(relation, heads, tails) {
  if (!heads.length || !tails.length) return null;
  let best = null;
  for (const head of heads) {
    for (const tail of tails) {
      const far = Math.abs(head.top - tail.top) * 4 + Math.abs(centre(head) - centre(tail));
      if (!best || far < best.far) best = { relation, head, tail, far };
    }
  }
  const pitch = (best.head.bottom - best.head.top) * 2.6;
  const rows = best.tail.top - best.head.top;
  best.kind = Math.abs(rows) < 8 ? 'same' : Math.abs(rows) < pitch ? (rows > 0 ? 'below' : 'above') : 'around';
  return best;
}

// Ends that meet at one mark are set side by side, in the order of where they go.
function spread(plans) {
  const ends = new Map();
  for (const p of plans) {
    for (const side of ['head', 'tail']) {
      const name = `${p[side].left}:${p[side].top}`;
      if (!ends.has(name)) ends.set(name, []);
      ends.get(name).push({ p, side, to: centre(side === 'head' ? p.tail : p.head) });
    }
  }
  for (const group of ends.values()) {
    const box = group[0].p[group[0].side];
    const gap = Math.min(9, (box.right - box.left - 6) / group.length);
    group.sort((a, b) => a.to - b.to);
    group.forEach(({ p, side }, i) => { p[`${side}X`] = centre(box) + (i - (group.length - 1) / 2) * gap; });
  }
}

// A lane for every horizontal stretch, so that two on the same line do not touch.
function assign(plans, margin) {
  const rows = new Map();
  let most = 0;
  const place = (top, from, to) => {
    const row = Math.round(top / 6);
    if (!rows.has(row)) rows.set(row, []);
    const lanes = rows.get(row);
    const [left, right] = [Math.min(from, to) - 4, Math.max(from, to) + 4];
    let lane = 0;
    while ((lanes[lane] || []).some(([a, b]) => a < right && left < b)) lane++;
    (lanes[lane] = lanes[lane] || []).push([left, right]);
    most = Math.max(most, lane + 1);
    return lane;
  };
  const margins = [];
  for (const p of plans.slice().sort((a, b) => Math.abs(a.headX - a.tailX) - Math.abs(b.headX - b.tailX))) {
    const half = width(p.relation.label) / 2;
    const middle = (p.headX + p.tailX) / 2;
    const [from, to] = [Math.min(p.headX, p.tailX, middle - half), Math.max(p.headX, p.tailX, middle + half)];
    if (p.kind === 'same') p.lane = place(p.head.top, from, to);
    else if (p.kind === 'below') p.lane = place(p.tail.top, from, to);
    else if (p.kind === 'above') p.lane = place(p.head.top, from, to);
    else {
      p.headLane = place(p.head.top, 0, p.headX);
      p.lane = place(p.tail.top, 0, p.tailX);
      const [top, bottom] = [Math.min(p.head.top, p.tail.top), Math.max(p.head.top, p.tail.top)];
      p.gutter = 0;
      while ((margins[p.gutter] || []).some(([a, b]) => a < bottom && top < b)) p.gutter++;
      (margins[p.gutter] = margins[p.gutter] || []).push([top, bottom]);
      p.gutter = Math.min(p.gutter, Math.floor((margin - 10) / GUTTER) - 1);
    }
  }
  return most;
}

function route(p, margin, side) {
  const above = (box, lane) => box.top - 7 - lane * LANE;
  const [hx, tx] = [p.headX, p.tailX];
  const half = width(p.relation.label) / 2;
  if (p.kind === 'around') {
    const gx = side ? side - margin + 10 + p.gutter * GUTTER : margin - 10 - p.gutter * GUTTER;
    const [hy, ty] = [above(p.head, p.headLane), above(p.tail, p.lane)];
    const inwards = side ? -1 : 1;
    const label = Math.abs(tx - gx) > half * 2 + 16 ? tx - inwards * (half + 10) : gx + inwards * (half + 6);
    return {
      d: bend([[hx, p.head.top], [hx, hy], [gx, hy], [gx, ty], [tx, ty], [tx, p.tail.top - 3]]),
      arrow: tip(tx, p.tail.top, 1), label: { x: label, y: ty },
    };
  }
  const middle = Math.max(half + 2, (hx + tx) / 2);
  if (p.kind === 'below') {
    const y = above(p.tail, p.lane);
    return { d: bend([[hx, p.head.bottom + 2], [hx, y], [tx, y], [tx, p.tail.top - 3]]), arrow: tip(tx, p.tail.top, 1), label: { x: middle, y } };
  }
  const y = above(p.head, p.lane);
  const up = p.kind === 'above';
  const end = up ? p.tail.bottom + 5 : p.tail.top - 3;
  return { d: bend([[hx, p.head.top], [hx, y], [tx, y], [tx, end]]), arrow: tip(tx, up ? p.tail.bottom + 2 : p.tail.top, up ? -1 : 1), label: { x: middle, y } };
}

const tip = (x, y, way) => `M${x} ${y}l-3.6 ${-6 * way}h7.2z`;

// A path through right-angled points with rounded corners.
function bend(points) {
  let d = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [[ax, ay], [bx, by], [cx, cy]] = [points[i - 1], points[i], points[i + 1]];
    const before = Math.hypot(bx - ax, by - ay), after = Math.hypot(cx - bx, cy - by);
    const r = Math.min(ROUND, before / 2, after / 2);
    const on = (x, y, length) => [bx + ((x - bx) / (length || 1)) * r, by + ((y - by) / (length || 1)) * r];
    const [sx, sy] = on(ax, ay, before), [ex, ey] = on(cx, cy, after);
    d += `L${sx} ${sy}Q${bx} ${by} ${ex} ${ey}`;
  }
  const last = points[points.length - 1];
  return `${d}L${last[0]} ${last[1]}`;
}
