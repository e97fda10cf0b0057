// Decisions and what is shown: the same rules as relex_core/editing.py and relex_core/selection.py.
// Decisions are never changed in place, so that a step is two values: what stood before it and after it.

export const NOTHING = { entities: [], relations: [], rejected_entities: [], rejected_relations: [] };
export const keyOf = (r) => JSON.stringify([r.head, r.tail, r.label]);
const sameKey = (r, s) => r.head === s.head && r.tail === s.tail && r.label === s.label;
const inOrder = (entities) => entities.slice().sort((a, b) =>
  a.start - b.start || b.end - a.end || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
const plain = (e) => ({ id: e.id, start: e.start, end: e.end, label: e.label });

export class Refused extends Error {}

// `suggested` has maps `entities` (id -> suggestion) and `relations` (key -> suggestion).
export function apply(state, edit, suggested) {
  switch (edit.op) {
    case 'add_entity': {
      if (!(edit.start < edit.end)) throw new Refused('This span is empty.');
      if (state.entities.some((e) => e.id === edit.id)) throw new Refused('This entity is already there.');
      if (marked(state, edit.start, edit.end, edit.label)) throw new Refused('This span already carries this label.');
      return { ...state, entities: inOrder([...state.entities, plain(edit)]) };
    }
    case 'remove_entity': return removeEntity(state, edit.id, suggested);
    case 'relabel': return changeEntity(state, edit.id, { label: edit.label }, suggested);
    case 'move': return changeEntity(state, edit.id, { start: edit.start, end: edit.end }, suggested);
    case 'add_relation': return addRelation(state, edit, suggested);
    case 'remove_relation': return removeRelation(state, edit, suggested);
    case 'relabel_relation': {
      const to = { head: edit.head, tail: edit.tail, label: edit.new_label };
      return addRelation(edit.label === edit.new_label ? state : removeRelation(state, edit, suggested), to, suggested);
    }
    case 'flip':
      return addRelation(removeRelation(state, edit, suggested), { head: edit.tail, tail: edit.head, label: edit.label }, suggested);
    case 'accept': {
      for (const id of edit.entities || []) state = acceptEntity(state, id, suggested);
      for (const [head, tail, label] of edit.relations || []) state = addRelation(state, { head, tail, label }, suggested);
      return state;
    }
    case 'withdraw': return withdraw(state, new Set(edit.entities || []), new Set((edit.relations || []).map(([head, tail, label]) => keyOf({ head, tail, label }))));
    case 'restore':
      return {
        entities: inOrder(edit.entities), relations: edit.relations,
        rejected_entities: edit.rejected_entities, rejected_relations: edit.rejected_relations,
      };
    default: throw new Refused('Unknown correction.');
  }
}

const marked = (state, start, end, label) => state.entities.find((e) => e.start === start && e.end === end && e.label === label);

function acceptEntity(state, id, suggested) {
  if (state.entities.some((e) => e.id === id)) return state;
  const suggestion = suggested.entities.get(id);
  if (!suggestion) throw new Refused('This entity is not in the document any more.');
  if (marked(state, suggestion.start, suggestion.end, suggestion.label)) throw new Refused('This span already carries this label.');
  return {
    ...state, entities: inOrder([...state.entities, plain(suggestion)]),
    rejected_entities: state.rejected_entities.filter((e) => e.id !== id),
  };
}

function changeEntity(state, id, changes, suggested) {
  state = acceptEntity(state, id, suggested);
  if ('start' in changes && !(changes.start < changes.end)) throw new Refused('This span is empty.');
  const changed = { ...state.entities.find((e) => e.id === id), ...changes };
  const twin = marked(state, changed.start, changed.end, changed.label);
  if (twin && twin.id !== id) throw new Refused('This span already carries this label.');
  return { ...state, entities: inOrder(state.entities.map((e) => (e.id === id ? changed : e))) };
}

function removeEntity(state, id, suggested) {
  const suggestion = suggested.entities.get(id);
  if (!suggestion && !state.entities.some((e) => e.id === id)) throw new Refused('This entity is not in the document any more.');
  const rejected = state.rejected_entities.filter((e) => e.id !== id);
  if (suggestion) rejected.push(suggestion);
  return {
    ...state, entities: state.entities.filter((e) => e.id !== id),
    relations: state.relations.filter((r) => r.head !== id && r.tail !== id), rejected_entities: rejected,
  };
}

function addRelation(state, relation, suggested) {
  const { head, tail, label } = relation;
  if (head === tail) throw new Refused('A relation needs two different entities.');
  state = acceptEntity(acceptEntity(state, head, suggested), tail, suggested);
  if (state.relations.some((r) => sameKey(r, relation))) return state;
  return {
    ...state, relations: [...state.relations, { head, tail, label }],
    rejected_relations: state.rejected_relations.filter((r) => !sameKey(r, relation)),
  };
}

function removeRelation(state, relation, suggested) {
  const suggestion = suggested.relations.get(keyOf(relation));
  if (!suggestion && !state.relations.some((r) => sameKey(r, relation))) throw new Refused('This relation is not in the document any more.');
  const rejected = state.rejected_relations.filter((r) => !sameKey(r, relation));
  if (suggestion) rejected.push(suggestion);
  return { ...state, relations: state.relations.filter((r) => !sameKey(r, relation)), rejected_relations: rejected };
}

function withdraw(state, ids, keys) {
  return {
    entities: state.entities.filter((e) => !ids.has(e.id)),
    relations: state.relations.filter((r) => !keys.has(keyOf(r)) && !ids.has(r.head) && !ids.has(r.tail)),
    rejected_entities: state.rejected_entities.filter((e) => !ids.has(e.id)),
    rejected_relations: state.rejected_relations.filter((r) => !keys.has(keyOf(r))),
  };
}

// The edits that lead from one state to another. They touch only what differs, so that what is on its way from somebody
// else outlives an undo; where there are no such edits, one that puts back everything.
export function steps(from, to, suggested) {
  const edits = [];
  const had = new Map(from.entities.map((e) => [e.id, e])), has = new Set(to.entities.map((e) => e.id));
  const down = new Set(to.rejected_entities.map((e) => e.id)), was = new Set(from.rejected_entities.map((e) => e.id));
  const tied = new Set(to.relations.map(keyOf)), untied = new Set(to.rejected_relations.map(keyOf));
  const tiedBefore = new Set(from.relations.map(keyOf)), untiedBefore = new Set(from.rejected_relations.map(keyOf));
  const open = [...from.entities, ...from.rejected_entities].filter((e) => !has.has(e.id) && !down.has(e.id)).map((e) => e.id);
  const loose = [...from.relations, ...from.rejected_relations].filter((r) => !tied.has(keyOf(r)) && !untied.has(keyOf(r)));
  if (open.length || loose.length) edits.push({ op: 'withdraw', entities: open, relations: loose.map((r) => [r.head, r.tail, r.label]) });
  for (const { id } of to.rejected_entities) if (!was.has(id)) edits.push({ op: 'remove_entity', id });
  for (const e of to.entities) {
    const before = had.get(e.id) || suggested.entities.get(e.id);
    if (!before) { edits.push({ op: 'add_entity', ...plain(e) }); continue; }
    if (!had.has(e.id)) edits.push({ op: 'accept', entities: [e.id], relations: [] });
    if (before.label !== e.label) edits.push({ op: 'relabel', id: e.id, label: e.label });
    if (before.start !== e.start || before.end !== e.end) edits.push({ op: 'move', id: e.id, start: e.start, end: e.end });
  }
  for (const r of to.relations) if (!tiedBefore.has(keyOf(r))) edits.push({ op: 'add_relation', head: r.head, tail: r.tail, label: r.label });
  for (const r of to.rejected_relations) if (!untiedBefore.has(keyOf(r))) edits.push({ op: 'remove_relation', head: r.head, tail: r.tail, label: r.label });
  try {
    let state = from;
    for (const edit of edits) state = apply(state, edit, suggested);
    if (summary(state) === summary(to)) return edits;
  } catch (error) { if (!(error instanceof Refused)) throw error; }
  return [{ op: 'restore', ...to }];
}

// What was decided, in words that are the same for the same decisions.
const summary = (state) => JSON.stringify([
  state.entities.map((e) => JSON.stringify(plain(e))), state.relations.map(keyOf),
  state.rejected_entities.map((e) => e.id), state.rejected_relations.map(keyOf),
].map((items) => items.sort()));

// A step taken back where others may have decided since: what stands as the step left it becomes what it was before, and
// all else stays as it is now. What is said between two entities goes back as one. Gives the state then, null where
// nothing goes back, and `kept`: of what the step changed, what is not as before and has to stay.
export function takeBack({ before, after }, now, types, labels) {
  const was = standings(before), left = standings(after), is = standings(now);
  const units = new Map(), owner = new Map();
  for (const [key, { unit }] of [...was, ...left]) {
    if (owner.has(key) || said(was, key) === said(left, key)) continue;
    owner.set(key, unit);
    units.set(unit, [...(units.get(unit) || []), key]);
  }
  const like = (unit, other) => units.get(unit).every((key) => said(is, key) === said(other, key));
  const open = [...units.keys()].filter((unit) => !like(unit, was)), free = new Set(open.filter((unit) => like(unit, left)));
  for (;;) {
    const moves = (list) => (item) => free.has(owner.get(place(list, item)));
    const next = Object.fromEntries(Object.keys(NOTHING).map((list) => {
      const moving = moves(list);
      return [list, [...now[list].filter((item) => !moving(item)), ...before[list].filter(moving)]];
    }));
    next.entities = inOrder(next.entities);
    const blamed = obstacles(next, now, types, labels).map((keys) => keys.map((key) => owner.get(key)).find((unit) => free.has(unit)));
    const stuck = blamed.filter(Boolean);
    if (!stuck.length) {
      const kept = open.filter((unit) => !free.has(unit)).map((unit) => { const [key] = units.get(unit); return (is.get(key) || left.get(key) || was.get(key)).item; });
      return { state: free.size ? next : null, kept };
    }
    stuck.forEach((unit) => free.delete(unit));
  }
}

const place = (list, item) => (list.endsWith('entities') ? `e:${item.id}` : `r:${keyOf(item)}`);
const said = (standing, key) => (standing.has(key) ? standing.get(key).words : '');

// All that was decided: what it goes back with, and the decision in words.
function standings(state) {
  const words = { entities: (e) => `${e.start} ${e.end} ${e.label}`, relations: () => 'drawn' };
  return new Map(Object.keys(NOTHING).flatMap((list) => state[list].map((item) => {
    const key = place(list, item), unit = list.endsWith('entities') ? key : `r:${JSON.stringify([item.head, item.tail].sort())}`;
    return [key, { item, unit, words: words[list] ? words[list](item) : 'rejected' }];
  })));
}

// What must not come of taking a step back: for each, what it may be blamed on, the likeliest first.
function obstacles(next, now, types, labels) {
  const ids = new Set(next.entities.map((e) => e.id)), before = new Set(misfits(now, labels).map(keyOf));
  const spans = new Map();
  for (const e of next.entities) {
    const words = `${e.start} ${e.end} ${e.label}`;
    spans.set(words, [...(spans.get(words) || []), `e:${e.id}`]);
  }
  return [
    ...next.entities.filter((e) => !types.has(e.label)).map((e) => [`e:${e.id}`]),
    ...[...spans.values()].filter((twins) => twins.length > 1),
    ...next.relations.filter((r) => !labels.has(r.label)).map((r) => [`r:${keyOf(r)}`]),
    ...next.relations.flatMap((r) => [r.head, r.tail].filter((id) => !ids.has(id)).map((id) => [`r:${keyOf(r)}`, `e:${id}`])),
    ...misfits(next, labels).filter((r) => !before.has(keyOf(r))).map((r) => [`r:${keyOf(r)}`, `e:${r.head}`, `e:${r.tail}`]),
  ];
}

// Whether a label, and all that say the same, allow these types (Schema.bounds).
export function allows(label, head, tail) {
  return label.bounds.every(({ heads, tails, symmetric }) => {
    const fits = (h, t) => (!heads.length || heads.includes(h)) && (!tails.length || tails.includes(t));
    return fits(head, tail) || (symmetric && fits(tail, head));
  });
}

// Relations between types that their labels do not allow.
export function misfits(state, labels) {
  const types = new Map(state.entities.map((e) => [e.id, e.label]));
  return state.relations.filter((r) => labels.has(r.label) && !allows(labels.get(r.label), types.get(r.head), types.get(r.tail)));
}

// The suggestions that are shown and not decided on: {entities, relations} (selection.undecided without twins).
// `words` gives the text of an entity, '' where it lies outside of the window.
export function undecided(state, candidates, labels, thresholds, nested, words) {
  const limit = (own, common, label) => (Object.hasOwn(own, label) ? own[label] : common);
  const known = new Set([...state.entities, ...state.rejected_entities].map((e) => e.id));
  const gone = new Set(state.rejected_entities.map((e) => `${e.start}:${e.end}`));
  const open = candidates.entities.filter((e) => !known.has(e.id) && !gone.has(`${e.start}:${e.end}`)
    && (e.score === null || e.score > limit(thresholds.entities, thresholds.entity, e.label)));
  const entities = greedy(open, nested, state.entities);
  const types = new Map([...entities, ...state.entities].map((e) => [e.id, e.label]));
  const names = new Map([...entities, ...state.entities].map((e) => [e.id, nameOf(words(e))]));
  const kept = candidates.relations.filter((r) => types.has(r.head) && types.has(r.tail)
    && (r.score === null || r.score > limit(thresholds.relations, thresholds.relation, r.label))
    && allows(labels.get(r.label), types.get(r.head), types.get(r.tail))
    && !(names.get(r.head) && names.get(r.head) === names.get(r.tail)));
  const decided = new Set([...state.relations, ...state.rejected_relations].map((r) => statement(r, labels)));
  return { entities, relations: oneDirection(kept, labels).filter((r) => !decided.has(statement(r, labels))) };
}

const nameOf = (words) => words.trim().split(/\s+/).join(' ').toLowerCase();
const score = (e) => (e.score === null ? 1 : e.score);

function greedy(open, nested, taken) {
  const chosen = [];
  const blocked = new Shelf();
  taken.forEach((e) => blocked.put(e));
  const inside = (a, b) => a.start >= b.start && a.end <= b.end;
  const clash = nested
    ? (a, b) => (a.start === b.start && a.end === b.end) || !(inside(a, b) || inside(b, a))
    : () => true;
  for (const candidate of open.slice().sort((a, b) => score(b) - score(a))) {
    if (blocked.touching(candidate, (other) => clash(candidate, other))) continue;
    chosen.push(candidate);
    blocked.put(candidate);
  }
  return chosen.sort((a, b) => a.start - b.start);
}

// Spans by place, so that only neighbours are compared.
class Shelf {
  constructor() { this.boxes = new Map(); }

  put(span) {
    for (let at = span.start >> 7; at <= (span.end - 1) >> 7; at++) {
      if (this.boxes.has(at)) this.boxes.get(at).push(span); else this.boxes.set(at, [span]);
    }
  }

  touching(span, test) {
    for (let at = span.start >> 7; at <= (span.end - 1) >> 7; at++) {
      for (const other of this.boxes.get(at) || []) if (span.start < other.end && other.start < span.end && test(other)) return true;
    }
    return false;
  }
}

// What a relation says, whichever way round (selection.statement).
function statement(r, labels) {
  const label = labels.get(r.label);
  if (!label) return keyOf(r);
  // declared on either of the two labels, an inverse holds for both
  const other = label.inverse || [...labels.values()].find((one) => one.inverse === r.label)?.name;
  if (!(label.symmetric || labels.has(other))) return keyOf(r);
  const turned = { head: r.tail, tail: r.head, label: label.symmetric ? r.label : other };
  const before = (a, b) => (a.label !== b.label ? a.label < b.label : a.head !== b.head ? a.head < b.head : a.tail <= b.tail);
  return keyOf(before(r, turned) ? r : turned);
}

function oneDirection(relations, labels) {
  const best = new Map();
  for (const r of relations) {
    const said = statement(r, labels);
    if (!best.has(said) || (r.score || 0) > (best.get(said).score || 0)) best.set(said, r);
  }
  const winners = new Set(best.values());
  return relations.filter((r) => winners.has(r));
}
