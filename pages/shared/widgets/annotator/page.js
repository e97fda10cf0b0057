// The text pane: paragraphs, segments and marks. Text reaches the DOM as text nodes only.
// A chunk is what is redrawn as a whole; a segment is a run of text under the same marks.

const CHUNK = 1500; // UTF-16 units, cut at white space
const LAZY = 20000; // from this length on, paragraphs off the screen are not laid out

export function el(tag, className = '', content = '', attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== '') node.textContent = content;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export class Page {
  constructor(box) {
    this.box = box;
    this.chunks = [];
    this.pieces = new Map(); // entity id -> its segments
  }

  open(text) {
    this.text = text;
    this.chunks = [];
    const paragraphs = [];
    let at = 0;
    for (const line of text.string.split(/(?<=\n)/)) {
      const paragraph = el('div', line.trim() ? 'par' : 'par blank', '', { dir: 'auto' });
      for (const part of cut(line)) {
        const node = el('span', 'chunk');
        const start = text.point(at), end = text.point(at + part.length);
        this.chunks.push({ start, end, node, drawn: null, entities: [] });
        paragraph.append(node);
        at += part.length;
      }
      if (text.length > LAZY) {
        paragraph.classList.add('lazy');
        paragraph.style.containIntrinsicSize = `auto ${Math.ceil(line.length / 78) * 46}px`;
      }
      paragraphs.push(paragraph);
    }
    this.pieces.clear();
    this.box.replaceChildren(...paragraphs);
  }

  // Draws `entities` (sorted by start): only chunks in which something changed are rebuilt.
  draw(entities, looks) {
    stack(entities);
    for (const chunk of this.chunks) chunk.entities = [];
    for (const entity of entities) {
      for (let i = this.chunkAt(entity.start); i < this.chunks.length && this.chunks[i].start < entity.end; i++) {
        if (i >= 0) this.chunks[i].entities.push(entity);
      }
    }
    let changed = false;
    for (const chunk of this.chunks) {
      const drawn = chunk.entities.map((e) => `${e.id}|${e.start}|${e.end}|${e.label}|${e.status}|${e.score}|${e.level}`).join('\n');
      if (drawn === chunk.drawn) continue;
      changed = true;
      chunk.drawn = drawn;
      this.fill(chunk, looks);
    }
    if (!changed) return false;
    this.pieces.clear();
    for (const chunk of this.chunks) {
      for (const segment of chunk.segments) {
        for (const id of segment.ids) {
          if (!this.pieces.has(id)) this.pieces.set(id, []);
          this.pieces.get(id).push(segment);
        }
      }
    }
    return true;
  }

  fill(chunk, looks) {
    const cuts = new Set([chunk.start, chunk.end]);
    for (const e of chunk.entities) {
      if (e.start > chunk.start) cuts.add(e.start);
      if (e.end < chunk.end) cuts.add(e.end);
    }
    const points = [...cuts].sort((a, b) => a - b);
    chunk.segments = [];
    const nodes = [];
    for (let i = 0; i + 1 < points.length; i++) {
      const [start, end] = [points[i], points[i + 1]];
      const over = chunk.entities.filter((e) => e.start < end && e.end > start).sort((a, b) => (b.end - b.start) - (a.end - a.start));
      const node = el('span', 's');
      node.start = start;
      node.ids = over.map((e) => e.id);
      if (over.length) this.mark(node, over, start, end, looks);
      node.append(this.text.slice(start, end));
      chunk.segments.push(node);
      nodes.push(node);
    }
    chunk.node.replaceChildren(...nodes);
  }

  mark(node, over, start, end, looks) {
    const inner = over[over.length - 1];
    const top = looks(inner);
    node.className = `s m h${top.color} ${inner.status}`;
    if (over.length === 1 && inner.start === start && inner.end === end) node.classList.add('lone');
    node.style.setProperty('--o', strength(inner));
    const layers = over.filter((e) => over.length > 1 || e.level > 0 || !node.classList.contains('lone'));
    if (layers.length) {
      const deepest = Math.max(...layers.map((e) => e.level));
      node.style.backgroundImage = layers.map((e) => stroke(looks(e).color, e)).join(',');
      node.style.backgroundPosition = layers.map((e) => `0 calc(100% - ${(deepest - e.level) * 4}px)`).join(',');
      node.style.paddingBottom = `${2 + deepest * 4}px`;
    }
    for (const e of over) {
      if (e.start === start) node.classList.add('first');
      if (e.end === end) node.classList.add('last');
      if (e.start !== start) continue;
      const look = looks(e);
      const score = e.status === 'suggested' ? `, suggested, ${e.score === null ? '' : e.score.toFixed(2)}` : '';
      node.append(el('i', `tag h${look.color}`, '', { 'data-l': look.letter, role: 'img', 'aria-label': `${e.label}${score}` }));
    }
  }

  chunkAt(point) {
    let low = 0, high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle].end <= point) low = middle + 1; else high = middle;
    }
    return low;
  }

  // Code point at a DOM position inside the text, null outside of it.
  pointOf(node, offset) {
    if (!this.box.contains(node)) return null;
    if (node.nodeType !== 3) {
      const child = node.childNodes[offset] || node.childNodes[offset - 1];
      if (!child) return null;
      const segments = child.nodeType === 3 ? null : (child.matches('.s') ? [child] : child.querySelectorAll('.s'));
      if (child.nodeType === 3) return this.pointOf(child, node.childNodes[offset] ? 0 : child.length);
      if (!segments.length) return node.closest('.s') ? node.closest('.s').start : null;
      const segment = node.childNodes[offset] ? segments[0] : segments[segments.length - 1];
      return segment.start + (node.childNodes[offset] ? 0 : Array.from(segment.textContent).length);
    }
    const segment = node.parentElement.closest('.s');
    return segment ? segment.start + Array.from(node.data.slice(0, offset)).length : null;
  }

  // Code point under a place on the screen.
  pointAt(x, y) {
    const root = this.box.getRootNode();
    if (document.caretPositionFromPoint) {
      const position = document.caretPositionFromPoint(x, y, { shadowRoots: [root] });
      if (position) return this.pointOf(position.offsetNode, position.offset);
    }
    const range = document.caretRangeFromPoint && document.caretRangeFromPoint(x, y);
    return range ? this.pointOf(range.startContainer, range.startOffset) : null;
  }

  // The selection as [start, end), null if there is none in the text.
  selection() {
    const root = this.box.getRootNode(), selection = document.getSelection();
    if (!selection) return null;
    let range = selection.getComposedRanges ? selection.getComposedRanges({ shadowRoots: [root] })[0] : null;
    if (!range) {
      const own = root.getSelection ? root.getSelection() : selection;
      range = own && own.rangeCount ? own.getRangeAt(0) : null;
    }
    if (!range) return null;
    const a = this.pointOf(range.startContainer, range.startOffset), b = this.pointOf(range.endContainer, range.endOffset);
    return a === null || b === null || a === b ? null : [Math.min(a, b), Math.max(a, b)];
  }

  // Boxes of an entity's text, one to a line, relative to `origin` (a client rectangle).
  boxes(id, origin) {
    return this.lines((this.pieces.get(id) || []).map((segment) => {
      const range = document.createRange();
      range.selectNodeContents(segment.lastChild);
      return range;
    }), origin);
  }

  // The same for any stretch of the text.
  stretch(start, end, origin) {
    const ranges = [];
    for (let i = this.chunkAt(start); i < this.chunks.length && this.chunks[i].start < end; i++) {
      for (const segment of this.chunks[i].segments) {
        const points = Array.from(segment.lastChild.data), from = Math.max(0, start - segment.start), to = Math.min(points.length, end - segment.start);
        if (from >= to) continue;
        const range = document.createRange();
        range.setStart(segment.lastChild, points.slice(0, from).join('').length);
        range.setEnd(segment.lastChild, points.slice(0, to).join('').length);
        ranges.push(range);
      }
    }
    return this.lines(ranges, origin);
  }

  lines(ranges, origin) {
    const found = [];
    for (const range of ranges) {
      for (const r of range.getClientRects()) {
        if (!r.width) continue;
        const box = { left: r.left - origin.left, right: r.right - origin.left, top: r.top - origin.top, bottom: r.bottom - origin.top };
        const before = found[found.length - 1];
        if (before && Math.abs(before.top - box.top) < 4) {
          before.left = Math.min(before.left, box.left);
          before.right = Math.max(before.right, box.right);
        } else found.push(box);
      }
    }
    return found;
  }
}

