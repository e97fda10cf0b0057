// What the focus does to the screen: marks that light up, arcs, grips, and the text scrolled to it.

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
    if (item && !quiet) this.reveal(item);
    this.drawArcs();
    this.tip();
    this.bars(item);
  },

  // What the mark under the pointer is, or would be; said anew when its label changes below a resting pointer.
  tip() {
    const item = (this.hover && this.byId.get(this.hover)) || this.ghost, { tip } = this.dom;
    tip.hidden = !item;
    if (!item) return;
    tip.textContent = `${item.label}${item.score === null || item.score === undefined ? '' : `  ${item.score.toFixed(2)}`}`;
    if (item === this.ghost) tip.append(el('kbd', '', show(this.keys.of('suggest')[0])));
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
    const ids = new Set([item && item.kind === 'entity' ? item.id : null, this.hover]);
    const near = this.relations.filter((r) => ids.has(r.head) || ids.has(r.tail) || (item && r.key === item.key));
    this.allByDefault = !this.editing && this.relations.length <= 12;
    let all = this.showAll ?? this.allByDefault;
    let shown = all ? this.relations : near;
    if (this.linking && this.focus) {
      const tail = item && item.kind === 'entity' && item.id !== this.linking.head ? item.id : null;
      shown = tail ? [{ key: 'new', head: this.linking.head, tail, label: this.linking.label || '…', status: 'linking', color: this.linking.label ? this.relationByName.get(this.linking.label).color : 0, score: null }] : [];
    }
    const margin = parseFloat(getComputedStyle(this.dom.sheet).paddingLeft) - 2;
    let lanes = this.arcs.draw(shown, this.page, this.dom.sheet, margin);
    if (all && this.showAll === null && lanes > 2) { // too many for the space between lines: those of the focus
      this.allByDefault = all = false;
      lanes = this.arcs.draw(near, this.page, this.dom.sheet, margin);
      shown = near;
    }
    const extra = all && shown.length ? Math.min(5, Math.max(0, lanes - 1)) : 0;
    if (extra !== this.extra) {
      this.extra = extra;
      this.root.style.setProperty('--extra', `${extra * 10}px`);
      this.arcs.draw(shown, this.page, this.dom.sheet, margin);
    }
    for (const [key, node] of this.arcs.nodes) node.classList.toggle('focus', Boolean(item) && key === item.key);
    this.grips(item);
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
    const id = item.kind === 'entity' ? item.id : item.head;
    const piece = (this.page.pieces.get(id) || [])[0];
    if (!piece) return;
    const pane = this.dom.pane, box = pane.getBoundingClientRect(), mark = piece.getBoundingClientRect();
    const before = pane.scrollTop;
    if (mark.top < box.top + 40) pane.scrollTop += mark.top - box.top - 60;
    else if (mark.bottom > box.bottom - 24) pane.scrollTop += mark.bottom - box.bottom + box.height / 3;
    // far jumps pass paragraphs whose height was only estimated
    if (again && pane.scrollTop !== before) requestAnimationFrame(() => { if (this.focus === item.key) this.reveal(item, false); });
  },
});
