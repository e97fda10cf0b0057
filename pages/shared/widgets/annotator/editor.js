// The editor: one document, its decisions, the focus, and what keys and the pointer do with them.

const EMPTY_LABEL = { name: '', letter: '?', color: 0, bounds: [], symmetric: false };
const IDLE = 60000; // ms without a key or a click that do not count as work
const LEAVING = new Set(['next', 'back']);
const FLAGS = new Set(['flag', 'submit']); // commands that put a flag or take it away

export class Editor {
  constructor(root, transport) {
    this.root = root;
    this.transport = transport; // {log(records), edit(id)}
    this.keys = new Keys();
    this.forget();
    this.entityByName = new Map();
    this.relationByName = new Map();
    this.focus = null;
    this.hover = null;
    this.ghost = null;
    this.caret = null;
    this.shared = null; // what the graph knows to have the focus
    this.linking = null;
    this.showAll = null;
    this.armed = 0;
    this.made = 0;
    this.turned = {};
    this.missed = new Missed();
    build(this);
    this.page = new Page(this.dom.text);
    this.arcs = new Arcs(this.dom.arcs);
    this.side = new Side(this.dom.list, (name, item) => this.clicked(name, item));
    this.pop = new Pop(this.dom.pop, this);
    listen(this);
  }

  // ---- what Python sends -------------------------------------------------------------------------

  update(data) {
    const first = !this.data;
    this.data = data;
    this.editing = data.mode === 'edit';
    this.root.classList.toggle('editing', this.editing);
    this.root.style.setProperty('--height', data.height);
    const schema = JSON.stringify(data.schema);
    if (schema !== this.schema) this.readSchema(data.schema, schema);
    const types = data.schema.entities, labels = data.schema.relations;
    this.habits = data.habits.map(([head, tail, label, n]) => [types[head].name, types[tail].name, labels[label].name, n]);
    const limits = JSON.stringify(data.thresholds);
    // a threshold set here since then is on its way
    const newer = this.log && this.log.records.some((r) => r.thresholds && !(r.seq <= (data.acknowledged[r.client] ?? -1)));
    if (limits !== this.limits && !newer) {
      this.limits = limits;
      this.thresholds = structuredClone(data.thresholds);
    }
    const moved = this.log && this.log.scope !== data.scope;
    if (moved) {
      // other work: what is still on its way stays in storage until that is open again
      this.log.close();
      this.log = null;
    }
    if (this.editing && !this.log) this.log = new Log(data.scope, {
      send: (records) => this.transport.log(records),
      changed: () => this.status(),
      settled: (answer) => this.settled(answer),
      held: () => this.transport.held(),
    });
    if (this.log) {
      this.log.direct = data.direct;
      this.log.followed = data.followed;
      this.log.held = Boolean(data.conflict);
      this.acknowledge(data.acknowledged, data.refused);
    }
    this.refusals(data.refused);
    const shown = this.take(data, moved, data.direct);
    if (this.log && shown) {
      this.log.stepped = false;
      if (data.document.revision >= this.doc.revision) this.log.rested();
    }
    this.conflict(data.conflict);
    this.refresh(null, true);
    if (shown) this.visit(data.look);
    this.tellSaved();
    if (first && this.editing && document.activeElement === document.body) this.dom.pane.focus({ preventScroll: true });
  }

  // Shows what a message has on the desk, unless a later one said otherwise or the person has left that by now.
  take({ turn, document: doc, next, behind }, moved = false, seat = this.turned.seat) {
    if (seat === this.turned.seat && turn < this.turned.turn) return false;
    this.turned = { seat, turn };
    const left = this.log && !moved && this.doc && doc.id !== this.doc.id && this.log.of(doc.id).some((r) => LEAVING.has(r.command));
    if (left && !this.log.held) return false; // held back by a conflict, the person has to come back to it
    const stays = this.doc && !moved && this.doc.id === doc.id && this.doc.text === doc.text && this.doc.from === doc.from;
    if (stays) {
      this.read(this.newer(doc));
      // nothing came in its place, and nothing is on its way any more
      if (!this.log?.of(doc.id).some((r) => LEAVING.has(r.command))) this.root.classList.remove('waiting');
    } else if (!moved && this.doc?.id === doc.id) this.open(this.newer(doc), true);
    else this.open(doc);
    this.upcoming = next.slice();
    this.behind = behind;
    return true;
  }