const strength = (e) => (e.status === 'suggested' ? Math.max(0.35, e.score === null ? 1 : e.score) : 1);

function stroke(color, e) {
  const tone = `color-mix(in srgb, var(--line-${color}) ${Math.round(strength(e) * 100)}%, transparent)`;
  return e.status === 'suggested' ? `repeating-linear-gradient(90deg, ${tone} 0 4px, transparent 4px 7px)` : `linear-gradient(${tone}, ${tone})`;
}

// Gives each entity a level so that overlapping ones differ: the shorter is nearer to the text.
function stack(entities) {
  let cluster = [], reach = -1;
  const settle = () => {
    const done = [];
    for (const e of cluster.sort((a, b) => (a.end - a.start) - (b.end - b.start))) {
      const taken = new Set(done.filter((o) => o.start < e.end && e.start < o.end).map((o) => o.level));
      e.level = 0;
      while (taken.has(e.level)) e.level++;
      done.push(e);
    }
    cluster = [];
  };
  for (const e of entities) {
    if (e.start >= reach) settle();
    cluster.push(e);
    reach = Math.max(reach, e.end);
  }
  settle();
}

function cut(line) {
  if (line.length <= CHUNK * 1.5) return [line];
  const parts = [];
  let at = 0;
  while (line.length - at > CHUNK * 1.5) {
    let stop = line.lastIndexOf(' ', at + CHUNK) + 1;
    if (stop <= at) {
      stop = at + CHUNK;
      const code = line.charCodeAt(stop);
      if (code >= 0xdc00 && code < 0xe000) stop++;
    }
    parts.push(line.slice(at, stop));
    at = stop;
  }
  parts.push(line.slice(at));
  return parts;
}
