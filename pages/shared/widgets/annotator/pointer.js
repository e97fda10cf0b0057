// The pointer, the keyboard and the window: events become actions of the editor.

const SLOP = 4; // px a pointer may wander in a click

function listen(editor) {
  const { dom } = editor;
  const stop = new AbortController();
  const on = (target, name, handler, options = {}) => target.addEventListener(name, handler, { signal: stop.signal, ...options });
  const segment = (event) => event.target.closest && event.target.closest('.s');
  const markAt = (event) => segment(event)?.ids.at(-1) || null;
  const commands = (event) => (COMMAND === 'Cmd' ? event.metaKey : event.ctrlKey);
  let press = null, clicks = { id: null, n: 0 };

  // Shift and Ctrl are for relations here: no selection of text
  on(dom.pane, 'mousedown', (event) => { if (!(event.shiftKey || commands(event)) || !editor.editing) return;
    event.preventDefault();
    dom.pane.focus({ preventScroll: true });
  });

  on(dom.pane, 'pointerdown', (event) => {
    press = { x: event.clientX, y: event.clientY, type: event.pointerType, id: markAt(event) };
    editor.released = false;
    editor.unpoint();
    if (editor.editing && commands(event) && press.id && !editor.linking) pull(press);
  });
  on(dom.pane, 'pointerup', (event) => {
    if (!press || event.target.closest('.grip,.link')) return;
    const moved = Math.hypot(event.clientX - press.x, event.clientY - press.y) > SLOP;
    const touch = event.pointerType === 'touch';
    if (editor.editing && commands(event) && !editor.linking && moved) { join(event); return; }
    if (editor.editing && event.shiftKey && !editor.linking && moved) { stretch(event); return; }
    press = null;
    if (editor.editing && !touch && moved && editor.markSelection(event.altKey)) return;
    if (!moved) click(event);
  });
  on(dom.pane, 'dblclick', (event) => {
    const node = segment(event);
    if (!editor.editing) { editor.transport.edit(node && node.ids.length ? node.ids[node.ids.length - 1] : ''); return; }
    if (node && node.ids.length) { getSelection().removeAllRanges(); editor.run('search'); return; }
    editor.markSelection(event.altKey);
  });

  // Ctrl+drag: relations from the entity where it begins to the one where it ends, with Shift to all on the way.
  function join(event) {
    const from = editor.byId.get(press.id), to = editor.byId.get(markAt(event));
    press = null;
    editor.unpoint();
    if (!from || !to) { editor.say('Drag from one entity to another.'); return; }
    if (from === to) return;
    editor.tick();
    editor.focusOn(from);
    // what lies in or around the entity itself is not on the way
    const apart = (other) => other === to || other.end <= from.start || from.end <= other.start;
    const targets = event.shiftKey ? editor.within(Math.min(from.start, to.start), Math.max(from.end, to.end)).filter(apart) : [to];
    editor.tie(targets, event.altKey, from);
  }

  // The line that a drag with Ctrl pulls out of an entity.
  function pull({ id }) {
    const line = svg('path', { class: 'rubber' });
    const draw = rubber(line, id);
    dom.arcs.append(line);
    const end = new AbortController();
    on(document, 'pointermove', draw, { signal: end.signal });
    for (const name of ['pointerup', 'pointercancel']) on(document, name, () => { line.remove(); end.abort(); }, { signal: end.signal, capture: true });
  }

  function rubber(line, id) {
    return (event) => {
      const origin = dom.sheet.getBoundingClientRect(), from = editor.page.boxes(id, origin)[0];
      const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
      line.setAttribute('d', `M${(from.left + from.right) / 2} ${from.top}Q${(from.left + x) / 2} ${Math.min(from.top, y) - 24} ${x} ${y}`);
    };
  }

  // Shift+drag: relations to all entities between the two places.
  function stretch(event) {
    const points = [editor.page.pointAt(press.x, press.y), editor.page.pointAt(event.clientX, event.clientY)];
    press = null;
    editor.unpoint();
    if (points.includes(null)) return;
    editor.tick();
    editor.tie(editor.within(Math.min(...points), Math.max(...points)), event.altKey);
  }

  function click(event) {
    const arc = event.target.closest('.arc');
    if (arc) {
      const item = editor.items.get(arc.dataset.key);
      if (item) editor.focusOn(item);
      return;
    }
    const node = segment(event);
    const ids = node ? node.ids : [];
    if (editor.linking) {
      if (ids.length) { editor.focusOn(editor.byId.get(ids[ids.length - 1])); editor.connect(editor.focus); }
      return;
    }
    if (ids.length && event.shiftKey && editor.editing) {
      editor.tick();
      editor.tie([editor.byId.get(ids[ids.length - 1])], event.altKey);
      return;
    }
    if (!ids.length) {
      if (editor.focus && event.detail < 2) editor.focusOn(null);
      return;
    }
    // A second click on nested marks goes outwards.
    const place = ids.join('|');
    clicks = clicks.id === place && event.detail < 2 ? { id: place, n: clicks.n + 1 } : { id: place, n: event.detail < 2 ? 0 : clicks.n };
    editor.focusOn(editor.byId.get(ids[ids.length - 1 - (clicks.n % ids.length)]));
  }

  // The graph and the table of the same screen say what they focus.
  on(document, 'relex:focus', ({ detail }) => { if (detail.from !== 'text') editor.hear(detail); });

  on(document, 'relex:asked', () => { if (editor.doc) editor.tell(editor.items.get(editor.focus)); });

  on(document, 'selectionchange', () => {
    const found = editor.editing && matchMedia('(pointer: coarse)').matches && editor.page.selection();
    editor.root.classList.toggle('selecting', Boolean(found));
  });

  // Hovering: one arc or one entity comes forward.
  on(dom.pane, 'pointerover', (event) => {
    const arc = event.target.closest('.arc');
    dom.arcs.classList.toggle('hovering', Boolean(arc));
    for (const node of editor.arcs.nodes.values()) node.classList.toggle('hover', node === arc);
    const node = segment(event);
    hover(node && node.ids.length ? node.ids[node.ids.length - 1] : null);
  });
  on(dom.pane, 'pointermove', (event) => {
    if (event.buttons || event.pointerType === 'touch') return;
    const arc = event.target.closest('.arc'), id = markAt(event);
    editor.point(event, arc ? arc.dataset.key : id && `e:${id}`);
  });
  on(dom.list, 'pointermove', (event) => {
    if (event.buttons || event.pointerType === 'touch') return;
    const row = event.target.closest('.row');
    editor.point(event, row && row.item.key);
  });
  on(dom.list, 'pointerleave', () => editor.unpoint());
  on(dom.pane, 'pointerleave', () => { editor.unpoint(); dom.arcs.classList.remove('hovering'); hover(null); });

  function hover(id) {
    if (id === editor.hover) return;
    for (const piece of editor.page.pieces.get(editor.hover) || []) piece.classList.remove('hover');
    editor.hover = id;
    for (const piece of editor.page.pieces.get(id) || []) piece.classList.add('hover');
    if (!editor.editing) editor.drawArcs();
    editor.tip();
  }

  // Grips: drag an end of the focused entity to another word, or a line to the tail of a relation.
  for (const grip of [dom.gripStart, dom.gripEnd, dom.gripLink]) {
    on(grip, 'pointerdown', (event) => {
      const item = editor.items.get(editor.focus);
      if (!item) return;
      event.preventDefault();
      event.stopPropagation();
      grip.setPointerCapture(event.pointerId);
      const drag = grip === dom.gripLink ? linkDrag(item) : endDrag(item, grip.dataset.side);
      const move = (e) => drag.move(e);
      const end = (e) => {
        grip.removeEventListener('pointermove', move);
        drag.end(e);
      };
      grip.addEventListener('pointermove', move);
      grip.addEventListener('pointerup', end, { once: true });
    });
  }

  function endDrag(item, side) {
    let span = [item.start, item.end];
    return {
      move(event) {
        const point = editor.page.pointAt(event.clientX, event.clientY);
        if (point === null) return;
        const raw = side === 'start' ? [Math.min(point, item.end - 1), item.end] : [item.start, Math.max(point, item.start + 1)];
        span = (event.altKey ? editor.text.whole(...raw) : editor.text.snap(...raw)) || span;
        editor.page.draw(editor.entities.map((e) => (e.id === item.id ? { ...e, start: span[0], end: span[1] } : e)), (e) => editor.look(e));
        editor.paint(true);
      },
      end() { editor.move(item, span); },
    };
  }

  function linkDrag(item) {
    const line = svg('path', { class: 'rubber' });
    editor.linking = { head: item.id, tails: editor.tailsOf(item.id), label: null };
    editor.paint(true);
    dom.arcs.append(line);
    const root = dom.pane.getRootNode();
    return {
      move: rubber(line, item.id),
      end(event) {
        line.remove();
        const target = root.elementsFromPoint(event.clientX, event.clientY).map((node) => node.closest('.s')).find((node) => node && node.ids.length);
        if (target && !target.ids.includes(item.id)) editor.connect(`e:${target.ids[target.ids.length - 1]}`);
        else editor.run('escape');
      },
    };
  }

  on(document, 'keydown', (event) => key(editor, event), { capture: true });
  on(document, 'pointerdown', (event) => {
    if (editor.pop.open && !event.composedPath().includes(dom.pop)) editor.pop.close();
  }, { capture: true });
  on(document, 'click', (event) => editor.missed.clicked(event), { capture: true });
  // A button that was clicked gives the keyboard back to the text.
  on(editor.root, 'click', (event) => {
    if (event.detail && event.target.closest('button') && !editor.pop.open) dom.pane.focus({ preventScroll: true });
  });
  on(document, 'keydown', (event) => { if (event.key === 'Escape' && editor.editing) leaveMenu(dom.pane); }, { capture: true });
  // the last window may be a short one
  on(dom.back, 'click', () => editor.turn(editor.doc.from - Math.max(...editor.parts.map(([from, to]) => to - from))));
  on(dom.on, 'click', () => editor.turn(editor.text.end));
  const relaid = new ResizeObserver(() => { if (editor.doc) editor.drawArcs(); });
  relaid.observe(dom.sheet);
  if (document.fonts) on(document.fonts, 'loadingdone', () => { if (editor.doc) editor.drawArcs(); });
  editor.unlisten = () => { stop.abort(); relaid.disconnect(); };
}

