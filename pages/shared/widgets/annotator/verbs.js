// What each action does, given the focus. Mixed into Editor, so that keys, buttons and touch share one path.

const GRAPH = 'relex_studio_graph'; // a cookie: whether the graph stands beside the text
const YEAR = 31536000; // seconds

const verbs = {
  next() { this.linking ? this.stepTail(1) : this.step(this.sections.suggested, 1); },
  previous() { this.linking ? this.stepTail(-1) : this.step(this.sections.suggested, -1); },
  down() { this.step(this.side.order, 1); },
  up() { this.step(this.side.order, -1); },
  right() { this.linking ? this.stepTail(1) : this.step(this.entities, 1); },
  left() { this.linking ? this.stepTail(-1) : this.step(this.entities, -1); },
  wordRight() { this.walk(1); },
  wordLeft() { this.walk(-1); },

  into(item) {
    const { text } = this, [start, end] = text.whole(...text.words[text.wordAfter(item.start)]);
    this.focus = null;
    this.put(Math.max(start, item.start), Math.min(end, item.end));
  },
  accept(item) {
    if (item.status === 'accepted') return this.advance(item);
    const edit = item.kind === 'entity' ? { op: 'accept', entities: [item.id], relations: [] }
      : { op: 'accept', entities: [], relations: [[item.head, item.tail, item.label]] };
    return this.decide(item, edit, 'Accepted');
  },
  reject(item) {
    if (item.status === 'rejected') return this.advance(item);
    return this.decide(item, remove(item), 'Rejected');
  },
  rejectAlike(item) {
    const open = this.open_[item.kind === 'entity' ? 'entities' : 'relations'].filter((other) => other.label === item.label);
    if (!open.length) return this.say(`No suggestion here is ${item.label}.`);
    const edits = open.map((other) => remove({ ...other, kind: item.kind }));
    const along = item.kind === 'entity' ? this.along(open.map((e) => e.id)) : '', list = this.sections.suggested;
    if (this.change(edits, `Rejected: ${edits.length} ${edits.length === 1 ? 'suggestion' : 'suggestions'} of ${item.label}${edits.length === 1 ? along : along.replace('with it', 'with them')}.`)) this.goOn(list, item);
    return undefined;
  },
  remove(item) { return item.status === 'rejected' ? this.advance(item) : this.decide(item, remove(item), 'Deleted'); },

  same(item) {
    const edits = [];
    const gone = new Set(this.state.rejected_entities.map((e) => e.id));
    for (const [start, end] of this.text.occurrences(item.start, item.end)) {
      if (this.state.entities.some((e) => e.start < end && start < e.end && (!this.data.nested || (e.start === start && e.end === end)) && e.id !== item.id)) continue;
      const here = this.entities.find((e) => e.start === start && e.end === end);
      if (here && here.label === item.label) {
        if (here.status !== 'accepted') edits.push({ op: 'accept', entities: [here.id], relations: [] });
      } else if (here) edits.push({ op: 'relabel', id: here.id, label: item.label });
      else {
        const twin = this.candidates.entities.find((e) => e.start === start && e.end === end && e.label === item.label && gone.has(e.id));
        edits.push(twin ? { op: 'accept', entities: [twin.id], relations: [] } : { op: 'add_entity', id: this.newId(), start, end, label: item.label });
      }
    }
    if (edits.length && this.change(edits, `${edits.length} ${edits.length === 1 ? 'mention' : 'mentions'} marked as ${item.label}.`)) this.refresh();
    else if (!edits.length) this.say('No other mention to mark.');
  },

  grow(item) { this.resize(item, 'end', 1); },
  shrink(item) { this.resize(item, 'end', -1); },
  growStart(item) { this.resize(item, 'start', 1); },
  shrinkStart(item) { this.resize(item, 'start', -1); },

  alike() {
    const edits = this.alikeOf();
    if (!edits.length) return this.say('Give something another label first; no other suggestion here is like it.');
    const { kind, to } = this.lately, name = kind === 'entity' ? 'mention' : 'relation';
    if (this.change(edits, `${edits.length} more ${name}${edits.length === 1 ? '' : 's'}: ${to}.`)) this.refresh();
    return undefined;
  },

  suggest(item) { this.suggestAt(item); },
  more(item) { this.showMore(item); },
  less(item) { this.hideAll(item); },

  relation(item) {
    const tails = this.tailsOf(item.id);
    if (!tails.length) return this.say(this.relationLabels.length ? `No entity here can be the tail of a relation from ${item.label}.` : 'This label set has no relations.');
    this.linking = { head: item.id, tails, label: null };
    this.say(`Relation from ${item.text}: choose the tail with Tab or a click, then Enter. Esc leaves.`);
    return this.stepTail(1, true);
  },
  flip(item) {
    const [head, tail] = [this.byId.get(item.tail), this.byId.get(item.head)];
    const label = this.relationByName.get(item.label);
    if (!allows(label, head.label, tail.label)) return this.say(`${item.label} does not go from ${head.label} to ${tail.label}. Not exchanged.`);
    const edit = { op: 'flip', head: item.head, tail: item.tail, label: item.label };
    if (this.change([edit], 'Head and tail exchanged.')) this.refresh(`r:${keyOf({ head: item.tail, tail: item.head, label: item.label })}`);
    return undefined;
  },

  // what has the focus may have become another thing: it is said again
  undo() { this.heard = null; this.restore(this.past, this.future, 'undo'); },
  redo() { this.heard = null; this.restore(this.future, this.past, 'redo'); },
  arcs() {
    this.showAll = !(this.showAll ?? this.allByDefault);
    this.say(this.showAll ? 'All relations are shown.' : 'Relations of the focus are shown.');
    this.paint(true);
  },
  // The page draws it, and only while it is open; the browser remembers the choice for the next visit.
  graph() {
    if (this.data.graph === null) return this.say('The graph stands below the text here.');
    this.data.graph = !this.data.graph;
    document.cookie = `${GRAPH}=${this.data.graph ? 'yes' : 'no'}; path=/; max-age=${YEAR}; samesite=lax`;
    this.transport.graph(this.data.graph);
    this.say(this.data.graph ? 'The graph is shown.' : 'The graph is closed.');
    return this.paint(true);
  },
  rescore() {
    if (!this.data.rescores) return this.say('Relations are scored again in Annotate, not here.');
    this.log.push(this.doc.id, this.doc.revision, [this.command('rescore')]);
    const { passages } = this.doc;
    const apart = passages.length && !passages.some(([from, to]) => this.entities.every((e) => from <= e.start && e.end <= to));
    return this.say(`Relations are being scored on these entities${apart ? `, in each of the ${passages.length.toLocaleString('en')} passages in which this text is read; between passages they are not scored` : ''}.`);
  },
  search(item) {
    const labels = item && item.kind === 'relation' ? this.relationChoices(item) : this.entityLabels;
    this.pop.choose(item ? 'Label' : 'Label of the next span', labels, (label) => this.label(label));
  },
  flag() {
    this.pop.ask('Why is this document flagged?', 'note, optional', 'Flag', (note) => {
      this.log.push(this.doc.id, this.doc.revision, [this.command('flag', { note })]);
      this.work.seconds = 0;
      this.work.keystrokes = 0;
      this.say('Flagged.');
    });
  },
  skip() { this.leave([this.command('skip')], true, 'Skipped.'); },
  onward() { this.leave([], true, 'Left as it stands.'); },
  earlier() {
    if (this.log.held) return;
    if (!this.behind) { this.say('No document was open before this one.'); return; }
    this.log.push(this.doc.id, this.doc.revision, [this.command('back')]);
    this.root.classList.add('waiting');
    this.say('The document before.');
  },
  done() { this.linking ? this.connect(this.focus) : this.caret ? this.add(this.caret.start, this.caret.end) : this.finish(true); },
  save() { this.finish(false); },
  help(item) {
    this.pop.show('Keys', sheet(this.keys, el, {
      close: () => this.pop.close(),
      run: (action) => { this.pop.close(); this.run(action); },
      can: (action) => this.editing || READING.has(action),
      changed: () => this.bars(item),
    }));
  },
  escape() {
    if (this.linking) { this.focus = `e:${this.linking.head}`; this.linking = null; this.say('No relation drawn.'); return this.paint(); }
    if (this.caret) { this.caret = null; return this.paint(); }
    if (!this.focus) { this.released = true; this.say('Tab now leaves the editor.'); }
    this.focus = null;
    return this.paint();
  },
};