  // Somebody came to see one entity: it gets the focus, once.
  visit(wanted) {
    if (!wanted || wanted[0] === this.looked) return;
    this.looked = wanted[0];
    const item = this.entities.find((e) => e.start === wanted[1] && e.end === wanted[2]);
    if (item) this.focusOn(item);
  }

  readSchema(schema, json) {
    this.schema = json;
    this.entityLabels = schema.entities.filter((l) => !l.hidden);
    this.relationLabels = schema.relations.filter((l) => !l.hidden);
    this.entityByName = new Map(schema.entities.map((l) => [l.name, l]));
    this.relationByName = new Map(schema.relations.map((l) => [l.name, l]));
    this.root.classList.toggle('related', schema.relations.length > 0);
    this.armed = Math.min(this.armed, Math.max(0, this.entityLabels.length - 1));
    this.page.chunks.forEach((chunk) => { chunk.drawn = null; });
    this.side.rows.clear();
  }

  // `turned`: another window of the open text. Decisions are always those of all of it, so that work, steps of undo and
  // the suggestions that these may name go on.
  open(doc, turned = false) {
    this.text = new Text(doc.text, doc.from);
    if (!turned) {
      this.parts = [];
      this.forget();
      this.work = { seconds: 0, keystrokes: 0, at: performance.now() };
    }
    this.elsewhere = turned ? this.suggested : null;
    this.parts = [...this.parts, [doc.from, this.text.end]]; // those that were open so far
    this.words = new WeakMap();
    this.page.open(this.text);
    this.linking = null;
    this.hub = null;
    this.lately = null;
    this.chosen = false;
    this.hover = null;
    this.ghost = null;
    this.dom.ghost.replaceChildren();
    this.focus = this.caret = this.place = null;
    this.pop.close();
    this.began = true;
    this.dom.pane.scrollTop = 0;
    this.dom.list.scrollTop = 0;
    this.root.classList.remove('waiting');
    const { pager, where, back, on } = this.dom;
    pager.hidden = doc.length <= this.text.length;
    where.textContent = `Characters ${(doc.from + 1).toLocaleString('en')} to ${this.text.end.toLocaleString('en')} of ${doc.length.toLocaleString('en')}`;
    back.disabled = doc.from === 0;
    on.disabled = this.text.end === doc.length;
    this.read(doc);
  }

  // Another window of a text that is too long to be sent whole.
  turn(to) {
    this.transport.at = { ...this.transport.at, [this.doc.id]: Math.max(0, to) };
    this.log ? this.log.flush(true) : this.transport.log([]);
  }

  read(doc) {
    this.doc = doc;
    const schema = this.data.schema;
    const entity = ([id, start, end, label, score]) => ({ id, start, end, label: schema.entities[label].name, score });
    const relation = ([head, tail, label, score]) => ({ head, tail, label: schema.relations[label].name, score });
    this.candidates = { entities: doc.entities.map(entity), relations: doc.relations.map(relation) };
    this.suggested = {
      entities: new Map([...(this.elsewhere?.entities || []), ...this.candidates.entities.map((e) => [e.id, e])]),
      relations: new Map([...(this.elsewhere?.relations || []), ...this.candidates.relations.map((r) => [keyOf(r), r])]),
    };
    this.state = doc.decisions;
    for (const record of this.log ? this.log.of(doc.id) : []) {
      if (!record.op) continue;
      try { this.state = apply(this.state, record, this.suggested); } catch (error) { if (!(error instanceof Refused)) throw error; }
    }
  }

  // What Python wrote before a posted correction was committed may arrive after the answer to that.
  newer(doc) {
    const { revision, decisions, flag } = this.doc;
    return doc.revision < revision ? { ...doc, revision, decisions, flag } : doc;
  }

  // Why the open document is flagged, "" without a reason, null if it is not: what waits to be saved counts already.
  flagOf() {
    const last = this.log && this.doc && this.log.of(this.doc.id).filter((r) => FLAGS.has(r.command)).pop();
    return last ? flagged(last) : this.doc?.flag ?? null;
  }

  // What is saved leaves the log; the flag that it gave or took is from now on the open document's own.
  acknowledge(committed, refused) {
    const gone = new Set(refused.map(nameOfRecord));
    const saved = (r) => FLAGS.has(r.command) && r.seq <= (committed[r.client] ?? -1) && !gone.has(nameOfRecord(r));
    const last = this.doc && this.log.of(this.doc.id).filter(saved).pop();
    if (last) this.doc.flag = flagged(last);
    this.log.acknowledge(committed);
  }

