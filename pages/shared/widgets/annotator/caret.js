// The caret: a stretch of plain words that the keyboard has walked to, to mark what the model missed without a pointer.
// While it stands somewhere, nothing has the focus.

const STRETCH = { grow: ['end', 1], shrink: ['end', -1], growStart: ['start', 1], shrinkStart: ['start', -1] };
const PUNCTUATION = /^\p{P}+$/u;

Object.assign(Editor.prototype, {
  // To the next word (`way` 1) or the one before (-1); where that is marked, the mark gets the focus.
  walk(way) {
    const item = this.focus && this.items.get(this.focus), { words } = this.text;
    const from = this.caret || (item ? (item.kind === 'entity' ? item : this.byId.get(item.head)) : this.place);
    let at = from ? this.text.wordAfter(way > 0 ? from.end : from.start) : way > 0 ? 0 : words.length;
    if (way < 0) at--;
    while (words[at] && PUNCTUATION.test(this.text.slice(...words[at]))) at += way;
    if (!words[at]) return this.say(way > 0 ? 'The text ends here.' : 'The text begins here.');
    const [start, end] = this.text.whole(...words[at]);
    const marks = this.entities.filter((e) => e.start < end && start < e.end && !this.holds(e)).sort((a, b) => (b.end - b.start) - (a.end - a.start));
    if (marks.length) return this.focusOn(marks[0]);
    this.focus = null;
    return this.put(start, end);
  },

  // Whether the caret stands inside of a mark: then that mark does not stop it.
  holds(e) { return Boolean(this.caret) && e.start <= this.caret.start && this.caret.end <= e.end; },

  // The caret's words, longer or shorter by one.
  stretchCaret(side, way) {
    const { start, end } = this.caret, span = this.text.step(start, end, side, way);
    if (!span) return this.say(way > 0 ? 'The text ends here.' : 'One word is left.');
    return this.put(...span);
  },

  put(start, end) {
    this.caret = this.place = { start, end };
    const done = show(this.keys.of('done')[0]), grow = show(this.keys.of('grow')[0]);
    this.say(`${this.text.slice(start, end)}${this.taught ? '' : `. A digit marks it with that label, ${done} with ${this.likely(start, end).label?.name}; ${grow} takes in the next word.`}`);
    this.taught = true;
    this.paint();
  },

  drawCaret() {
    const { sheet, caret } = this.dom;
    const boxes = this.caret ? this.page.stretch(this.caret.start, this.caret.end, sheet.getBoundingClientRect()) : [];
    caret.replaceChildren(...boxes.map(({ left, right, top, bottom }) => {
      const box = el('span');
      Object.assign(box.style, { left: `${left}px`, width: `${right - left}px`, top: `${top}px`, height: `${bottom - top}px` });
      return box;
    }));
  },
});