const MENU = '[data-testid="stPopoverBody"]', MENU_BUTTON = '[data-testid="stPopoverButton"]';

// Esc from a menu of the page gives the keyboard back to the text: on the menu's button the next Enter would open it again.
function leaveMenu(pane, until = performance.now() + 1000) {
  if (!document.querySelector(MENU)) return;
  requestAnimationFrame(() => {
    if (document.querySelector(MENU)) {
      if (performance.now() < until) leaveMenu(pane, until); // a list within the menu took the key, or it is still closing
      return;
    }
    const at = document.activeElement;
    if (at === document.body || at.closest(MENU_BUTTON)) pane.focus({ preventScroll: true });
  });
}

function key(editor, event) {
  const path = event.composedPath();
  const inside = path.includes(editor.root);
  if (!editor.doc || typing(event) || (editor.pop.open && inside)) return;
  if (!inside && (!editor.editing || document.activeElement !== document.body)) return;
  const onButton = path[0] instanceof Element && path[0].matches('button');
  if (onButton && (event.key === 'Enter' || event.key === ' ')) return;
  const found = editor.keys.read(event);
  if (!found) return;
  if (/^(next|previous)$/.test(found.action) && (editor.released || !editor.editing)) return;
  if (!editor.editing && !READING.has(found.action)) return;
  if (!editor.root.isConnected) {
    if (!editor.pop.open) editor.missed.keep(found);
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  act(editor, found);
}

function act(editor, found) {
  editor.tick();
  editor.work.keystrokes++;
  if (editor.root.classList.contains('waiting')) return;
  editor.aimKey(found);
  if (found.digit) editor.digit(found.digit);
  else if (found.relation) editor.relate(found.relation);
  else editor.run(found.action);
}

Object.assign(Editor.prototype, {
  // What the graph or the table has focused: all mentions of a node, or an edge's evidence.
  hear({ entities = [], relations = [] }) {
    const keys = [...relations.map(([head, tail, label]) => `r:${keyOf({ head, tail, label })}`), ...entities.map((id) => `e:${id}`)];
    this.focus = keys.find((key) => this.items.has(key)) || null;
    this.shared = this.focus;
    this.paint();
    entities.forEach((id) => this.light(id));
  },

  // What is in the store now, for the graph beside the text.
  tellSaved() {
    if (!this.doc || !this.data.graph) return;
    const detail = JSON.stringify([this.doc.id, this.doc.revision, this.data.thresholds]);
    document.dispatchEvent(new CustomEvent('relex:saved', { detail }));
  },

  tell(item) {
    const relation = item && item.kind === 'relation';
    const entities = !item ? [] : relation ? [item.head, item.tail] : [item.id];
    const relations = relation ? [[item.head, item.tail, item.label]] : [];
    document.dispatchEvent(new CustomEvent('relex:focus', { detail: { entities, relations, from: 'text' } }));
  },

  // Marks the selected text, by whole words unless `exact`; a grapheme is never split.
  markSelection(exact) {
    const found = this.page.selection();
    if (!found) return false;
    getSelection().removeAllRanges();
    const trimmed = this.text.trim(...found);
    const span = trimmed && (exact ? this.text.whole(...trimmed) : this.text.snap(...trimmed));
    if (!span) return false;
    this.tick();
    this.add(...span);
    return true;
  },
});

// Called by loader.js at every message. Documents that came whole once are kept on the shelf by their `static` id.
export default function mount({ data, parentElement, setStateValue, setTriggerValue }, shelf) {
  let root = parentElement.querySelector('.relex');
  const same = (away) => away.log.scope === data.scope && away.data.direct === data.direct;
  const back = root.editor || data.mode !== 'edit' ? null : comeBack(shelf, root, same);
  if (back) root = back.root;
  else if (!root.editor) root.editor = new Editor(root, {});
  const { editor } = root, { transport } = editor;
  const scope = () => editor.log?.scope ?? data.scope;
  const at = () => transport.at || {};
  const send = (records, has) => setStateValue('ops', { records, scope: scope(), code: data.version, has, at: at() });
  transport.log = (records) => send(records, [...shelf.documents.keys()]);
  transport.held = () => ({ has: [...shelf.documents.keys()], at: at() });
  transport.unpack = (desk) => laid(desk, shelf.documents);
  transport.edit = (id) => setTriggerValue('edit', id);
  transport.graph = (open) => setTriggerValue('graph', open ? 'open' : 'closed');
  const whole = laid(data, shelf.documents);
  if (whole) editor.update(whole);
  else send(editor.log ? editor.log.bare() : [], []);
  if (back) resume(editor);
  return () => leave(editor, shelf);
}

function leave(editor, shelf) {
  if (!editor.log) { end(editor); return; }
  const { dom, transport } = editor;
  editor.scrolled = [dom.pane, dom.list].map((box) => [box, box.scrollTop]);
  Object.assign(transport, { log() {}, edit() {}, graph() {} }); // nobody is there to hear it
  putAway(shelf, editor, () => end(editor));
}

function resume(editor) {
  for (const [box, top] of editor.scrolled) box.scrollTop = top;
  const place = (editor.pop.open && editor.dom.pop.querySelector('input')) || editor.dom.pane;
  if (document.activeElement === document.body) place.focus({ preventScroll: true });
  for (const found of editor.missed.take()) act(editor, found);
  editor.transport.log(editor.log.bare()); // what was to be sent meanwhile
}

function end(editor) {
  editor.close();
  editor.root.editor = null;
}

const KEPT = 8; // documents on the shelf

// A message with all of its documents whole, null if something that was left out is not on the shelf any more.
function laid(message, kept) {
  const [document, ...next] = [message.document, ...message.next].map((doc) => unpack(doc, kept));
  return document && next.every(Boolean) ? { ...message, document, next } : null;
}

function unpack(doc, kept) {
  if (doc.text !== undefined) {
    kept.delete(doc.static);
    kept.set(doc.static, { text: doc.text, entities: doc.entities, relations: doc.relations, passages: doc.passages });
    while (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.has(doc.static) ? { ...doc, ...kept.get(doc.static) } : null;
}