  // The answer to a posted log: what it saved is now where later corrections start from.
  settled({ acknowledged, revisions, refused, desk }) {
    const { doc } = this;
    if (!refused.length && doc && Object.hasOwn(revisions, doc.id)) {
      for (const record of this.log.of(doc.id)) {
        if (!record.op || !(record.seq <= (acknowledged[record.client] ?? -1))) continue;
        try { doc.decisions = apply(doc.decisions, record, this.suggested); } catch (error) { if (!(error instanceof Refused)) throw error; }
      }
      doc.revision = Math.max(doc.revision, revisions[doc.id]);
    }
    this.acknowledge(acknowledged, refused);
    this.refusals(refused);
    const laid = desk && desk.document && this.transport.unpack(desk);
    if (laid && this.take(laid)) this.refresh(null, true);
    this.tellSaved();
    // a run of the page shows what was kept, or is waited for
    if (refused.length || (desk && !laid)) this.transport.log(this.log.bare());
  }

  refusals(refused) {
    const news = refused.filter((r) => !(this.told = this.told || new Set()).has(`${r.client}:${r.seq}`));
    news.forEach((r) => this.told.add(`${r.client}:${r.seq}`));
    if (news.length) this.say(`${news.length === 1 ? 'One correction was' : `${news.length} corrections were`} not taken over: ${news[0].message}`);
  }

  conflict(found) {
    const bar = this.dom.conflict;
    bar.hidden = !found;
    if (!found) return;
    const mine = this.log.of(found.document).filter((r) => r.op).length;
    const count = mine === 1 ? 'your change' : `your ${mine} changes`;
    const [yes, no] = mine ? [`Add ${count} to it`, `Give up ${count}`] : ['Go on all the same', 'Stay and look at it'];
    const words = el('span', '', `${found.annotator || 'Somebody'} saved revision ${found.revision} of this document in the meantime. Nothing was overwritten.`);
    const keep = el('button', 'strong', yes, { type: 'button' });
    const drop = el('button', 'plain', no, { type: 'button' });
    const settle = (own) => {
      bar.hidden = true;
      this.data.conflict = null;
      if (this.doc.id === found.document) this.doc.revision = found.revision;
      this.log.settle(found.document, found.revision, own);
      this.read(this.doc);
      this.refresh();
    };
    keep.onclick = () => settle(true);
    drop.onclick = () => settle(false);
    bar.replaceChildren(words, keep, drop);
  }

  // ---- changing ----------------------------------------------------------------------------------

