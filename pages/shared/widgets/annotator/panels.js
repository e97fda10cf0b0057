// The frame around text and list: building it, the label row, the key bar, and what pops up.

function build(editor) {
  const button = (className, words, label) => el('button', className, words, { type: 'button', 'aria-label': label || words });
  const d = {
    conflict: el('div', 'conflict', '', { role: 'alert' }),
    flagged: el('p', 'flagged', '', { role: 'note' }),
    labels: el('div', 'labels', '', { role: 'toolbar', 'aria-label': 'labels' }),
    body: el('div', 'body'),
    // the keyboard rests here; what has the focus is an option of the list, which is the pane's own
    pane: el('div', 'pane', '', { tabindex: '0', role: 'group', 'aria-label': 'document', 'aria-owns': 'list' }),
    sheet: el('div', 'sheet'), text: el('div', 'text'), grips: el('div', 'grips'), ghost: el('div', 'ghost', '', { 'aria-hidden': 'true' }), caret: el('div', 'caret', '', { 'aria-hidden': 'true' }),
    gripStart: el('span', 'grip', '', { 'data-side': 'start' }), gripEnd: el('span', 'grip', '', { 'data-side': 'end' }),
    gripLink: el('span', 'link', '', { title: 'drag to the tail of a relation' }),
    arcs: document.createElementNS('http://www.w3.org/2000/svg', 'svg'),
    pager: el('div', 'pager'), where: el('span', ''), back: button('plain', 'back'), on: button('plain', 'on'),
    tip: el('div', 'bubble', '', { role: 'status' }),
    side: el('div', 'side'), tools: el('div', 'tools'),
    limits: button('plain', 'thresholds'), showArcs: button('plain', 'all relations'), showGraph: button('plain', 'graph'),
    list: el('div', 'list', '', { role: 'listbox', tabindex: '0', id: 'list', 'aria-label': 'entities and relations' }),
    bar: el('div', 'bar'), keybar: el('div', 'keybar', '', { role: 'toolbar', 'aria-label': 'actions' }),
    message: el('span', 'message'), status: el('span', 'status', 'saved', { role: 'status' }),
    live: el('div', 'live', '', { 'aria-live': 'polite' }), pop: el('div', 'pop'),
  };
  d.arcs.setAttribute('class', 'wires');
  d.arcs.setAttribute('aria-hidden', 'true');
  d.conflict.hidden = d.flagged.hidden = d.pop.hidden = d.tip.hidden = d.grips.hidden = true;
  d.grips.append(d.gripStart, d.gripEnd, d.gripLink);
  d.sheet.append(d.text, d.ghost, d.caret, d.arcs, d.grips);
  d.pager.append(d.where, d.back, d.on);
  d.pane.append(d.flagged, d.pager, d.sheet);
  d.tools.append(d.showGraph, d.showArcs, d.limits);
  d.side.append(d.tools, d.list);
  d.body.append(d.pane, d.side);
  d.bar.append(d.keybar, d.message, d.status);
  editor.root.replaceChildren(d.conflict, d.labels, d.body, d.bar, d.live, d.pop, d.tip);
  d.limits.onclick = () => editor.pop.thresholds();
  d.showArcs.onclick = () => editor.run('arcs');
  d.showGraph.onclick = () => editor.run('graph');
  editor.dom = d;
}

const BAR = {
  none: ['next', 'wordRight', 'suggest', 'more', 'undo', 'redo', 'flag', 'skip', 'done', 'help'],
  entity: ['next', 'accept', 'reject', 'suggest', 'relation', 'grow', 'shrink', 'same', 'undo', 'done', 'help'],
  relation: ['next', 'accept', 'reject', 'flip', 'more', 'less', 'undo', 'arcs', 'done', 'help'],
  caret: ['wordRight', 'wordLeft', 'grow', 'shrink', 'suggest', 'search', 'escape', 'done', 'help'],
  linking: ['next', 'done', 'search', 'escape'],
};
const SHORT = {
  next: 'next', accept: 'accept', reject: 'reject', relation: 'relation', grow: 'longer', shrink: 'shorter', same: 'all mentions', remove: 'delete',
  undo: 'undo', redo: 'redo', flip: 'flip', arcs: 'all relations', flag: 'flag', skip: 'skip', done: 'done, next', help: 'all keys', search: 'label', escape: 'leave',
  alike: 'all like it', suggest: 'model\u2019s next', more: 'show more', less: 'hide rest', wordRight: 'word by word',
};
const CARET = { wordRight: 'next word', wordLeft: 'word before', done: 'mark', suggest: 'as the model would' };
const LINKING = { next: 'next tail', done: 'draw', search: 'relation label', escape: 'leave' };
const PINNED = new Set(['done', 'help']);

