// Versions side by side and picks by key. Text reaches the DOM as text nodes only; offsets are code points.

// Actions that the annotator's editor has too, with its keys as somebody may have changed them there.
const SHARED = ['next', 'previous', 'down', 'up', 'undo', 'redo', 'done', 'help', 'escape'];
const WORDS = { done: 'save, next document', escape: 'Tab leaves the review' };
// action -> [keys, words for the sheet]; kept beside the editor's under names that it does not know.
const OWN = {
  pickFirst: [['ArrowLeft'], 'take the left version'], pickSecond: [['ArrowRight'], 'take the right version'],
  pickAll: [['b'], 'take all versions'], pickNone: [['n'], 'take none'],
};
const IDLE = 60000; // ms without a key or a click that do not count as work
const PICKS = 'relex-studio.picks.'; // in sessionStorage, by project and document: what was picked so far

function el(tag, className = '', content = '', attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== '') node.textContent = content;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const HERE = [...Object.keys(OWN), ...SHARED];
const inWords = (action) => (OWN[action] ? OWN[action][1] : WORDS[action] || ACTIONS[action][1]);

class DuelKeys extends Keys {
  of(action) {
    if (!OWN[action]) return super.of(action);
    return typeof this.own[action] === 'string' ? [this.own[action]] : OWN[action][0];
  }

  // A key that somebody chose goes before one that an action has from the start.
  index() {
    this.byKey = new Map();
    for (const action of HERE) for (const key of this.of(action)) this.byKey.set(key, action);
    for (const action of HERE) if (this.own[action]) for (const key of this.of(action)) this.byKey.set(key, action);
  }

  bind(action, key) {
    const taken = key && HERE.find((other) => other !== action && this.of(other).includes(key));
    if (taken) return `${show(key)} already means: ${inWords(taken)}.`;
    if (!OWN[action]) return super.bind(action, key);
    if (key === null) delete this.own[action];
    else if (/^[0-9]$/.test(key)) return 'Digits choose versions.';
    else this.own[action] = key;
    try { localStorage.setItem(STORE, JSON.stringify(this.own)); } catch { /* for this visit only */ }
    this.index();
    return '';
  }
}

class Duel {
  constructor(root) {
    this.root = root;
    this.keys = new DuelKeys();
    this.released = false;
    this.missed = new Missed();
    this.stop = new AbortController();
    this.number = 0;
    document.addEventListener('keydown', (event) => this.key(event), { signal: this.stop.signal });
    document.addEventListener('click', (event) => this.missed.clicked(event), { capture: true, signal: this.stop.signal });
    document.addEventListener('pointerdown', (event) => {
      if (this.pop && !this.pop.hidden && !event.composedPath().includes(this.pop)) this.closeSheet();
    }, { capture: true, signal: this.stop.signal });
    root.addEventListener('click', (event) => {
      this.tick();
      // a button that was clicked gives the keyboard back: Enter saves
      if (event.detail && event.target.closest('button') && this.pop.hidden) this.list.focus({ preventScroll: true });
    }, { signal: this.stop.signal });
  }

  update(data, send) {
    this.send = send;
    this.number = Math.max(this.number, data.saved);
    const before = this.data;
    const again = Boolean(before) && before.document === data.document;
    const told = ({ versions, disagreements }) => JSON.stringify([versions, disagreements]);
    const same = again && told(before) === told(data);
    this.data = data;
    this.root.style.setProperty('--height', data.height);
    if (same) {
      if (data.saved >= this.number) this.sent = false;
      return;
    }
    const { picks, seconds } = again ? { picks: stillApply(before, data, this.picks), seconds: this.work.seconds } : kept(data);
    this.picks = picks;
    this.past = [];
    this.future = [];
    this.sent = false;
    this.work = { seconds, at: again ? this.work.at : performance.now() };
    this.build();
    this.at = Math.max(0, data.disagreements.findIndex((d) => !this.decided(d)));
    this.draw();
    if (again) this.keep();
  }

  // Puts the picks by, with what was said when they were made: this may end with a reload, or with another screen.
  keep() {
    const { settled, versions, disagreements } = this.data;
    const said = { versions: versions.map(({ name }) => ({ name })), disagreements: disagreements.map(({ id, options }) => ({ id, options })) };
    try {
      sessionStorage.setItem(placeOf(this.data), JSON.stringify({ settled, ...said, picks: this.picks, seconds: this.work.seconds }));
    } catch { /* storage full or forbidden: for as long as this stays open */ }
  }

