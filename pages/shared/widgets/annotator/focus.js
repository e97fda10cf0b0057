// What the focus does to the screen: marks that light up, arcs, grips, and the text scrolled to it.

const OPENING = 10; // words of a document that are spoken when it is opened
const MOST_SPACE = 64; // px by which lines are moved apart at most
const MARGIN = 84; // px that stay free above and below what is brought into sight

Object.assign(Editor.prototype, {
  // Focus, dimming, arcs and the bars: everything that does not change the text's marks.
  paint(quiet = false) {
    const item = this.focus && this.items.get(this.focus);
    const near = new Set(!item ? [] : item.kind === 'entity' ? [item.id] : [item.head, item.tail]);
    for (const node of this.lit || []) node.classList.remove('focus', 'opens', 'closes', 'far', 'head');
    this.lit = [];
    for (const id of near) this.light(id);
    this.root.classList.toggle('linking', Boolean(this.linking));
    if (this.linking) {
      for (const e of this.entities) {
        if (e.id === this.linking.head) for (const piece of this.page.pieces.get(e.id) || []) { piece.classList.add('head'); this.lit.push(piece); }
        const possible = e.id === this.linking.head || this.linking.tails.some((t) => t.id === e.id);
        if (!possible) for (const piece of this.page.pieces.get(e.id) || []) { piece.classList.add('far'); this.lit.push(piece); }
      }
    }
    this.side.focus(this.focus);
    const row = this.side.chosen;
    if (row) this.dom.pane.setAttribute('aria-activedescendant', row.id);
    else this.dom.pane.removeAttribute('aria-activedescendant');
    if (this.began && this.editing) this.speak(this.opening());
    this.speak();
    if (item && !quiet) this.reveal(item);
    else if (this.caret && !quiet) this.bring(this.page.stretch(this.caret.start, this.caret.end, { left: 0, top: 0 })[0]);
    this.drawArcs();
    this.tip();
    this.bars(item);
    if (this.data.graph && this.focus !== this.shared) { this.shared = this.focus; this.tell(item); }
  },

  // Says in one go what was done and, if it is another than before, what has the focus now: when all of it is done.
  speak(words = '') {
    if (!this.unsaid) {
      this.unsaid = [];
      queueMicrotask(() => this.utter());
    }
    if (words && !this.unsaid.includes(words)) this.unsaid.push(words);
  },
  utter() {
    const item = this.focus && this.items.get(this.focus), { live } = this.dom;
    const parts = this.unsaid;
    this.unsaid = null;
    const now = item ? item.key : null;
    if (item && now !== this.heard) parts.push(`${parts.length ? (this.lead || 'Now') + ': ' : ''}${describe(item)}`);
    this.heard = now;
    this.lead = '';
    if (!parts.length) return;
    const words = parts.join(' ');
    // what is said twice is said again
    live.textContent = words === live.textContent ? `${words}\u00a0` : words;
  },

  // How the document begins and how much there is to decide.
  opening() {
    const n = this.sections.suggested.length, words = this.text.string.trim().split(/\s+/, OPENING + 1);
    const start = words.slice(0, OPENING).join(' ').slice(0, 120);
    this.heard = null;
    const flag = this.flagOf();
    return `Document: ${start}${words.length > OPENING ? ' …' : start.endsWith('.') ? '' : '.'} ${n ? `${n} to decide.` : 'Nothing to decide.'}${flag === null ? '' : ` Flagged${flag ? `: ${flag}` : ''}.`}`;
  },

  // What the mark under the pointer is, or would be; said anew when its label changes below a resting pointer.
  tip() {
    const item = (this.hover && this.byId.get(this.hover)) || this.ghost, { tip } = this.dom;
    tip.hidden = !item;
    if (!item) return;
    tip.textContent = `${item.label}${item.score === null || item.score === undefined ? '' : `  ${item.score.toFixed(2)}`}`;
    if (item === this.ghost) tip.append(el('kbd', '', show(this.keys.of('suggest')[0])));
    const origin = this.dom.sheet.getBoundingClientRect();
    this.placeTip(item === this.ghost ? this.page.stretch(item.start, item.end, origin) : this.page.boxes(item.id, origin));
  },

  // Puts the bubble where it covers no words, if there is such a place next to these boxes; never on the boxes.
  placeTip(boxes) {
    const { tip, sheet } = this.dom;
    if (!boxes.length) return;
    const frame = this.root.getBoundingClientRect(), origin = sheet.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const [first, last] = [boxes[0], boxes[boxes.length - 1]];
    const left = Math.max(frame.left + 4, Math.min(origin.left + first.left, frame.right - own.width - 4));
    const above = origin.top + first.top - own.height - 3, below = origin.top + last.bottom + 3;
    const beside = origin.left + Math.max(...boxes.map((b) => b.right)) + 6;
    const middle = origin.top + (last.top + last.bottom - own.height) / 2;
    const root = this.root.getRootNode();
    const hides = (node) => node.matches('.s,.plate');
    const clear = ([x, y]) => x + own.width <= frame.right && [0, 0.25, 0.5, 0.75, 1].every((part) => [1, own.height - 1]
      .every((down) => !root.elementsFromPoint(x + part * own.width, y + down).some(hides)));
    const places = [[left, below], [left, above], [beside, middle]];
    const [x, y] = places.find(clear) || (above > frame.top ? places[1] : places[0]);
    Object.assign(tip.style, { left: `${x - frame.left}px`, top: `${y - frame.top}px` });
  },

  light(id) {
    const pieces = this.page.pieces.get(id) || [];
    pieces.forEach((piece, i) => {
      piece.classList.add('focus');
      if (i === 0) piece.classList.add('opens');
      if (i === pieces.length - 1) piece.classList.add('closes');
      this.lit.push(piece);
    });
  },

  drawArcs() {
    const item = this.focus && this.items.get(this.focus);
    const ids = new Set([item && item.kind === 'entity' ? item.id : null, this.editing ? null : this.hover]);
    const near = this.relations.filter((r) => ids.has(r.head) || ids.has(r.tail) || (item && r.key === item.key));
    this.allByDefault = !this.editing && this.relations.length <= 40;
    let all = this.showAll ?? this.allByDefault;
    let shown = all ? this.relations : near;
    if (this.linking && this.focus) {
      const tail = item && item.kind === 'entity' && item.id !== this.linking.head ? item.id : null;
      shown = tail ? [{ key: 'new', head: this.linking.head, tail, label: this.linking.label || '…', status: 'linking', color: this.linking.label ? this.relationByName.get(this.linking.label).color : 0, score: null }] : [];
      ids.clear();
    }
    const { sheet } = this.dom;
    const lay = (some) => this.arcs.layout(some, all ? new Set() : ids, this.arcs.ground(this.page, sheet));
    let found = lay(shown);
    if (all && this.showAll === null && found.crowded) { // too many for the space between lines: those of the focus
      this.allByDefault = all = false;
      shown = near;
      found = lay(shown);
    }
    if (this.space(all ? found.height : 0)) found = lay(shown);
    this.arcs.draw(found.plans, sheet);
    for (const [key, node] of this.arcs.nodes) node.classList.toggle('focus', Boolean(item) && key === item.key);
    this.grips(item);
    this.drawCaret();
  },

  // Sets the lines as far apart as the arcs of any one mark need, so that the text stands still wherever the focus
  // goes; never closer again while the document is open. `height`: what a line needs now. True if the text moved.
  space(height) {
    const ground = this.arcs.ground(this.page, this.dom.sheet), own = ground.pitch - (this.extra || 0);
    const place = `${this.doc.id}:${this.doc.from}:${ground.width}`;
    if (place !== this.spaced) Object.assign(this, { spaced: place, tallest: 0, counted: null });
    if (this.counted !== this.relations) {
      this.counted = this.relations;
      this.tallest = Math.max(this.tallest, this.arcs.tallest(this.relations, ground));
    }
    const extra = Math.ceil(Math.max(0, Math.min(MOST_SPACE, Math.max(this.tallest, height) - own)));
    if (extra === (this.extra || 0)) return false;
    this.extra = extra;
    this.root.style.setProperty('--extra', `${extra}px`);
    return true;
  },

  grips(item) {
    const box = this.dom.grips;
    box.hidden = !(this.editing && item && item.kind === 'entity' && item.status !== 'rejected' && !this.linking);
    if (box.hidden) return;
    const boxes = this.page.boxes(item.id, this.dom.sheet.getBoundingClientRect());
    if (!boxes.length) { box.hidden = true; return; }
    const [first, last] = [boxes[0], boxes[boxes.length - 1]];
    const right = getComputedStyle(this.page.pieces.get(item.id)[0].closest('.par')).direction === 'rtl';
    const put = (node, x, b, out) => { node.style.left = `${x}px`; node.style.top = `${b.top}px`; node.style.height = `${b.bottom - b.top}px`; node.dataset.out = out; };
    // in front of the letter
    const mark = this.page.pieces.get(item.id)[0].getClientRects(), left = this.dom.sheet.getBoundingClientRect().left;
    put(this.dom.gripStart, (right ? mark[0].right : mark[0].left) - left, first, right ? 'right' : 'left');
    put(this.dom.gripEnd, right ? last.left : last.right + 2, last, right ? 'left' : 'right');
    this.dom.gripLink.style.left = `${right ? last.left : last.right}px`;
    this.dom.gripLink.style.top = `${last.bottom}px`;
    this.dom.gripLink.hidden = !this.tailsOf(item.id).length;
  },

  reveal(item, again = true) {
    const [mark, tail] = (item.kind === 'entity' ? [item.id] : [item.head, item.tail]).map((id) => (this.page.pieces.get(id) || [])[0]?.getBoundingClientRect());
    if (!mark) return;
    const both = tail && { top: Math.min(mark.top, tail.top), bottom: Math.max(mark.bottom, tail.bottom) };
    const room = this.dom.pane.clientHeight - MARGIN - (this.extra || 0);
    // far jumps pass paragraphs whose height was only estimated
    if (this.bring(both && both.bottom - both.top < room ? both : mark) && again) requestAnimationFrame(() => { if (this.focus === item.key) this.reveal(item, false); });
  },

  // Scrolls the text so that a place on the screen is seen. True if it moved.
  bring(mark) {
    if (!mark) return false;
    const { pane } = this.dom, box = pane.getBoundingClientRect(), before = pane.scrollTop, room = this.extra || 0;
    if (mark.top < box.top + 40 + room) pane.scrollTop += mark.top - box.top - 60 - room;
    else if (mark.bottom > box.bottom - 24) pane.scrollTop += Math.min(mark.bottom - box.bottom + box.height / 3, mark.top - box.top - 60 - room);
    return pane.scrollTop !== before;
  },
});
