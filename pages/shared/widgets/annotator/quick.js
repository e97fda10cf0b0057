// Several corrections for one key or click: relations without a mode, what the model nearly said, keys at the pointer.

const REACH = 8; // px the pointer moves before keys act on the mark under it
const POINTED = new Set(['accept', 'reject', 'remove', 'search', 'same', 'grow', 'shrink', 'growStart', 'shrinkStart', 'relation', 'suggest']);

Object.assign(Editor.prototype, {
  // ---- relations from one entity to several -------------------------------------------------------

  // The entity that Shift+click starts from: the focused one, or the one that the focused relation was drawn from.
  hubItem() {
    const item = this.focus && this.items.get(this.focus);
    if (!item) return null;
    if (item.kind === 'entity') return item.status === 'rejected' ? null : item;
    return this.hub && this.hub.made.some((r) => `r:${keyOf(r)}` === item.key) ? this.byId.get(this.hub.id) : null;
  },

  // Draws relations from the hub to all of `targets` (`reverse`: from each of them to it), with the relation chosen last.
  tie(targets, reverse) {
    const hub = this.hubItem();
    if (!hub) return this.say('Click the entity that the relations start from first.');
    const pairs = targets.filter((t) => t.id !== hub.id).map((t) => (reverse ? [t, hub] : [hub, t]));
    // what is there already is not drawn again: two relations between the same two get a label each
    const fits = (label, [head, tail]) => allows(label, head.label, tail.label)
      && !this.state.relations.some((r) => r.head === head.id && r.tail === tail.id && r.label === label.name);
    const labels = this.relationLabels.filter((label) => pairs.some((pair) => fits(label, pair)));
    if (!pairs.length) return undefined;
    if (!labels.length) return this.say(`No further relation goes from ${pairs[0][0].label} to ${pairs[0][1].label}.`);
    const draw = (label) => {
      const made = pairs.filter((pair) => fits(label, pair)).map(([head, tail]) => ({ head: head.id, tail: tail.id, label: label.name }));
      const words = made.length === 1 ? `${this.byId.get(made[0].head).text}, ${label.name}, ${this.byId.get(made[0].tail).text}.` : `${made.length} relations: ${label.name}.`;
      if (!this.change(made.map((r) => ({ op: 'add_relation', ...r })), words)) return;
      this.hub = { id: hub.id, made };
      this.tied = label.name;
      this.refresh(`r:${keyOf(made[made.length - 1])}`);
    };
    const last = labels.find((label) => label.name === this.tied);
    if (last || labels.length === 1) return draw(last || labels[0]);
    const place = this.page.pieces.get(targets[targets.length - 1].id);
    return this.pop.choose(reverse ? `… → ${hub.text}` : `${hub.text} → …`, labels, draw, place);
  },

  // Another label for all relations that the last tie drew, if the focus is on one of them. True if it was so.
  retie(item, label) {
    const drawn = this.hub && this.hub.made.some((r) => keyOf(r) === keyOf(item)) ? this.hub.made : [];
    const open = drawn.filter((r) => {
      const now = this.items.get(`r:${keyOf(r)}`), [head, tail] = [this.byId.get(r.head), this.byId.get(r.tail)];
      return now && now.status === 'accepted' && allows(label, head.label, tail.label);
    });
    if (open.length < 2) return false;
    if (!this.change(open.map((r) => ({ op: 'relabel_relation', ...r, new_label: label.name })), `${open.length} relations: ${label.name}.`)) return true;
    this.hub.made = open.map((r) => ({ ...r, label: label.name }));
    this.tied = label.name;
    this.refresh(`r:${keyOf({ ...item, label: label.name })}`);
    return true;
  },

  // The entities that lie in [start, end), outermost ones only.
  within(start, end) {
    const inside = this.entities.filter((e) => e.start < end && e.end > start);
    return inside.filter((e) => !inside.some((o) => o !== e && o.start <= e.start && o.end >= e.end && (o.end - o.start) > (e.end - e.start)));
  },

  // ---- what the model nearly said -----------------------------------------------------------------

  // Over a mark: the model's next label for these words. Over plain words: its best span there, however low its score.
  suggestAt(item) {
    const rejected = new Set(this.state.rejected_entities.map((e) => e.id));
    const best = (list) => list.sort((a, b) => score(b) - score(a));
    if (item && item.kind === 'entity') {
      const options = best(this.candidates.entities.filter((e) => e.start === item.start && e.end === item.end));
      const names = [...new Set(options.map((e) => e.label))].filter((name) => this.entityLabels.some((l) => l.name === name));
      const next = names[(names.indexOf(item.label) + 1) % names.length];
      if (!next || next === item.label) return this.say('The model has no other label for these words.');
      return this.label(this.entityByName.get(next));
    }
    const point = this.spot ? this.page.pointAt(this.spot.x, this.spot.y) : null;
    if (point === null) return this.say('Point at the words first.');
    const [found] = best(this.candidates.entities.filter((e) => e.start <= point && point < e.end && !rejected.has(e.id)));
    if (!found) return this.say('The model sees nothing here. Drag over the words.');
    const edit = { op: 'accept', entities: [found.id], relations: [] };
    if (this.change([edit], `${this.text.slice(found.start, found.end)}: ${found.label}.`)) this.refresh(`e:${found.id}`);
    return undefined;
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

  // Called as the pointer moves: from some way on, keys act on the mark below it until it is used or left.
  point(event, id) {
    const { x, y } = this.rest || (this.rest = { x: event.clientX, y: event.clientY });
    this.spot = { x: event.clientX, y: event.clientY };
    const moved = Math.hypot(event.clientX - x, event.clientY - y) >= REACH;
    this.pointed = moved ? id : null;
    this.roaming = moved;
  },
  unpoint() {
    this.rest = null;
    this.pointed = null;
    this.roaming = false;
  },
  // Moves the focus to what the pointer is at, if the key is one that acts on a mark.
  aimKey(found) {
    const takes = found.digit || POINTED.has(found.action);
    if (takes && this.editing && !this.linking) {
      if (this.pointed && this.byId.has(this.pointed)) {
        this.focus = `e:${this.pointed}`;
        this.paint(true);
      } else if (found.action === 'suggest' && this.roaming) this.focus = null;
    }
    this.unpoint();
  },
});