Object.assign(Editor.prototype, {
  bars(item) {
    if (!this.editing) return;
    const why = this.flagOf();
    const mode = this.linking ? 'linking' : item ? item.kind : this.caret ? 'caret' : 'none';
    const labels = this.numbered(item);
    const next = this.caret ? this.likely(this.caret.start, this.caret.end).label : this.entityLabels[this.armed];
    const current = this.linking ? this.linking.label : item ? item.label : (next || EMPTY_LABEL).name;
    const hub = this.hubItem();
    const alike = this.alikeOf().length > 0;
    const signature = JSON.stringify([why, mode, current, alike, Boolean(hub), labels.map((l) => l.name), this.schema.length, this.keys.own]);
    this.dom.showArcs.setAttribute('aria-pressed', String(Boolean(this.showAll)));
    this.dom.showGraph.hidden = this.data.graph === null;
    this.dom.showGraph.setAttribute('aria-pressed', String(Boolean(this.data.graph)));
    this.dom.limits.textContent = `thresholds ${short(this.thresholds.entity)} · ${short(this.thresholds.relation)}`;
    if (signature === this.barred) return;
    this.barred = signature;
    const [skip, done] = ['skip', 'done'].map((action) => show(this.keys.of(action)[0]));
    this.dom.flagged.hidden = why === null;
    this.dom.flagged.replaceChildren(el('strong', '', 'Flagged'), el('span', '', why, { dir: 'auto' }), el('small', '', `${skip} goes on and leaves the flag, ${done} submits and takes it away`));
    this.dom.labels.replaceChildren(...labels.slice(0, 60).map((label) => {
      const i = this.numberOf(label) - 1;
      const chip = el('button', `chip h${label.color} ${label.letter ? 'ent' : 'rel'}`, '', { type: 'button', 'aria-pressed': String(label.name === current) });
      if (i < 20) chip.append(el('kbd', '', numberKey(i + 1)));
      if (label.letter) chip.append(el('i', `tag h${label.color}`, '', { 'data-l': label.letter }));
      else chip.append(el('i', 'arrow', '→'));
      chip.append(el('span', '', label.name));
      chip.onclick = () => (this.linking ? this.aim(label) : this.label(label));
      return chip;
    }));
    const marking = el('button', 'keyed mark', '', { type: 'button' });
    marking.append(el('span', '', 'mark selection'));
    marking.onclick = () => this.markSelection(false);
    const actions = alike && !this.linking ? [BAR[mode][0], 'alike', ...BAR[mode].slice(1)] : BAR[mode];
    const words = { ...SHORT, ...(this.data.followed ? { done: 'done' } : {}), ...(this.linking ? LINKING : this.caret ? CARET : {}) };
    const buttons = actions.map((action) => {
      const button = el('button', `keyed do-${action}`, '', { type: 'button', title: ACTIONS[action][1] });
      button.append(el('kbd', '', show(this.keys.of(action)[0])), el('span', '', words[action]));
      button.onclick = () => this.run(action);
      return button;
    });
    // what one looks for when lost stays in sight where the row is too long
    const pinned = el('span', 'pinned');
    pinned.append(...buttons.filter((_, i) => PINNED.has(actions[i])));
    this.dom.keybar.replaceChildren(marking, ...buttons.filter((_, i) => !PINNED.has(actions[i])), pinned);
    if (hub && !this.linking && this.relationLabels.length && matchMedia('(pointer: fine)').matches) this.dom.keybar.insertBefore(this.hint(), this.dom.keybar.children[4]);
  },
});

// What no button can stand for: a click elsewhere with a key held.
Editor.prototype.hint = function hint() {
  const words = `Shift+click or Shift+drag: relations from here; with Alt: to here; ${COMMAND}+drag: from one entity to another`;
  const button = el('button', 'keyed', '', { type: 'button', title: words });
  button.append(el('kbd', '', 'Shift+click'), el('span', '', 'relate'));
  button.onclick = () => this.say(`${words}.`);
  return button;
};

const short = (value) => value.toFixed(2).replace(/^0/, '');