  // Applies edits here at once, as one step of undo, and sends them. False if one of them is refused.
  change(edits, spoken = '') {
    if (!this.editing || (this.log.held)) return false;
    let next = this.state;
    try {
      for (const edit of edits) next = apply(next, edit, this.suggested);
      // what a new type no longer allows goes with the old one, before it, so that nothing wrong is saved in between
      const before = new Set(misfits(this.state, this.relationByName).map(keyOf)), tied = new Set(this.state.relations.map(keyOf));
      const wrong = misfits(next, this.relationByName).filter((r) => tied.has(keyOf(r)) && !before.has(keyOf(r)));
      if (wrong.length) {
        edits = [...wrong.map(({ head, tail, label }) => ({ op: 'remove_relation', head, tail, label })), ...edits];
        next = edits.reduce((state, edit) => apply(state, edit, this.suggested), this.state);
        const names = [...new Set(wrong.map((r) => r.label))].join(', ');
        spoken = `${spoken} ${wrong.length === 1 ? 'A relation' : `${wrong.length} relations`} that this type cannot have went with it: ${names}.`.trim();
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.say(error.message);
      return false;
    }
    if (next === this.state) return true;
    this.stand(next);
    this.log.push(this.doc.id, this.doc.revision, edits);
    if (spoken) this.say(spoken);
    return true;
  }

  // What stands from here on, as one step that can be taken back.
  stand(next) {
    this.past.push({ before: this.state, after: next });
    this.future = [];
    this.state = next;
  }

  // No step can be taken back or done again from here.
  forget() {
    this.past = [];
    this.future = [];
  }

  // Takes back the last step of `from` of which something stands; the step that this is goes `onto` the others. Others may
  // have decided since: see takeBack.
  restore(from, onto, words) {
    const [done, spoken] = words === 'undo' ? ['undone', 'Undone'] : ['done again', 'Done again'];
    let back = { state: null, kept: [] }, passed = 0;
    for (; !back.state && !back.kept.length; passed++) {
      if (!from.length) return this.say(`Nothing to ${words}${passed ? ': it is so already' : ''}.`);
      back = takeBack(from.pop(), this.state, this.entityByName, this.relationByName);
    }
    const names = [...new Set(back.kept.map((item) => (item.id ? this.wordsOf(item) : item.label)))];
    const kept = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
    if (!back.state) return this.say(`Not ${done}, as it has changed since: ${kept}.`);
    const before = this.state;
    this.state = back.state;
    onto.push({ before, after: this.state });
    this.log.push(this.doc.id, this.doc.revision, steps(before, this.state, this.suggested));
    if (this.log.held) this.conflict(this.data.conflict); // it counts the changes
    this.refresh(difference(before, this.state));
    const at = firstChange(before, this.state, this.suggested.entities), away = at !== null && (at < this.text.from || at >= this.text.end);
    const place = away ? ` at character ${(at + 1).toLocaleString('en')}, in another part of the text` : '';
    return this.say(`${spoken}${place}${kept && `, but for what has changed since: ${kept}`}.${passed > 1 ? ' What came after it was so already.' : ''}`);
  }

  command(name, more = {}) {
    this.tick();
    const whole = this.text.length >= this.doc.length;
    return { command: name, thresholds: structuredClone(this.thresholds), seconds: Math.round(this.work.seconds * 10) / 10, keystrokes: this.work.keystrokes, ...(whole ? {} : { parts: this.parts }), ...more };
  }

  finish(leave) {
    const { entities, relations } = this.open_;
    const items = [];
    if (entities.length || relations.length) {
      const edit = { op: 'accept', entities: entities.map((e) => e.id), relations: relations.map((r) => [r.head, r.tail, r.label]) };
      this.stand(apply(this.state, edit, this.suggested));
      items.push(edit);
    }
    items.push(this.command('submit'));
    this.leave(items, leave, 'Submitted.');
  }

  leave(items, go, words) {
    if (this.log.held) return;
    if (go) items.push(this.command('next'));
    this.log.push(this.doc.id, this.doc.revision, items);
    this.work.seconds = 0;
    this.work.keystrokes = 0;
    this.say(words);
    const next = go && this.upcoming.shift();
    if (next) {
      this.open(next);
      this.behind = true;
      this.tellSaved();
    } else if (go) {
      // what was decided is not drawn once more: that would hold up the message that brings the next document
      this.root.classList.add('waiting');
      return;
    }
    this.refresh();
  }

  tick() {
    const now = performance.now();
    if (now - this.work.at < IDLE) this.work.seconds += (now - this.work.at) / 1000;
    this.work.at = now;
  }

  // ---- what is shown -----------------------------------------------------------------------------

  look(entity) { return this.entityByName.get(entity.label) || EMPTY_LABEL; }

  wordsOf(e) {
    if (!this.words.has(e)) this.words.set(e, this.text.slice(e.start, e.end).replace(/\s+/g, ' '));
    return this.words.get(e);
  }

  derive() {
    this.open_ = undecided(this.state, this.candidates, this.relationByName, this.thresholds, this.data.nested, (e) => this.wordsOf(e));
    const limit = (own, common, label) => (Object.hasOwn(own, label) ? own[label] : common);
    const margin = (score, t) => (score === null ? 1 : (score - t) / (1 - t || 1));
    const inside = (e) => e.start < this.text.end && e.end > this.text.from;
    const entityItem = (e, status) => {
      const label = this.look(e);
      const text = this.wordsOf(e);
      return {
        ...e, kind: 'entity', key: `e:${e.id}`, status, color: label.color, letter: label.letter, text, score: status === 'accepted' ? null : e.score,
        margin: margin(e.score ?? null, limit(this.thresholds.entities, this.thresholds.entity, e.label)),
        signature: `${text}|${e.label}|${label.color}|${e.score}`,
      };
    };
    this.entities = [...this.state.entities.map((e) => entityItem(e, 'accepted')), ...this.open_.entities.map((e) => entityItem(e, 'suggested'))]
      .filter(inside)
      .sort((a, b) => a.start - b.start || b.end - a.end);
    const rejected = this.state.rejected_entities.map((e) => entityItem(e, 'rejected'));
    this.byId = new Map([...rejected, ...this.entities].map((e) => [e.id, e]));
    const relationItem = (r, status) => {
      const head = this.byId.get(r.head), tail = this.byId.get(r.tail), label = this.relationByName.get(r.label) || EMPTY_LABEL;
      return {
        ...r, kind: 'relation', key: `r:${keyOf(r)}`, status, color: label.color, headText: head ? head.text : '…', tailText: tail ? tail.text : '…',
        start: head ? head.start : 0, score: status === 'accepted' ? null : r.score,
        margin: margin(r.score ?? null, limit(this.thresholds.relations, this.thresholds.relation, r.label)),
        signature: `${head && head.text}|${r.label}|${tail && tail.text}|${r.score}`,
      };
    };
    this.relations = [...this.state.relations.map((r) => relationItem(r, 'accepted')), ...this.open_.relations.map((r) => relationItem(r, 'suggested'))];
    for (const r of this.state.rejected_relations) {
      for (const end of [r.head, r.tail].map((id) => this.suggested.entities.get(id))) if (end && inside(end) && !this.byId.has(end.id)) this.byId.set(end.id, entityItem(end, 'hidden'));
    }
    const all = [...this.entities, ...this.relations];
    this.sections = {
      suggested: all.filter((i) => i.status === 'suggested').sort((a, b) => a.margin - b.margin || a.start - b.start),
      accepted: all.filter((i) => i.status === 'accepted'),
      rejected: [...rejected, ...this.state.rejected_relations.map((r) => relationItem(r, 'rejected'))],
    };
    this.items = new Map([...this.sections.rejected, ...all].map((i) => [i.key, i]));
  }

  // `quiet` leaves the text where the person has scrolled it.
  refresh(focus = null, quiet = false) {
    const before = this.side.order.findIndex((i) => i.key === this.focus);
    const wasOpen = this.sections ? this.sections.suggested.findIndex((i) => i.key === this.focus) : -1;
    this.derive();
    if (focus) { this.focus = focus; this.caret = null; }
    if (this.focus && !this.items.has(this.focus)) this.focus = null;
    if (this.began || (before >= 0 && !this.focus)) {
      const next = this.sections.suggested[Math.max(0, Math.min(wasOpen, this.sections.suggested.length - 1))];
      if (!this.focus && this.editing) this.focus = next ? next.key : null;
    }
    this.page.draw(this.entities, (e) => this.look(e));
    this.side.draw(this.sections);
    // an opened document is shown where its focus is, another part of a text from its beginning
    this.paint(this.began ? this.elsewhere !== null : quiet);
    this.began = false;
    this.status();
  }

  say(words) {
    this.speak(words);
    this.dom.message.textContent = words;
    this.dom.message.classList.add('fresh');
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.dom.message.classList.remove('fresh'), 6000);
  }

