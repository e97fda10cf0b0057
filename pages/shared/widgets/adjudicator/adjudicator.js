// Versions side by side and picks by key. Text reaches the DOM as text nodes only; offsets are code points.

const KEYS = {
  ArrowLeft: 'first', ArrowRight: 'second', b: 'all', n: 'none', Tab: 'next', 'Shift+Tab': 'previous',
  j: 'next', k: 'previous', ArrowDown: 'next', ArrowUp: 'previous', u: 'undo', Enter: 'save',
};
const IDLE = 60000; // ms without a key or a click that do not count as work

function el(tag, className = '', content = '', attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== '') node.textContent = content;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class Duel {
  constructor(root) {
    this.root = root;
    this.stop = new AbortController();
    this.number = 0;
    document.addEventListener('keydown', (event) => this.key(event), { signal: this.stop.signal });
    root.addEventListener('click', () => this.tick(), { signal: this.stop.signal });
  }

  update(data, send) {
    this.send = send;
    this.number = Math.max(this.number, data.saved);
    const same = this.data && this.data.document === data.document
      && JSON.stringify(this.data.disagreements) === JSON.stringify(data.disagreements);
    this.data = data;
    this.root.style.setProperty('--height', data.height);
    if (same) {
      if (data.saved >= this.number) this.sent = false;
      return;
    }
    this.picks = {};
    this.past = [];
    this.at = 0;
    this.sent = false;
    this.work = { seconds: 0, at: performance.now() };
    this.build();
    this.draw();
  }

  build() {
    const { versions, text, disagreements } = this.data;
    const points = Array.from(text);
    const columns = el('div', 'columns');
    this.panes = versions.map((version, i) => {
      const pane = el('section', 'pane', '', { 'aria-label': version.name, tabindex: '0' });
      const name = el('h3', '', '', {});
      name.append(el('kbd', '', versions.length === 2 ? '←→'[i] : String(i + 1)), el('span', '', version.name));
      name.onclick = () => this.pick([i]);
      const body = el('div', 'text', '', { dir: 'auto' });
      const segments = fill(body, points, version.entities, disagreements.flatMap((d) => d.spans));
      pane.append(name, body);
      columns.append(pane);
      return { pane, segments };
    });
    this.list = el('div', 'list', '', { role: 'listbox', 'aria-label': 'disagreements', tabindex: '0' });
    this.rows = disagreements.map((d, i) => {
      const row = el('div', 'row', '', { role: 'option' });
      row.append(el('div', 'what', d.text));
      const options = el('div', 'options');
      versions.forEach((version, v) => {
        const option = el('button', 'option', '', { type: 'button' });
        option.append(el('b', '', version.name), el('span', '', d.options[v].join('; ') || 'nothing'));
        option.onclick = (event) => { event.stopPropagation(); this.at = i; this.pick([v]); };
        options.append(option);
      });
      row.append(options);
      row.onclick = () => { this.at = i; this.draw(); };
      this.list.append(row);
      return { row, options: [...options.children] };
    });
    if (!disagreements.length) this.list.append(el('p', 'calm', 'No disagreement. Enter saves this version as adjudicated.'));
    this.head = el('div', 'head', '', { role: 'status' });
    const side = el('aside', 'side');
    side.append(this.head, this.list);
    const body = el('div', 'body');
    body.append(columns, side);
    this.bar = el('div', 'bar', '', { role: 'toolbar', 'aria-label': 'actions' });
    const two = versions.length === 2;
    const actions = [
      ...(two ? [['←', 'left', () => this.pick([0])], ['→', 'right', () => this.pick([1])]]
        : versions.map((version, i) => [String(i + 1), version.name, () => this.pick([i])])),
      ['b', two ? 'both' : 'all', () => this.pick(versions.map((_, i) => i))], ['n', two ? 'neither' : 'none', () => this.pick([])],
      ['Tab', 'next', () => this.step(1)], ['u', 'undo', () => this.undo()], ['Enter', 'save, next', () => this.save()],
    ];
    for (const [shown, words, act] of actions) {
      const button = el('button', 'keyed', '', { type: 'button' });
      button.append(el('kbd', '', shown), el('span', '', words));
      button.onclick = act;
      this.bar.append(button);
    }
    this.message = el('span', 'message', '', { 'aria-live': 'polite' });
    this.bar.append(this.message);
    this.root.replaceChildren(body, this.bar);
  }

  draw() {
    const { disagreements } = this.data;
    const decided = disagreements.filter((d) => this.decided(d)).length;
    this.head.textContent = disagreements.length ? `${decided} of ${disagreements.length} decided` : 'agreed';
    this.rows.forEach(({ row, options }, i) => {
      const pick = this.picks[disagreements[i].id];
      row.classList.toggle('on', i === this.at);
      const fallen = this.falls(disagreements[i]);
      row.classList.toggle('done', Boolean(pick) || fallen);
      row.classList.toggle('fallen', fallen);
      row.title = fallen ? 'falls away with an entity that was turned down' : '';
      row.setAttribute('aria-selected', String(i === this.at));
      options.forEach((option, v) => option.setAttribute('aria-pressed', String(Boolean(pick) && pick.includes(v))));
      row.classList.toggle('neither', fallen || (Boolean(pick) && !pick.length));
    });
    const here = disagreements[this.at];
    for (const { segments, pane } of this.panes) {
      let first = null;
      for (const segment of segments) {
        const on = Boolean(here) && here.spans.some(([start, end]) => segment.start < end && segment.end > start);
        segment.node.classList.toggle('on', on);
        if (on && !first) first = segment.node;
      }
      if (first) reveal(pane, first);
    }
    const row = this.rows[this.at];
    if (row) reveal(this.list, row.row);
  }

  // A relation falls away with an end that was turned down: nothing is left to decide.
  falls(d) {
    return d.kind === 'relation' && d.spans.some((span) => this.data.disagreements.some((e) => e.kind === 'entity'
      && e.spans[0][0] === span[0] && e.spans[0][1] === span[1]
      && this.picks[e.id] && !this.picks[e.id].some((v) => e.options[v].length)));
  }

  decided(d) { return d.id in this.picks || this.falls(d); }

  pick(versions) {
    const here = this.data.disagreements[this.at];
    if (!here) return;
    this.past.push([this.at, { ...this.picks }]);
    this.picks[here.id] = versions;
    const names = versions.map((v) => this.data.versions[v].name).join(' and ');
    this.say(names ? `${names} for ${here.text}.` : `Nothing for ${here.text}.`);
    const open = (i) => !this.decided(this.data.disagreements[i]);
    const order = this.data.disagreements.map((_, i) => (this.at + 1 + i) % this.data.disagreements.length);
    this.at = order.find(open) ?? this.at;
    this.draw();
  }

  step(way) {
    const n = this.data.disagreements.length;
    if (n) this.at = (this.at + way + n) % n;
    this.draw();
  }

  undo() {
    const before = this.past.pop();
    if (!before) { this.say('Nothing to undo.'); return; }
    [this.at, this.picks] = before;
    this.draw();
  }

  save() {
    const { disagreements, versions } = this.data;
    const open = disagreements.findIndex((d) => !this.decided(d));
    if (open >= 0) {
      this.at = open;
      this.draw();
      this.say(`${disagreements.filter((d) => !this.decided(d)).length} not decided yet.`);
      return;
    }
    if (this.sent) return;
    this.sent = true;
    this.tick();
    this.number += 1;
    const picks = Object.fromEntries(Object.entries(this.picks).map(([id, pick]) => [id, pick.map((v) => versions[v].name)]));
    this.send({ document: this.data.document, picks, number: this.number, seconds: Math.round(this.work.seconds * 10) / 10 });
    this.say('Saved.');
  }

  tick() {
    const now = performance.now();
    if (now - this.work.at < IDLE) this.work.seconds += (now - this.work.at) / 1000;
    this.work.at = now;
  }

  say(words) { this.message.textContent = words; }

  key(event) {
    const path = event.composedPath();
    const target = path[0];
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target instanceof Element && (target.matches('input,textarea,select') || target.isContentEditable)) return;
    const inside = path.includes(this.root);
    if (!inside && document.activeElement !== document.body) return;
    if (target instanceof Element && target.matches('button') && (event.key === 'Enter' || event.key === ' ')) return;
    const name = (event.shiftKey && event.key === 'Tab' ? 'Shift+' : '') + event.key;
    const digit = /^[1-9]$/.test(event.key) && Number(event.key) <= this.data.versions.length ? Number(event.key) : 0;
    const action = KEYS[name];
    if (!action && !digit) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.tick();
    const all = this.data.versions.map((_, i) => i);
    if (digit) this.pick([digit - 1]);
    else if (action === 'first') this.pick([0]);
    else if (action === 'second') this.pick([1]);
    else if (action === 'all') this.pick(all);
    else if (action === 'none') this.pick([]);
    else if (action === 'next' || action === 'previous') this.step(action === 'next' ? 1 : -1);
    else if (action === 'undo') this.undo();
    else this.save();
  }

  close() { this.stop.abort(); }
}

