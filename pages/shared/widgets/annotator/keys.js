// Keys: which action each key stands for, how people change that, and the sheet that lists them.

const STORE = 'relex-studio.keys';
const GUESSING = 'relex-studio.guessing'; // whether a relation that is drawn takes the label that is usual there

// action -> [keys, words for the sheet]; the first key is the one shown.
export const ACTIONS = {
  next: [['Tab'], 'next to decide'], previous: [['Shift+Tab'], 'previous to decide'],
  down: [['j', 'ArrowDown'], 'next in the list'], up: [['k', 'ArrowUp'], 'previous in the list'],
  right: [['ArrowRight'], 'next entity in the text'], left: [['ArrowLeft'], 'previous entity in the text'],
  wordRight: [['w', 'Ctrl+ArrowRight'], 'word by word through the text, to mark what the model missed'], wordLeft: [['b', 'Ctrl+ArrowLeft'], 'a word back'],
  into: [['i'], 'into the mark, word by word, to mark a part of it'],
  accept: [['a'], 'accept'], reject: [['x'], 'reject'], rejectAlike: [['X'], 'reject all suggestions with this label'], remove: [['d', 'Delete', 'Backspace'], 'delete'],
  search: [['/'], 'choose a label by name'], alike: [['='], 'the label given last, on all suggestions like that one'],
  same: [['m'], 'same label on all identical mentions'],
  grow: [[']', 'Ctrl+Shift+ArrowRight'], 'longer by a word'], shrink: [['[', 'Ctrl+Shift+ArrowLeft'], 'shorter by a word'],
  growStart: [['}'], 'longer by a word at the start'], shrinkStart: [['{'], 'shorter by a word at the start'],
  suggest: [['e'], 'what the model would mark here; on a mark: its next label'],
  more: [['+'], 'show the next best suggestion below the threshold'], less: [['-'], 'hide what is undecided, without rejecting it'],
  relation: [['q'], 'relation from here: choose the tail'], flip: [['f'], 'exchange head and tail'],
  undo: [['u', 'Ctrl+z'], 'undo'], redo: [['Z', 'Ctrl+Z', 'Ctrl+y'], 'redo'],
  arcs: [['g'], 'all relations, or those of the focus'], graph: [['G'], 'the graph beside the text, or none'], rescore: [['r'], 'score relations again on these entities'],
  flag: [['!'], 'flag with a note'], skip: [['s'], 'skip this document; a flag stays'],
  earlier: [['p'], 'the document before'], onward: [['n'], 'next document, this one as it stands'],
  done: [['Enter'], 'accept what is shown, submit, next document'], save: [['Shift+Enter'], 'accept what is shown, submit, stay'],
  help: [['?'], 'all keys'], escape: [['Escape'], 'leave; twice: Tab leaves the editor'],
};

// Keys that every program has for these stay whatever else is chosen.
const FIXED = { undo: ['Ctrl+z'], redo: ['Ctrl+Z'] };

export class Keys {
  constructor() {
    this.own = {};
    this.guessing = true;
    try { this.guessing = localStorage.getItem(GUESSING) !== 'no'; this.own = JSON.parse(localStorage.getItem(STORE)) || {}; } catch { /* none stored */ }
    this.index();
  }

  of(action) {
    const own = this.own[action];
    return typeof own !== 'string' ? ACTIONS[action][0] : [own, ...(FIXED[action] || []).filter((key) => key !== own)];
  }

  index() {
    this.byKey = new Map();
    for (const action of Object.keys(ACTIONS)) for (const key of this.of(action)) this.byKey.set(key, action);
    for (const action of Object.keys(this.own)) if (ACTIONS[action]) this.byKey.set(this.own[action], action);
    for (const [action, keys] of Object.entries(FIXED)) for (const key of keys) this.byKey.set(key, action);
  }

  bind(action, key) {
    if (key === null) delete this.own[action];
    else {
      for (const other of Object.keys(ACTIONS)) {
        if (other !== action && this.of(other).includes(key)) return `${show(key)} already means: ${ACTIONS[other][1]}.`;
      }
      if (/^[0-9]$/.test(key)) return 'Digits choose labels.';
      this.own[action] = key;
    }
    try { localStorage.setItem(STORE, JSON.stringify(this.own)); } catch { /* for this visit only */ }
    this.index();
    return '';
  }

  guess(on) {
    this.guessing = on;
    try { localStorage.setItem(GUESSING, on ? 'yes' : 'no'); } catch { /* for this visit only */ }
  }

  // The action of a key event, a digit as {digit}, with Alt and Shift as {relation}, or null.
  read(event) {
    const digit = /^(Digit|Numpad)([0-9])$/.exec(event.code);
    const number = digit && !event.ctrlKey && !event.metaKey ? Number(digit[2]) || 10 : 0;
    // Alt with a digit of the number pad writes a letter on some systems
    if (number && event.altKey && digit[1] === 'Digit') return event.shiftKey ? { relation: number } : { digit: 10 + number };
    const name = keyName(event);
    if (!name) return null;
    if (rowDigit(event)) return { digit: number };
    if (this.byKey.has(name)) return { action: this.byKey.get(name) };
    if (number && !event.altKey) return { digit: number };
    const place = byPlace(event);
    return place && this.byKey.has(place) ? { action: this.byKey.get(place) } : null;
  }
}