const NEEDS = { entity: new Set(['same', 'into', 'grow', 'shrink', 'growStart', 'shrinkStart', 'relation']), relation: new Set(['flip']) };
const ANY = new Set(['accept', 'reject', 'rejectAlike', 'remove']);
const READING = new Set(['down', 'up', 'right', 'left', 'arcs', 'help', 'escape']);
const ALWAYS = new Set(['next', 'previous', 'right', 'left', 'done', 'escape', 'search', 'arcs', 'graph']);

const remove = (item) => (item.kind === 'entity' ? { op: 'remove_entity', id: item.id }
  : { op: 'remove_relation', head: item.head, tail: item.tail, label: item.label });

Object.assign(Editor.prototype, {
  run(name) {
    if (!this.editing && !READING.has(name)) return;
    const item = this.focus && this.items.get(this.focus);
    if (this.linking && !ALWAYS.has(name)) { this.say('A relation is being drawn: Enter draws it, Esc leaves.'); return; }
    if (this.caret && STRETCH[name]) { this.stretchCaret(...STRETCH[name]); return; }
    const kind = NEEDS.entity.has(name) ? 'entity' : NEEDS.relation.has(name) ? 'relation' : '';
    if ((kind && (!item || item.kind !== kind)) || (ANY.has(name) && !item)) {
      this.say(`Choose ${kind ? (kind === 'entity' ? 'an entity' : 'a relation') : 'something'} first.`);
      return;
    }
    if (kind && item.status === 'rejected') { this.say('It was rejected. Accept it first.'); return; }
    if (this.linking && name === 'search') this.pop.choose('Relation', this.linkLabels(), (label) => this.aim(label));
    else verbs[name].call(this, item);
  },

  digit(n) {
    const item = this.focus && this.items.get(this.focus);
    const label = this.numbered(item).find((l) => this.numberOf(l) === n);
    if (!label) this.say(`No label has the number ${n}${item && item.kind === 'relation' ? ' between these two' : ''}.`);
    else if (this.linking) this.aim(label);
    else this.label(label);
  },

  // Begins a relation with a label of its own from the entity in focus, at the tail that the model thinks likeliest.
  relate(n) {
    const label = this.relationLabels[n - 1], head = this.hubItem();
    if (!label) { this.say(`No relation has the number ${n}.`); return; }
    if (this.linking) { this.aim(label); return; }
    if (!head) { this.say('Choose an entity first.'); return; }
    const relation = (tail) => keyOf({ head: head.id, tail: tail.id, label: label.name });
    const there = new Set(this.state.relations.map(keyOf));
    const tails = this.tailsOf(head.id, label).filter((t) => !there.has(relation(t)));
    if (!tails.length) { this.say(`No further entity here can be the tail of ${label.name} from ${head.text}.`); return; }
    this.linking = { head: head.id, tails, label: label.name };
    this.say(`${label.name} from ${head.text}: choose the tail with Tab or a click, then Enter. Esc leaves.`);
    const worth = (tail) => score(this.suggested.relations.get(relation(tail)) || { score: 0 });
    const best = tails.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    worth(best) > 0 ? this.focusOn(best) : this.stepTail(1, true);
  },

  // The labels that digits stand for at this moment.
  numbered(item) {
    if (this.linking) return this.linkLabels();
    return item && item.kind === 'relation' ? this.relationChoices(item) : this.entityLabels;
  },
  // A label's number is its place in the label set, whatever is offered.
  numberOf(label) { return (label.letter ? this.entityLabels : this.relationLabels).indexOf(label) + 1; },
  linkLabels() {
    const head = this.byId.get(this.linking.head);
    return this.relationLabels.filter((l) => this.entities.some((e) => e.id !== head.id && allows(l, head.label, e.label)));
  },
  relationChoices(item) {
    const [head, tail] = [this.byId.get(item.head), this.byId.get(item.tail)];
    return this.relationLabels.filter((l) => allows(l, head.label, tail.label));
  },

  label(label) {
    const item = this.focus && this.items.get(this.focus);
    if (this.caret) return this.add(this.caret.start, this.caret.end, label);
    if (!item) {
      this.armed = this.entityLabels.indexOf(label);
      this.chosen = true;
      this.say(`The next span will be: ${label.name}.`);
      return this.paint(true);
    }
    if (item.kind === 'relation') {
      if (this.retie(item, label)) return undefined;
      const edit = { op: 'relabel_relation', head: item.head, tail: item.tail, label: item.label, new_label: label.name };
      if (!this.change([edit], `Relation: ${label.name}.`)) return undefined;
      this.lately = { kind: 'relation', from: item.label, to: label.name };
      const after = { head: item.head, tail: item.tail, label: label.name };
      if (this.hub) this.hub = { ...this.hub, fresh: false, made: this.hub.made.map((r) => (keyOf(r) === keyOf(item) ? after : r)) };
      this.tied = label.name;
      this.refresh(`r:${keyOf(after)}`);
      return undefined;
    }
    this.armed = this.entityLabels.indexOf(label);
    this.chosen = false;
    const edit = item.label === label.name && item.status !== 'accepted'
      ? { op: 'accept', entities: [item.id], relations: [] } : { op: 'relabel', id: item.id, label: label.name };
    if (!this.change([edit], `${item.text}: ${label.name}.`)) return undefined;
    if (item.label !== label.name) this.lately = { kind: 'entity', from: item.label, to: label.name };
    this.refresh();
    return undefined;
  },

  decide(item, edit, word) {
    const wasOpen = item.status === 'suggested';
    const spoken = `${word}: ${item.kind === 'entity' ? `${item.text}, ${item.label}` : `${item.headText}, ${item.label}, ${item.tailText}`}${edit.op === 'remove_entity' ? this.along([item.id]) : ''}.`;
    const list = this.sections.suggested;
    if (!this.change([edit], spoken)) return;
    if (wasOpen) this.goOn(list, item);
    else this.refresh();
  },
  // The focus goes to what followed `item` in `list` and is still open: ends are accepted with their relation, and
  // relations rejected with their end.
  goOn(list, item) {
    const later = list.slice(list.findIndex((i) => i.key === item.key) + 1);
    this.lead = 'Next';
    this.derive();
    const open = this.sections.suggested, keys = new Set(open.map((i) => i.key));
    const next = later.find((i) => keys.has(i.key)) || open[0];
    this.focus = next ? next.key : null;
    this.refresh();
  },
  // The relations that go with entities: of those decided on and of those shown as suggestions.
  along(ids) {
    const gone = new Set(ids), lost = this.relations.filter((r) => gone.has(r.head) || gone.has(r.tail));
    const some = (list, one, more) => (list.length ? [`${list.length} ${list.length === 1 ? one : more}`] : []);
    const counts = [
      ...some(lost.filter((r) => r.status === 'accepted'), 'relation', 'relations'),
      ...some(lost.filter((r) => r.status === 'suggested'), 'suggested relation', 'suggested relations'),
    ];
    return counts.length ? `, and with it ${counts.join(' and ')}` : '';
  },
  advance() { this.step(this.sections.suggested, 1); },

  step(list, way) {
    if (!list.length) { this.say('Everything is decided.'); return; }
    const at = list.findIndex((i) => i.key === this.focus);
    const next = at < 0 ? (way > 0 ? 0 : list.length - 1) : (at + way + list.length) % list.length;
    this.focusOn(list[next]);
  },
  focusOn(item) {
    this.focus = item ? item.key : null;
    this.caret = null;
    this.released = false;
    if (this.hub) this.hub.fresh = false;
    this.shared = this.focus;
    this.paint();
    this.tell(item);
  },

  newId() { return `${this.log.client.slice(0, 10)}-${++this.made}`; },

  add(start, end, given = null) {
    const { label, why } = given ? { label: given, why: '' } : this.likely(start, end);
    if (!label) { this.say('This label set has no entity labels.'); return; }
    const here = this.entities.find((e) => e.start === start && e.end === end);
    if (here) {
      this.focusOn(here);
      if (here.status !== 'accepted' || here.label !== label.name) this.label(label);
      return;
    }
    // who marks a part of a suggestion, walked to word by word, takes it for right
    const around = this.entities.filter((e) => e.status === 'suggested' && this.holds(e));
    const crossed = around.length ? null : this.crossedBy(start, end);
    if (crossed) { this.move(crossed, [start, end], given || why ? label : null); return; }
    const id = this.newId();
    const accepted = around.length ? [{ op: 'accept', entities: around.map((e) => e.id), relations: [] }] : [];
    if (this.change([...accepted, { op: 'add_entity', id, start, end, label: label.name }], `${this.text.slice(start, end)}: ${label.name}.${why}`)) this.refresh(`e:${id}`);
  },

  resize(item, side, way) {
    const span = this.text.step(item.start, item.end, side, way);
    if (!span) { this.say(way > 0 ? 'The text ends here.' : 'One word is left.'); return; }
    this.move(item, span);
  },
  move(item, [start, end], label = null) {
    if (start === item.start && end === item.end) { this.refresh(); return; }
    const other = label && label.name !== item.label ? [{ op: 'relabel', id: item.id, label: label.name }] : [];
    const words = `${this.text.slice(start, end)}${other.length ? `: ${label.name}` : ''}`;
    if (this.change([{ op: 'move', id: item.id, start, end }, ...other], words)) this.refresh(`e:${item.id}`);
    else this.refresh();
  },

  // ---- relations ---------------------------------------------------------------------------------

  tailsOf(head, label = null) {
    const from = this.byId.get(head);
    const labels = label ? [label] : this.relationLabels;
    return this.entities.filter((e) => e.id !== head && labels.some((l) => allows(l, from.label, e.label)));
  },
  stepTail(way, first = false) {
    const { head, tails } = this.linking;
    const from = this.byId.get(head);
    let at = tails.findIndex((t) => `e:${t.id}` === this.focus);
    if (first || at < 0) {
      at = tails.findIndex((t) => t.start > from.start);
      if (at < 0) at = 0;
    } else at = (at + way + tails.length) % tails.length;
    this.focusOn(tails[at]);
  },
  aim(label) {
    const tails = this.tailsOf(this.linking.head, label);
    if (!tails.length) { this.say(`No entity here can be the tail of ${label.name}.`); return; }
    const kept = tails.some((t) => `e:${t.id}` === this.focus);
    Object.assign(this.linking, { tails, label: label.name });
    this.say(`${label.name}: choose the tail.`);
    kept ? this.paint() : this.stepTail(1, true);
  },
  connect(key) {
    const { head, label } = this.linking;
    const from = this.byId.get(head), tail = this.items.get(key);
    if (!tail || tail.kind !== 'entity' || tail.id === head) { this.say('Choose another entity as the tail.'); return; }
    const labels = this.relationLabels.filter((l) => allows(l, from.label, tail.label) && (!label || l.name === label));
    if (!labels.length) { this.say(`No relation goes from ${from.label} to ${tail.label}.`); return; }
    const draw = (chosen) => {
      const relation = { head, tail: tail.id, label: chosen.name };
      this.linking = null;
      this.hub = { id: head, made: [relation], fresh: false };
      this.tied = chosen.name;
      const done = this.change([{ op: 'add_relation', ...relation }], `${from.text}, ${chosen.name}, ${tail.text}.`);
      this.refresh(done ? `r:${keyOf(relation)}` : `e:${head}`);
    };
    const guess = this.usual(from, tail, labels);
    if (labels.length === 1) draw(labels[0]);
    else this.pop.choose(`${from.text} → … → ${tail.text}`, labels, draw, this.page.pieces.get(tail.id), guess && guess.label);
  },

  clicked(name, item) {
    if (this.linking && item.kind === 'entity') { this.focusOn(item); this.connect(item.key); return; }
    this.focusOn(item);
    if (name !== 'focus') this.run(name);
  },

  limit(kind, label, value) {
    const own = this.thresholds[kind === 'entity' ? 'entities' : 'relations'];
    if (label === null) this.thresholds[kind] = value;
    else if (value === null) delete own[label];
    else own[label] = value;
    this.refresh(null, true);
  },
  keepThresholds() {
    if (this.log) this.log.push(this.doc.id, this.doc.revision, [this.command('thresholds')]);
  },
});

function describe(item) {
  const score = item.status === 'suggested' && item.score !== null ? `, score ${item.score.toFixed(2)}` : '';
  const what = item.kind === 'entity' ? `${item.text}, ${item.label}` : `${item.headText}, ${item.label}, ${item.tailText}`;
  return `${what}, ${item.status}${score}`;
}