  status() {
    if (!this.log || !this.dom) return;
    const words = this.log.status;
    if (this.dom.status.textContent !== words) this.dom.status.textContent = words;
    this.dom.status.classList.toggle('offline', this.log.offline || this.log.held);
  }

  close() {
    if (this.log) this.log.close();
    this.unlisten();
  }
}

// The flag that a record leaves: its reason, null for none.
const flagged = (record) => (record.command === 'flag' ? record.note || '' : null);

// Where the first entity begins that one state has otherwise than the other, or of which it says something else; null
// where nothing differs.
function firstChange(before, after, suggested) {
  const marks = [suggested.values(), before.rejected_entities, before.entities, after.entities].flatMap((found) => [...found]);
  const starts = new Map(marks.map((e) => [e.id, e.start]));
  const [was, is] = [standings(before), standings(after)];
  const changed = [...was, ...is].filter(([key]) => said(was, key) !== said(is, key)).map(([, { item }]) => starts.get(item.id ?? item.head));
  const known = changed.filter((at) => at !== undefined);
  return known.length ? Math.min(...known) : null;
}

// The key of something that `after` has and `before` has not (or has otherwise): what an undo brought back.
function difference(before, after) {
  // by what they say: what has been saved since is read anew
  const mark = (e) => `${e.id} ${e.start} ${e.end} ${e.label}`;
  const old = new Set(before.entities.map(mark));
  const entity = after.entities.find((e) => !old.has(mark(e)));
  if (entity) return `e:${entity.id}`;
  const known = new Set(before.relations.map(keyOf));
  const relation = after.relations.find((r) => !known.has(keyOf(r)));
  return relation ? `r:${keyOf(relation)}` : null;
}