  build() {
    const { versions, text, disagreements } = this.data;
    const points = Array.from(text);
    const columns = el('div', 'columns');
    this.panes = versions.map((version, i) => {
      const pane = el('section', 'pane', '', { 'aria-label': version.name, tabindex: '0' });
      const name = el('h3', '', '', {});
      name.append(el('kbd', '', versions.length === 2 ? this.shown(['pickFirst', 'pickSecond'][i]) : String(i + 1)), el('span', '', version.name));
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
      if (d.score !== null) row.append(el('span', 'score', `model ${d.score.toFixed(2)}`));
      row.append(el('div', 'what', d.text));
      const options = el('div', 'options');
      versions.forEach((version, v) => {
        const option = el('button', 'option', '', { type: 'button' });
        option.append(el('b', '', version.name), el('span', '', d.options[v].join('; ') || 'nothing'));
        option.onclick = (event) => { event.stopPropagation(); this.at = i; this.pick([v]); };
        options.append(option);
      });
      row.append(options);
      row.onclick = () => { this.at = i; this.released = false; this.draw(); };
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
    this.message = el('span', 'message', '', { 'aria-live': 'polite' });
    this.pop = el('div', 'pop', '', { role: 'dialog', 'aria-label': 'Keys' });
    this.pop.hidden = true;
    this.pop.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      event.stopPropagation();
      this.closeSheet();
    });
    this.root.replaceChildren(body, this.bar, this.pop);
    this.buttons();
  }

  shown(action) { return show(this.keys.of(action)[0]); }

  buttons() {
    const { versions } = this.data;
    const two = versions.length === 2;
    const words = { pickFirst: 'left', pickSecond: 'right', pickAll: two ? 'both' : 'all', pickNone: two ? 'neither' : 'none', next: 'next', undo: 'undo', redo: 'redo', done: 'save, next', help: 'all keys' };
    const actions = Object.entries(words).filter(([action]) => two || !/^pick(First|Second)$/.test(action))
      .map(([action, say]) => [this.shown(action), say, () => this.run(action)]);
    if (!two) actions.unshift(...versions.map((version, i) => [String(i + 1), version.name, () => this.pick([i])]));
    this.bar.replaceChildren(...actions.map(([shown, say, act]) => {
      const button = el('button', 'keyed', '', { type: 'button' });
      button.append(el('kbd', '', shown), el('span', '', say));
      button.onclick = act;
      return button;
    }), this.message);
    if (two) this.panes.forEach(({ pane }, i) => { pane.querySelector('h3 kbd').textContent = this.shown(['pickFirst', 'pickSecond'][i]); });
  }

  // All keys, each a button that takes another one.
  help() {
    const grid = el('div', 'keygrid');
    const hint = el('p', 'hint', 'Choose a key to change it. What the editor has too changes there as well.', { role: 'status' });
    const two = this.data.versions.length === 2;
    for (const action of HERE) {
      if (!two && /^pick(First|Second)$/.test(action)) continue;
      const words = inWords(action);
      grid.append(keyButton(this.keys, el, action, words, hint, () => this.buttons()), el('span', '', words));
    }
    grid.append(el('span', 'key still', '1 … 9'), el('span', '', 'take this version'));
    const reset = el('button', 'plain', 'Original keys', { type: 'button' });
    reset.onclick = () => { for (const action of HERE) this.keys.bind(action, null); this.buttons(); this.closeSheet(); };
    this.pop.replaceChildren(el('h3', '', 'Keys'), grid, hint, reset);
    this.pop.hidden = false;
    this.pop.querySelector('button').focus({ preventScroll: true });
  }

  closeSheet() {
    this.pop.hidden = true;
    this.pop.replaceChildren();
    this.list.focus({ preventScroll: true });
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
    return this.data.disagreements.some((e) => e.kind === 'entity' && d.ends.includes(e.id)
      && this.picks[e.id] && !this.picks[e.id].some((v) => e.options[v].length));
  }

  decided(d) { return d.id in this.picks || this.falls(d); }

  pick(versions) {
    const here = this.data.disagreements[this.at];
    if (!here) return;
    this.past.push([this.at, { ...this.picks }]);
    this.future = [];
    this.released = false;
    this.picks[here.id] = versions;
    const names = versions.map((v) => this.data.versions[v].name).join(' and ');
    this.say(names ? `${names} for ${here.text}.` : `Nothing for ${here.text}.`);
    const open = (i) => !this.decided(this.data.disagreements[i]);
    const order = this.data.disagreements.map((_, i) => (this.at + 1 + i) % this.data.disagreements.length);
    this.at = order.find(open) ?? this.at;
    this.draw();
    this.keep();
  }

