// Relation arcs: SVG between the lines of text. All arcs from one mark share a trunk, which runs directly below the
// line above; each leaves it at its other end, where its label stands between trunk and word. To the same and the
// neighbouring lines the trunk runs in the gap between them, further away it goes around through the margin: no arc
// crosses words, and labels keep clear of words and of each other.

const NS = 'http://www.w3.org/2000/svg';
const ARROW = 5; // px between a label and the word below it
const TAG = 12; // px of one row of labels
const LANE = 4; // px between two trunks in the same gap
const AIR = 1; // px between a trunk and the marks above it
const RISE = 4; // px between a trunk and the word above it, where an arrow goes up to that
const HANDLE = 9; // half the width of what a relation is drawn with, at the end of the focused mark
const TAGS = 4; // rows of labels in one gap at most
const GUTTER = 7; // px between two trunks in the margin
const ROUND = 5;
const HUBS = 12; // marks with the most relations that are looked at to find out how much room arcs need

function svg(tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export class Arcs {
  constructor(layer) {
    this.layer = layer;
    this.nodes = new Map();
    this.widths = new Map();
  }

  // Where the text stands now: {boxOf(id), pitch, width, margin, page}, for any number of layouts.
  ground(page, sheet) {
    const origin = sheet.getBoundingClientRect(), boxes = new Map();
    const boxOf = (id) => {
      if (!boxes.has(id)) boxes.set(id, page.boxes(id, origin));
      return boxes.get(id);
    };
    const margin = parseFloat(getComputedStyle(sheet).paddingLeft) - 2;
    return { boxOf, pitch: parseFloat(getComputedStyle(page.box).lineHeight), width: sheet.clientWidth, margin, page };
  }

  // relations: [{key, head, tail, label, status, score, color}]; `hubs` are the ids whose arcs are drawn from them,
  // others are drawn from their heads. Returns {plans, height: px that the fullest line needs with its words, crowded}.
  layout(relations, hubs, ground) {
    const rows = new Rows(ground.pitch);
    const plans = relations.map((r) => plan(r, hubs, ground, rows, this.measure(r.label))).filter(Boolean);
    const bundles = bundle(plans);
    spread(plans, bundles);
    gutters(bundles, ground);
    for (const b of bundles) run(b);
    for (const row of rows.all) row.settle(ground.width);
    const height = Math.max(0, ...rows.all.map((row) => row.height()));
    return { plans, height, crowded: rows.all.some((row) => row.levels > 2 || row.lanes > 2) };
  }

  // What `layout` gives as height for the mark that needs most of it.
  tallest(relations, ground) {
    const own = new Map();
    for (const r of relations) {
      for (const id of [r.head, r.tail]) {
        if (!own.has(id)) own.set(id, []);
        own.get(id).push(r);
      }
    }
    const hubs = [...own].filter(([, some]) => some.length > 1).sort((a, b) => b[1].length - a[1].length).slice(0, HUBS);
    return Math.max(0, ...hubs.map(([id, some]) => this.layout(some, new Set([id]), ground).height));
  }

  draw(plans, sheet) {
    this.layer.setAttribute('width', sheet.clientWidth);
    this.layer.setAttribute('height', sheet.clientHeight); // never higher than the text, or it could not shrink
    this.nodes.clear();
    this.layer.replaceChildren(...plans.map((p) => this.arc(p)));
  }

  arc(p) {
    const { d, drop, arrow } = route(p);
    const r = p.relation, shared = p.bundle.plans.length > 1;
    const group = svg('g', { class: `arc h${r.color} ${r.status}${shared ? ' shared' : ''}`, 'data-key': r.key });
    group.relation = r;
    group.append(svg('path', { class: 'hit', d }), svg('path', { class: 'wire', d }));
    if (shared) group.append(svg('path', { class: 'drop', d: drop }));
    group.append(svg('path', { class: `tip${shared && !p.out ? ' of-all' : ''}`, d: arrow }));
    const y = p.row.tagAt(p.level);
    group.append(svg('rect', { class: 'plate', x: p.tagX - p.half, y: y - TAG / 2, width: p.half * 2, height: TAG, rx: 3 }));
    const text = svg('text', { x: p.tagX, y: y + 3.5, 'text-anchor': 'middle' });
    text.textContent = r.label;
    group.append(text);
    group.style.setProperty('--o', r.status === 'suggested' ? Math.max(0.45, r.score ?? 1) : 1);
    this.nodes.set(r.key, group);
    return group;
  }

  // Width of a label in px.
  measure(label) {
    if (!this.pen) {
      this.pen = document.createElement('canvas').getContext('2d');
      this.pen.font = `700 11px ${getComputedStyle(this.layer).fontFamily}`;
    }
    if (!this.widths.has(label)) this.widths.set(label, this.pen.measureText(label).width);
    return this.widths.get(label);
  }
}

const centre = (box) => (box.left + box.right) / 2;
const middle = (box) => (box.top + box.bottom) / 2;

// The lines of text that arcs come to, each with the gap above it.
class Rows {
  constructor(pitch) {
    this.pitch = pitch;
    this.all = [];
  }

  of(box) {
    let row = this.all.find((one) => Math.abs(one.middle - middle(box)) < this.pitch / 2);
    if (!row) this.all.push(row = new Row(middle(box), box));
    row.top = Math.min(row.top, box.top);
    row.bottom = Math.max(row.bottom, box.bottom);
    return row;
  }
}

class Row {
  constructor(at, box) {
    Object.assign(this, { middle: at, top: box.top, bottom: box.bottom, stretches: new Map(), posts: [], tags: [], levels: 0, lanes: 0 });
  }

  // `b` runs here from or to these places.
  add(b, ...xs) {
    if (!this.stretches.has(b)) this.stretches.set(b, { from: Infinity, to: -Infinity, lane: 0 });
    const one = this.stretches.get(b);
    one.from = Math.min(one.from, ...xs);
    one.to = Math.max(one.to, ...xs);
  }

  settle(width) {
    const lanes = [];
    for (const one of [...this.stretches.values()].sort((a, b) => (a.to - a.from) - (b.to - b.from))) {
      while ((lanes[one.lane] || []).some((other) => other.from < one.to + 6 && one.from < other.to + 6)) one.lane++;
      (lanes[one.lane] = lanes[one.lane] || []).push(one);
    }
    this.lanes = lanes.length;
    const placed = [];
    const free = (p, x, level, posts) => !placed.some((o) => o.level === level && Math.abs(o.tagX - x) < o.half + p.half + 2)
      && !(posts && this.posts.some((post) => post.of !== p && Math.abs(post.x - x) < p.half + (post.half || 2)));
    for (const p of this.tags.sort((a, b) => a.farX - b.farX)) {
      const slide = Math.max(0, p.half - 6);
      const xs = [0, -0.5, 0.5, -1, 1].map((part) => Math.max(p.half + 2, Math.min(width - p.half - 2, p.farX + part * slide)));
      const places = [true, false].flatMap((posts) => Array.from({ length: TAGS }, (_, level) => xs.map((x) => [x, level, posts])).flat());
      const [x, level] = places.find(([at, l, posts]) => free(p, at, l, posts)) || [xs[0], 0];
      Object.assign(p, { tagX: x, level });
      placed.push(p);
      this.levels = Math.max(this.levels, level + 1);
    }
  }

  height() {
    const up = this.tags.some((p) => p.kind === 'above') ? RISE : 0;
    return this.bottom - this.top + ARROW + TAG * this.levels + LANE * this.lanes + up + AIR;
  }
  tagAt(level) { return this.top - ARROW - TAG * (level + 0.5); }
  trunkAt(b) { return this.top - ARROW - TAG * this.levels - 1.5 - LANE * this.stretches.get(b).lane; }
}

function plan(relation, hubs, { boxOf, pitch, page }, rows, wide) {
  const out = hubs.has(relation.head) || !hubs.has(relation.tail);
  const [own, other] = out ? [relation.head, relation.tail] : [relation.tail, relation.head];
  let best = null;
  for (const near of boxOf(own)) {
    for (const far of boxOf(other)) {
      const away = Math.abs(near.top - far.top) * 4 + Math.abs(centre(near) - centre(far));
      if (!best || away < best.away) best = { relation, out, near, far, away };
    }
  }
  if (!best) return null;
  const down = middle(best.far) - middle(best.near);
  best.kind = Math.abs(down) < pitch / 2 ? 'same' : Math.abs(down) > pitch * 1.5 ? 'around' : down > 0 ? 'below' : 'above';
  best.nearRow = rows.of(best.near);
  best.row = best.kind === 'above' ? best.nearRow : rows.of(best.far);
  best.half = wide / 2 + 3;
  best.right = getComputedStyle(page.pieces.get(own)[0].closest('.par')).direction === 'rtl';
  return best;
}

// Arcs that leave (or reach) one mark on the same side of it.
function bundle(plans) {
  const found = new Map();
  for (const p of plans) {
    const below = p.kind === 'below';
    const name = `${p.near.left}:${p.near.top}:${p.out}:${below}`;
    if (!found.has(name)) found.set(name, { plans: [], near: p.near, below, right: p.right, gutter: null });
    p.bundle = found.get(name);
    p.bundle.plans.push(p);
  }
  return [...found.values()];
}

// Ends that meet at one side of a mark are set side by side, in the order of where they go.
function spread(plans, bundles) {
  const ends = new Map();
  const add = (box, side, to, set) => {
    const name = `${box.left}:${box.top}:${side}`;
    if (!ends.has(name)) ends.set(name, { box, all: [] });
    ends.get(name).all.push({ to, set });
  };
  for (const b of bundles) {
    const to = b.plans.reduce((sum, p) => sum + centre(p.far), 0) / b.plans.length;
    add(b.near, b.below, to, (x) => { b.x = x; });
  }
  for (const p of plans) add(p.far, p.kind === 'above', centre(p.near), (x) => { p.farX = x; });
  for (const { box, all } of ends.values()) {
    const gap = Math.min(9, (box.right - box.left - 6) / all.length);
    all.sort((a, b) => a.to - b.to).forEach(({ set }, i) => set(centre(box) + (i - (all.length - 1) / 2) * gap));
  }
}

function gutters(bundles, { width, margin }) {
  const taken = [];
  for (const b of bundles) {
    const ys = b.plans.filter((p) => p.kind === 'around').flatMap((p) => [p.near.top, p.far.top]);
    if (!ys.length) continue;
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    let n = 0;
    while (taken.some((o) => o.n === n && o.right === b.right && o.top < bottom && top < o.bottom)) n++;
    taken.push({ n, right: b.right, top, bottom });
    const inset = margin - 10 - Math.min(n, Math.max(0, Math.floor((margin - 10) / GUTTER) - 1)) * GUTTER;
    b.gutter = b.right ? width - inset : inset;
  }
}

function run(b) {
  for (const p of b.plans) {
    p.row.add(b, p.farX, p.kind === 'around' ? b.gutter : b.x);
    if (p.kind === 'around') p.nearRow.add(b, b.x, b.gutter);
    p.row.tags.push(p);
    if (p.kind !== 'above') p.row.posts.push({ x: p.farX, of: p });
    if (b.below) p.row.posts.push({ x: p.right ? p.near.left : p.near.right, half: HANDLE });
  }
  if (!b.below) b.plans[0].nearRow.posts.push({ x: b.x });
}

// d: the whole way, drop: its last part, arrow: the tip at the tail.
function route(p) {
  const { bundle: b, near, far, kind, row } = p;
  const y = row.trunkAt(b), up = kind === 'above';
  const start = b.below ? near.bottom + (p.out ? 1 : 5) : near.top - (p.out ? 0 : 4);
  const end = up ? far.bottom + (p.out ? 4 : 1) : far.top - (p.out ? 4 : 0);
  const way = kind === 'around' ? [[b.x, p.nearRow.trunkAt(b)], [b.gutter, p.nearRow.trunkAt(b)], [b.gutter, y]] : [[b.x, y]];
  const drop = `M${p.farX} ${up ? row.tagAt(p.level) : y}L${p.farX} ${end}`;
  const hang = up ? `M${p.farX} ${y}L${p.farX} ${row.tagAt(p.level)}` : '';
  const d = bend([[b.x, start], ...way, [p.farX, y], [p.farX, end]]) + hang;
  if (p.out) return { d, drop, arrow: up ? tip(p.farX, far.bottom, -1) : tip(p.farX, far.top, 1) };
  return { d, drop, arrow: b.below ? tip(b.x, near.bottom, -1) : tip(b.x, near.top, 1) };
}

const tip = (x, y, way) => `M${x} ${y}l-3.4 ${-5.5 * way}h6.8z`;

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