// 'a', 'Z', '}', 'Shift+Tab', 'Ctrl+z' (also for Command): printable keys carry their own Shift.
export function keyName(event) {
  const typed = event.getModifierState && event.getModifierState('AltGraph');
  if (event.altKey && !typed) return '';
  let key = event.key;
  if (['Shift', 'Control', 'Alt', 'Meta', 'AltGraph', 'Dead', 'Process'].includes(key)) return '';
  const printable = Array.from(key).length === 1;
  if (printable && event.getModifierState && event.getModifierState('CapsLock')) key = event.shiftKey ? key.toUpperCase() : key.toLowerCase();
  const control = (event.ctrlKey || event.metaKey) && !typed;
  if (control && printable) key = event.shiftKey ? key.toUpperCase() : key.toLowerCase();
  return (control ? 'Ctrl+' : '') + (event.shiftKey && !printable ? 'Shift+' : '') + key;
}

// '0' to '9' for a key of the number row by itself, whatever sign a layout writes there; '' for others.
function rowDigit(event) {
  const row = /^Digit([0-9])$/.exec(event.code);
  const held = event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || event.getModifierState?.('AltGraph');
  return row && !held ? row[1] : '';
}

// The same key by its place, for keyboards that type another script and for brackets behind AltGr.
function byPlace(event) {
  if (event.altKey) return '';
  const control = event.ctrlKey || event.metaKey, letter = /^Key([A-Z])$/.exec(event.code);
  if (letter && !/^[\x00-\x7f]$/.test(event.key)) return (control ? 'Ctrl+' : '') + (event.shiftKey ? letter[1] : letter[1].toLowerCase());
  if (control) return '';
  const bracket = { BracketLeft: '[{', BracketRight: ']}' }[event.code];
  return bracket && !/^[\x00-\x7f]$/.test(event.key) ? bracket[event.shiftKey ? 1 : 0] : '';
}

export const COMMAND = /Mac|iPhone|iPad/.test(navigator.platform) ? 'Cmd' : 'Ctrl';
export const numberKey = (n) => (n <= 10 ? String(n % 10) : n <= 20 ? `Alt+${n % 10}` : '');
const SIGNS = { ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', Delete: 'Del' };
export function show(key) {
  if (key === '+') return key;
  const parts = key.split('+'), last = parts.pop();
  if (/^[A-Z]$/.test(last)) parts.push('Shift');
  return [...parts, SIGNS[last] || (parts.length ? last.toUpperCase().replace(/^(.)(.+)$/, (_, a, b) => a + b.toLowerCase()) : last)].join('+');
}

// Keys that a person is typing into a field of the page are not ours.
export function typing(event) {
  const target = event.composedPath()[0];
  return event.isComposing || (target instanceof Element && (target.matches('input,textarea,select') || target.isContentEditable));
}

// A button with the keys of an action, which asks for another one when it is chosen; `message` says what came of it.
export function keyButton(keys, el, action, words, message, changed) {
  const names = () => keys.of(action).map(show).join('  ');
  const button = el('button', 'key', names(), { type: 'button', 'aria-label': `change the key for: ${words}` });
  button.onclick = () => {
    button.textContent = 'press a key';
    button.onkeydown = (event) => {
      const name = keyName(event);
      if (!name) return;
      event.preventDefault();
      event.stopPropagation();
      button.onkeydown = null;
      message.textContent = (name === 'Escape' ? '' : keys.bind(action, rowDigit(event) || name)) || 'Kept in this browser.';
      button.textContent = names();
      changed();
    };
  };
  return button;
}

// `run(action)` does what a line says, `can(action)` tells whether that is possible here; `changed()` hears of other keys.
export function sheet(keys, el, { close, run, can, changed }) {
  const box = el('div', 'sheet-keys');
  const message = el('p', 'hint', `Choose a line to do it, or a key to change it. ${COMMAND}+Z and ${COMMAND}+Shift+Z always undo and redo; digits and what the mouse does stay as they are.`, { role: 'status' });
  const grid = el('div', 'keygrid');
  for (const [action, [, words]] of Object.entries(ACTIONS)) {
    const line = el('button', `does do-${action}`, words, { type: 'button' });
    line.disabled = !can(action);
    line.onclick = () => run(action);
    grid.append(keyButton(keys, el, action, words, message, changed), line);
  }
  grid.append(el('span', 'key still', '1 … 9'), el('span', '', 'give this label; before a drag: the label of the next span'));
  grid.append(el('span', 'key still', 'Alt+1 … 0'), el('span', '', 'labels 11 to 20'));
  grid.append(el('span', 'key still', 'Alt+Shift+1 … 0'), el('span', '', 'relation 1 to 10 from here: choose the tail, which gets it at once'));
  grid.append(el('span', 'key still', 'point, key'), el('span', '', 'keys act on the mark, line or row that the pointer was moved to'));
  grid.append(el('span', 'key still', 'Shift+click'), el('span', '', 'relation from the focus to this entity'));
  grid.append(el('span', 'key still', 'Shift+drag'), el('span', '', 'relations to all entities in the stretch'));
  grid.append(el('span', 'key still', 'Shift+Alt'), el('span', '', 'the same, in the other direction'));
  grid.append(el('span', 'key still', `${COMMAND}+drag`), el('span', '', 'relation from the entity where it begins to the one where it ends; with Shift to all on the way, with Alt the other way round'));
  grid.append(el('span', 'key still', 'drag'), el('span', '', 'new span, whole words; with Alt: exact letters'));
  const guess = el('label', 'switch', '');
  const tick = el('input', '', '', { type: 'checkbox' });
  tick.checked = keys.guessing;
  tick.onchange = () => keys.guess(tick.checked);
  guess.append(tick, el('span', '', 'A relation that is drawn takes the label that people chose most between such types in this project, else the model’s best guess. A new span takes the label of the same words elsewhere. Off: the label chosen last.'));
  const reset = el('button', 'plain', 'Original keys', { type: 'button' });
  reset.onclick = () => { for (const action of Object.keys(ACTIONS)) keys.bind(action, null); changed(); close(); };
  box.append(grid, message, guess, reset);
  return box;
}