  step(way) {
    const n = this.data.disagreements.length;
    if (n) this.at = (this.at + way + n) % n;
    this.released = false;
    this.draw();
  }

  undo() { this.travel(this.past, this.future, 'undo'); }

  redo() { this.travel(this.future, this.past, 'redo'); }

  travel(from, to, name) {
    const state = from.pop();
    if (!state) { this.say(`Nothing to ${name}.`); return; }
    to.push([this.at, { ...this.picks }]);
    [this.at, this.picks] = state;
    this.say(name === 'undo' ? 'Undone.' : 'Redone.');
    this.draw();
    this.keep();
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
    this.send({ document: this.data.document, seen: this.data.seen, picks, number: this.number, seconds: Math.round(this.work.seconds * 10) / 10 });
    this.say('Sent.');
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
    if (!this.data || typing(event)) return;
    const inside = path.includes(this.root);
    if (!inside && document.activeElement !== document.body) return;
    if (inside && !this.pop.hidden) return;
    if (target instanceof Element && target.matches('button') && (event.key === 'Enter' || event.key === ' ')) return;
    const found = this.keys.read(event);
    // the editor's keys also begin relations
    if (!found || !(found.digit || found.action) || found.digit > this.data.versions.length) return;
    if (/^(next|previous)$/.test(found.action) && this.released) return;
    if (!this.root.isConnected) {
      if (this.pop.hidden) this.missed.keep(found);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    this.act(found);
  }

  act(found) {
    this.tick();
    if (found.digit) this.pick([found.digit - 1]);
    else this.run(found.action);
  }

  run(action) {
    if (action === 'pickFirst') this.pick([0]);
    else if (action === 'pickSecond') this.pick([1]);
    else if (action === 'pickAll') this.pick(this.data.versions.map((_, i) => i));
    else if (action === 'pickNone') this.pick([]);
    else if (action === 'next' || action === 'down') this.step(1);
    else if (action === 'previous' || action === 'up') this.step(-1);
    else if (action === 'undo') this.undo();
    else if (action === 'redo') this.redo();
    else if (action === 'help') this.help();
    else if (action === 'escape') { this.released = true; this.say('Tab now leaves the review.'); }
    else if (action === 'done') this.save();
  }

  // Back on the page.
  resume() {
    if (document.activeElement === document.body) this.list.focus({ preventScroll: true });
    this.draw();
    for (const found of this.missed.take()) this.act(found);
  }

  close() { this.stop.abort(); }
}

const placeOf = ({ scope, document }) => `${PICKS}${encodeURIComponent(scope)}/${encodeURIComponent(document)}`;

// The picks that were put by for a document, as far as they still apply, and the seconds of work that they took. With a
// save of the document they are done with.
function kept(data) {
  try {
    const before = JSON.parse(sessionStorage.getItem(placeOf(data)));
    if (before.settled === data.settled) return { picks: stillApply(before, data, before.picks), seconds: Number(before.seconds) || 0 };
    sessionStorage.removeItem(placeOf(data));
  } catch { /* none put by */ }
  return { picks: {}, seconds: 0 };
}

// The picks, as versions of `after`, at disagreements in which nothing is new: everybody who had a say still says the
// same, and whoever joined says what somebody had said already.
function stillApply(before, after, picks) {
  const names = (data) => data.versions.map((version) => version.name);
  const said = (data, d) => new Map(names(data).map((name, v) => [name, d.options[v].join('\n')]));
  const kept = {};
  for (const d of after.disagreements) {
    const old = before.disagreements.find((other) => other.id === d.id);
    if (!old || !picks[d.id]) continue;
    const [then, now] = [said(before, old), said(after, d)];
    const known = new Set(then.values());
    const calm = [...then].every(([name, words]) => now.get(name) === words) && [...now.values()].every((words) => known.has(words));
    if (calm) kept[d.id] = picks[d.id].map((v) => names(after).indexOf(names(before)[v]));
  }
  return kept;
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
  const shelf = (globalThis.relexReview ??= { away: null });
  let root = parentElement.querySelector('.duel');
  const back = root.duel ? null : comeBack(shelf, root, (away) => away.data.scope === data.scope);
  if (back) root = back.root;
  else if (!root.duel) root.duel = new Duel(root);
  const { duel } = root;
  duel.update(data, (decision) => setStateValue('decision', decision));
  if (back) duel.resume();
  return () => putAway(shelf, duel, () => {
    duel.close();
    root.duel = null;
  });
}