// Cuts the text at every boundary of a mark or a disputed span; gives the segments with their offsets.
function fill(body, points, entities, disputed) {
  const cuts = new Set([0, points.length]);
  for (const [start, end] of [...entities, ...disputed]) { cuts.add(start); cuts.add(end); }
  const places = [...cuts].sort((a, b) => a - b);
  const segments = [];
  for (let i = 0; i + 1 < places.length; i++) {
    const [start, end] = [places[i], places[i + 1]];
    const over = entities.filter((e) => e[0] < end && e[1] > start).sort((a, b) => (b[1] - b[0]) - (a[1] - a[0]));
    const node = el('span', 's', points.slice(start, end).join(''));
    if (over.length) {
      const inner = over[over.length - 1];
      node.className = `s m h${inner[4]}`;
      node.title = over.map((e) => e[2]).join(', ');
      for (const e of over) if (e[0] === start) node.prepend(el('i', `tag h${e[4]}`, e[3], { 'aria-label': e[2], role: 'img' }));
      if (over.length > 1) node.classList.add('deep');
    }
    segments.push({ start, end, node });
    body.append(node);
  }
  return segments;
}

function reveal(pane, node) {
  const box = pane.getBoundingClientRect(), mark = node.getBoundingClientRect();
  if (mark.top < box.top + 48) pane.scrollTop += mark.top - box.top - 60;
  else if (mark.bottom > box.bottom - 16) pane.scrollTop += mark.bottom - box.bottom + 40;
}

export default function mount({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector('.duel');
  if (!root.duel) root.duel = new Duel(root);
  root.duel.update(data, (decision) => setStateValue('decision', decision));
  return () => {
    root.duel.close();
    root.duel = null;
  };
}