// One panel at a time, above the editor; Esc or a click outside closes it.
class Pop {
  constructor(box, editor) {
    this.box = box;
    this.editor = editor;
    box.setAttribute('role', 'dialog');
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      this.close();
      if (editor.linking) editor.run('escape'); // no label, no relation: not half way between
    });
  }

  get open() { return !this.box.hidden; }

  show(title, content, near = null) {
    this.box.replaceChildren(el('h3', '', title), content);
    this.box.setAttribute('aria-label', title);
    this.box.hidden = false;
    const frame = this.editor.root.getBoundingClientRect(), own = this.box.getBoundingClientRect();
    const place = near && near[0] ? near[0].getBoundingClientRect() : null;
    const left = place ? place.left - frame.left : (frame.width - own.width) / 2;
    const top = place ? place.bottom - frame.top + 8 : Math.max(12, (frame.height - own.height) / 3);
    this.box.style.left = `${Math.max(8, Math.min(left, frame.width - own.width - 8))}px`;
    this.box.style.top = `${Math.max(8, Math.min(top, frame.height - own.height - 8))}px`;
    const field = this.box.querySelector('input,button');
    if (field) field.focus({ preventScroll: true });
  }

  close() {
    if (this.box.hidden) return;
    this.box.hidden = true;
    this.box.replaceChildren();
    this.editor.dom.pane.focus({ preventScroll: true });
  }

  // A list of labels, searchable; digits choose while the field is empty.
  choose(title, labels, take, near = null, likely = null) {
    const item = this.editor.focus && this.editor.items.get(this.editor.focus);
    const content = el('div', 'choice');
    const field = el('input', '', '', { type: 'text', placeholder: 'type to search', 'aria-label': 'search labels', autocomplete: 'off', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'options' });
    const list = el('div', 'options', '', { role: 'listbox', id: 'options', 'aria-label': title });
    let found = labels, at = Math.max(0, labels.indexOf(likely));
    const pick = (label) => { this.close(); take(label); };
    const draw = () => {
      const wanted = field.value.trim().toLowerCase();
      found = labels.filter((l) => l.name.toLowerCase().includes(wanted))
        .sort((a, b) => b.name.toLowerCase().startsWith(wanted) - a.name.toLowerCase().startsWith(wanted));
      at = Math.max(0, Math.min(at, found.length - 1));
      list.replaceChildren(...found.slice(0, 80).map((label, i) => {
        const option = el('div', `option${i === at ? ' on' : ''}`, '', { role: 'option', id: `option-${i}`, 'aria-selected': String(i === at) });
        const number = this.editor.numberOf(label);
        option.append(el('kbd', '', wanted ? '' : numberKey(number)));
        option.append(label.letter ? el('i', `tag h${label.color}`, '', { 'data-l': label.letter }) : el('i', 'arrow', '→'), el('span', '', label.name));
        option.onpointerdown = (event) => event.preventDefault(); // the field keeps the keyboard
        option.onclick = () => pick(label); // no sooner: a finger may have come to scroll
        return option;
      }), ...(found.length ? [] : [el('div', 'nothing', 'No label of this name.')]));
      if (found.length) field.setAttribute('aria-activedescendant', `option-${at}`);
      else field.removeAttribute('aria-activedescendant');
    };
    field.oninput = () => { at = 0; draw(); };
    field.onkeydown = (event) => {
      const digit = this.editor.keys.read(event)?.digit;
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { at += event.key === 'ArrowDown' ? 1 : -1; draw(); }
      else if (event.key === 'Enter' && found[at]) pick(found[at]);
      else if (!field.value && digit) {
        const meant = labels.find((l) => this.editor.numberOf(l) === digit);
        if (meant) pick(meant);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    };
    content.append(field, list);
    draw();
    this.show(title, content, near || (item ? this.editor.page.pieces.get(item.id || item.head) : null));
  }

  ask(title, hint, verb, take) {
    const content = el('form', 'ask');
    const field = el('input', '', '', { type: 'text', placeholder: hint, 'aria-label': title, maxlength: '500' });
    content.append(field, el('button', 'strong', verb, { type: 'submit' }));
    content.onsubmit = (event) => {
      event.preventDefault();
      const words = field.value.trim();
      this.close();
      take(words);
    };
    this.show(title, content);
  }

  thresholds() {
    const { editor } = this;
    const content = el('div', 'limits');
    const floor = editor.data.floor;
    const line = (kind, label, words) => {
      const own = editor.thresholds[kind === 'entity' ? 'entities' : 'relations'];
      const value = label === null ? editor.thresholds[kind] : own[label] ?? editor.thresholds[kind];
      const slider = el('input', '', '', { type: 'range', min: floor[kind], max: '0.99', step: '0.01', 'aria-label': `threshold, ${words}` });
      slider.value = value;
      const figure = el('output', label !== null && !(label in own) ? 'inherited' : '', short(value));
      slider.oninput = () => {
        editor.limit(kind, label, Number(slider.value));
        figure.textContent = short(Number(slider.value));
        figure.className = '';
        if (label === null) for (const follow of content.querySelectorAll(`output.inherited[data-kind=${kind}]`)) follow.textContent = figure.textContent;
      };
      slider.onchange = () => editor.keepThresholds();
      figure.dataset.kind = kind;
      const name = el('span', label === null ? 'all' : '', words);
      content.append(name, slider, figure);
    };
    line('entity', null, 'entities');
    for (const l of editor.entityLabels) line('entity', l.name, l.name);
    if (editor.relationLabels.length) line('relation', null, 'relations');
    for (const l of editor.relationLabels) line('relation', l.name, l.name);
    this.show('Shown from this score on', content, [editor.dom.limits]);
  }
}
