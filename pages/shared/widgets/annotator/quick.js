// Several corrections for one key or click: relations without a mode, what the model nearly said, keys at the pointer.

const REACH = 8; // px the pointer moves before keys act on the mark under it
const POINTED = new Set(['accept', 'reject', 'rejectAlike', 'remove', 'search', 'same', 'grow', 'shrink', 'growStart', 'shrinkStart', 'relation', 'flip', 'suggest']);

Object.assign(Editor.prototype, {
  // ---- relations from one entity to several -------------------------------------------------------

  // The entity that Shift+click starts from: the focused one, or the one that the focused relation was drawn from.
  hubItem() {
    const item = this.focus && this.items.get(this.focus);
    if (!item) return null;
    if (item.kind === 'entity') return item.status === 'rejected' ? null : item;
    return this.hub && this.hub.made.some((r) => `r:${keyOf(r)}` === item.key) ? this.byId.get(this.hub.id) : null;
  },

  // Draws relations from `hub` to all of `targets` (`reverse`: from each of them to it), each with the label that is
  // usual between such two, else with the one chosen last.
  tie(targets, reverse, hub = this.hubItem()) {
    if (!hub) return this.say('Click the entity that the relations start from first.');
    const all = targets.filter((t) => t.id !== hub.id).map((t) => (reverse ? [t, hub] : [hub, t]));
    if (!all.length) return undefined;
    const there = new Set(this.state.relations.map(keyOf));
    const free = ([head, tail]) => this.relationLabels.filter((l) => allows(l, head.label, tail.label)
      && !there.has(keyOf({ head: head.id, tail: tail.id, label: l.name })));
    // in a stretch what is related already, if only by a suggestion, is left alone; asked for alone, the same two get a
    // further label
    const joined = ([head, tail]) => [...this.state.relations, ...this.open_.relations].some((r) => r.head === head.id && r.tail === tail.id);
    const pairs = (all.length > 1 && !all.every(joined) ? all.filter((pair) => !joined(pair)) : all).filter((pair) => free(pair).length);
    if (!pairs.length) return this.say(`No further relation goes from ${all[0][0].label} to ${all[0][1].label}.`);
    const guesses = new Map(pairs.map((pair) => [pair, this.usual(...pair, free(pair))]));
    const draw = (chosen) => {
      const made = [], notes = [];
      for (const pair of pairs) {
        const guess = guesses.get(pair) || (free(pair).includes(chosen) ? { label: chosen, why: '' } : null);
        if (guess) made.push({ head: pair[0].id, tail: pair[1].id, label: guess.label.name });
        if (guess) notes.push(guess.why);
      }
      const [first] = made, words = made.length === 1 ? `${this.byId.get(first.head).text}, ${first.label}, ${this.byId.get(first.tail).text}.${notes[0]}`
        : `${made.length} relations: ${[...new Set(made.map((r) => r.label))].join(', ')}.`;
      if (!this.change(made.map((r) => ({ op: 'add_relation', ...r })), words)) return;
      this.hub = { id: hub.id, made, fresh: true };
      this.tied = made[made.length - 1].label;
      this.refresh(`r:${keyOf(made[made.length - 1])}`);
    };
    const unsure = pairs.filter((pair) => !guesses.get(pair));
    if (!unsure.length) return draw(null);
    const labels = this.relationLabels.filter((label) => unsure.some((pair) => free(pair).includes(label)));
    const last = labels.find((label) => label.name === this.tied);
    if (last || labels.length === 1) return draw(last || labels[0]);
    const place = this.page.pieces.get(targets[targets.length - 1].id);
    return this.pop.choose(reverse ? `… → ${hub.text}` : `${hub.text} → …`, labels, draw, place);
  },

  // The label that is usual from `head` to `tail`: how often people chose it between such types, in this document and in
  // the project. One more vote is shared by what is usual from such heads and to such tails, another is as strong as
  // the model is sure here: they count where nobody has decided yet, and where people are divided.
  // {label, why}, or null if nobody, nor the model, has said anything.
  usual(head, tail, labels) {
    if (!this.keys.guessing) return null;
    const type = (id) => this.byId.get(id)?.label;
    const votes = [...this.habits, ...this.state.relations.map((r) => [type(r.head), type(r.tail), r.label, 1])];
    const tally = (fits) => {
      const own = new Map();
      let all = 0;
      for (const [h, t, name, n] of votes) {
        if (!fits(h, t)) continue;
        all += n;
        own.set(name, (own.get(name) || 0) + n);
      }
      return { all, of: (label) => own.get(label.name) || 0, part: (label) => (all ? (own.get(label.name) || 0) / all : 0) };
    };
    const both = tally((h, t) => h === head.label && t === tail.label);
    const heads = tally((h) => h === head.label), tails = tally((h, t) => t === tail.label);
    const rejected = new Set(this.state.rejected_relations.map(keyOf));
    let best = null;
    for (const label of labels) {
      const key = keyOf({ head: head.id, tail: tail.id, label: label.name });
      const near = (heads.part(label) + tails.part(label)) / 2;
      const said = rejected.has(key) ? 0 : this.suggested.relations.get(key)?.score || 0;
      const worth = both.of(label) + near + said;
      if (worth > (best ? best.worth : 0)) best = { label, worth, near, said };
    }
    if (!best) return null;
    const { label, near, said } = best, own = both.of(label);
    const seen = ` Chosen ${own} of ${both.all} times from ${head.label} to ${tail.label} before.`;
    return { label, why: own ? seen : near > said ? ` Usual from ${head.label} or to ${tail.label} here.` : ' What the model thinks most likely.' };
  },

  // The label of a new span: that of the same words elsewhere in this document, of a longer name that a single word
  // belongs to ("Curie"), or of one with the same last word ("the 1928 election"); else the one given last. A label that
  // was chosen for the next span is that of the next span.
  likely(start, end) {
    const last = { label: this.entityLabels[this.armed], why: '' };
    if (this.chosen || !this.keys.guessing) return last;
    const own = nameOf(this.text.slice(start, end)).split(' ');
    let best = null;
    for (const e of this.entities) {
      if ((e.start < end && start < e.end) || !this.entityByName.has(e.label)) continue;
      const words = nameOf(e.text).split(' ');
      const same = words.join(' ') === own.join(' ');
      if (!same && !(own.length === 1 ? words.includes(own[0]) : words.at(-1) === own.at(-1))) continue;
      const worth = 1 + 2 * same + (e.status === 'accepted');
      if (worth > (best ? best.worth : 0)) best = { worth, label: this.entityByName.get(e.label), text: e.text };
    }
    return best ? { label: best.label, why: ` As ${best.text}.` } : last;
  },

  // Another label for all relations that the last tie drew alike, right after it. True if it was so.
  retie(item, label) {
    const { made = [], fresh } = this.hub || {};
    const alike = fresh && made.some((r) => keyOf(r) === keyOf(item)) && made.every((r) => r.label === item.label);
    const drawn = alike ? made : [];
    const open = drawn.filter((r) => {
      const now = this.items.get(`r:${keyOf(r)}`), [head, tail] = [this.byId.get(r.head), this.byId.get(r.tail)];
      return now && now.status === 'accepted' && allows(label, head.label, tail.label);
    });
    if (open.length < 2) return false;
    if (!this.change(open.map((r) => ({ op: 'relabel_relation', ...r, new_label: label.name })), `${open.length} relations: ${label.name}.`)) return true;
    this.hub = { ...this.hub, made: open.map((r) => ({ ...r, label: label.name })) };
    this.tied = label.name;
    this.refresh(`r:${keyOf({ ...item, label: label.name })}`);
    return true;
  },

  // Edits that give the label given last to all suggestions that carry the label which it replaced.
  alikeOf() {
    const { kind, from, to } = this.lately || {};
    if (kind === 'entity') return this.open_.entities.filter((e) => e.label === from).map((e) => ({ op: 'relabel', id: e.id, label: to }));
    if (kind !== 'relation') return [];
    const label = this.relationByName.get(to);
    return this.open_.relations.filter((r) => r.label === from && this.byId.has(r.head) && this.byId.has(r.tail) && allows(label, this.byId.get(r.head).label, this.byId.get(r.tail).label))
      .map((r) => ({ op: 'relabel_relation', head: r.head, tail: r.tail, label: from, new_label: to }));
  },

  // The one suggestion that a new span would push out: it is moved there instead, with its label and its relations.
  crossedBy(start, end) {
    if (this.data.nested || this.chosen) return null;
    const touched = this.entities.filter((e) => e.start < end && start < e.end);
    return touched.length === 1 && touched[0].status === 'suggested' ? touched[0] : null;
  },

  // The entities that lie in [start, end), outermost ones only.
  within(start, end) {
    const inside = this.entities.filter((e) => e.start < end && e.end > start);
    return inside.filter((e) => !inside.some((o) => o !== e && o.start <= e.start && o.end >= e.end && (o.end - o.start) > (e.end - e.start)));
  },

  // ---- what the model nearly said -----------------------------------------------------------------

  // Over a mark: the model's next label for these words. Over plain words: its best span there, however low its score.
  suggestAt(item) {
    if (item && item.kind === 'entity') {
      const options = this.candidates.entities.filter((e) => e.start === item.start && e.end === item.end).sort((a, b) => score(b) - score(a));
      const names = [...new Set(options.map((e) => e.label))].filter((name) => this.entityLabels.some((l) => l.name === name));
      const next = names[(names.indexOf(item.label) + 1) % names.length];
      if (!next || next === item.label) return this.say('The model has no other label for these words.');
      return this.label(this.entityByName.get(next));
    }
    const point = this.caret ? this.caret.start : this.spot ? this.page.pointAt(this.spot.x, this.spot.y) : null;
    if (point === null) return this.say(`Point at the words first, or walk there with ${show(this.keys.of('wordRight')[0])}.`);
    const found = this.nearly(point);
    if (!found) return this.say(`The model sees nothing here. ${this.caret ? 'A digit marks it' : 'Drag over the words'}.`);
    const edit = { op: 'accept', entities: [found.id], relations: [] };
    if (this.change([edit], `${this.text.slice(found.start, found.end)}: ${found.label}.`)) this.refresh(`e:${found.id}`);
    return undefined;
  },

  // The model's best span over a code point of plain words, however low its score; null if there is none.
  nearly(point) {
    const gone = new Set(this.state.rejected_entities.map((e) => e.id)), { nested } = this.data;
    const free = (e) => !gone.has(e.id) && this.entityByName.has(e.label) && (nested || !this.state.entities.some((o) => o.start < e.end && e.start < o.end));
    return this.candidates.entities.filter((e) => e.start <= point && point < e.end && free(e))
      .reduce((a, b) => (a && score(a) >= score(b) ? a : b), null);
  },

  // Shows under the pointer what `suggest` would mark there.
  glimpse() {
    const { sheet, ghost } = this.dom;
    const looks = this.spot && this.editing && this.roaming && !this.linking && !this.hover;
    const point = looks ? this.page.pointAt(this.spot.x, this.spot.y) : null;
    let found = point === null ? null : this.nearly(point);
    if (found === this.ghost) return;
    const origin = sheet.getBoundingClientRect(), lines = found ? this.page.stretch(found.start, found.end, origin) : [];
    // beside the end of a line the place is the line's end, but the pointer is on no word
    const [x, y] = found ? [this.spot.x - origin.left, this.spot.y - origin.top] : [];
    if (!lines.some((l) => l.left <= x && x <= l.right && l.top <= y && y <= l.bottom)) found = null;
    this.ghost = found;
    ghost.replaceChildren();
    this.tip();
    if (!found) return;
    for (const { left, right, top, bottom } of lines) {
      const line = el('span', `h${this.look(found).color}`);
      Object.assign(line.style, { left: `${left}px`, width: `${right - left}px`, top: `${top}px`, height: `${bottom - top + 2}px` });
      ghost.append(line);
    }
  },

  // Lowers the threshold until the next best hidden suggestion of the kind in focus is shown, and goes there.
  showMore(item) {
    const kind = item && item.kind === 'entity' ? 'entity' : 'relation', many = kind === 'entity' ? 'entities' : 'relations';
    const lowest = { ...this.thresholds, [kind]: this.data.floor[kind], [many]: {} };
    const shown = new Set([...this.open_.entities, ...this.open_.relations]);
    const found = undecided(this.state, this.candidates, this.relationByName, lowest, this.data.nested, (e) => this.wordsOf(e))[many]
      .filter((s) => !shown.has(s) && (kind === 'entity' || (this.byId.has(s.head) && this.byId.has(s.tail)))).sort((a, b) => score(b) - score(a))[0];
    if (!found) return this.say(`The model has no further ${many} here.`);
    const value = Math.max(this.data.floor[kind], Math.floor((found.score - 0.0005) * 1000) / 1000);
    this.limit(kind, Object.hasOwn(this.thresholds[many], found.label) ? found.label : null, value);
    this.keepThresholds();
    const key = kind === 'entity' ? `e:${found.id}` : `r:${keyOf(found)}`;
    if (this.items.has(key)) this.focusOn(this.items.get(key));
    return this.say(`Shown from ${short(value)} on.`);
  },

  // Raises the threshold so that nothing undecided of that kind is left in this document.
  hideAll(item) {
    const kind = item && item.kind === 'entity' ? 'entity' : 'relation', many = kind === 'entity' ? 'entities' : 'relations';
    const open = this.open_[many];
    if (!open.length) return this.say(`No undecided ${many} are shown.`);
    const value = Math.min(1, Math.ceil(Math.max(...open.map(score)) * 1000) / 1000);
    for (const [label, own] of Object.entries(this.thresholds[many])) if (own < value) this.limit(kind, label, null);
    this.limit(kind, null, value);
    this.keepThresholds();
    return this.say(`${open.length} hidden, not rejected. Shown from ${short(value)} on.`);
  },

  // ---- keys at the pointer ------------------------------------------------------------------------

  // Called as the pointer moves: from some way on, keys act on the mark, line or row below it until it is used or left.
  point(event, key) {
    const { x, y } = this.rest || (this.rest = { x: event.clientX, y: event.clientY });
    this.spot = { x: event.clientX, y: event.clientY };
    const moved = Math.hypot(event.clientX - x, event.clientY - y) >= REACH;
    this.pointed = moved ? key : null;
    this.roaming = moved;
    this.glimpse();
  },
  unpoint() {
    this.rest = null;
    this.pointed = null;
    this.roaming = false;
    this.glimpse();
  },
  // Moves the focus to what the pointer is at, if the key is one that acts on a mark.
  aimKey(found) {
    const takes = found.digit || found.relation || POINTED.has(found.action);
    if (takes && this.editing && !this.linking) {
      if (this.pointed && this.items.has(this.pointed)) {
        this.focus = this.pointed;
        this.caret = null;
        if (this.hub) this.hub.fresh = false;
        this.paint(true);
      } else if (found.action === 'suggest' && this.roaming) this.focus = this.caret = null;
    }
    this.unpoint();
  },
});
