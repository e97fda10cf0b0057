// The list beside the text: what is to decide, least certain first, then what was accepted and rejected.

const MOST = 250; // rows of one section that are listed; the rest is reached by keys and in the text

const TITLES = { suggested: 'To decide', accepted: 'Accepted', rejected: 'Rejected' };

export class Side {
  constructor(box, act) {
    this.box = box;
    this.act = act; // (name, item) on a click: 'focus', 'accept', 'reject', 'remove', 'tail'
    this.rows = new Map();
    this.order = [];
    box.addEventListener('click', (event) => {
      const row = event.target.closest('.row');
      if (!row) return;
      const button = event.target.closest('button');
      act(button ? button.dataset.act : 'focus', row.item);
    });
  }

  // sections: {suggested: [item], accepted: [item], rejected: [item]}
  draw(sections) {
    const rows = new Map();
    const nodes = [];
    this.order = [];
    for (const [status, title] of Object.entries(TITLES)) {
      const items = sections[status];
      if (!items.length && status !== 'suggested') continue;
      nodes.push(this.heading(status, title, items.length));
      if (!items.length) nodes.push(this.empty(sections));
      for (const item of items.slice(0, MOST)) {
        const old = this.rows.get(item.key);
        const row = old && old.status === status && old.signature === item.signature ? old : this.row(item, status);
        row.item = item;
        rows.set(item.key, row);
        nodes.push(row);
      }
      if (items.length > MOST) nodes.push(this.more(status, items.length - MOST));
      this.order.push(...items);
    }
    this.rows = rows;
    this.place(new Set(nodes));
  }

  // Puts `nodes` in order, touching only those that came, went or moved.
  place(nodes) {
    for (const node of [...this.box.childNodes]) if (!nodes.has(node)) node.remove();
    let at = this.box.firstChild;
    for (const node of nodes) {
      if (node === at) at = at.nextSibling;
      else this.box.insertBefore(node, at);
    }
  }

  line(name, className, words) {
    this.lines = this.lines || {};
    const node = (this.lines[name] = this.lines[name] || el('div', className, '', { role: 'presentation' }));
    if (node.textContent !== words) node.textContent = words;
    return node;
  }

  heading(status, title, n) { return this.line(status, 'heading', `${title} (${n})`); }

  more(status, n) { return this.line(`more ${status}`, 'nothing', `and ${n} more in the text`); }

  empty(sections) {
    return this.line('empty', 'nothing', sections.accepted.length
      ? 'Everything is decided. Enter submits and opens the next document.'
      : 'No suggestion above the threshold. Drag over words to mark an entity.');
  }

  row(item, status) {
    const row = el('div', `row ${item.kind} ${status}`, '', { role: 'option', id: `row-${hash(item.key)}`, 'aria-selected': 'false' });
    row.signature = item.signature;
    row.status = status;
    const words = el('span', 'words');
    if (item.kind === 'entity') {
      words.append(el('i', `tag h${item.color}`, '', { 'data-l': item.letter }), el('bdi', 't', item.text), el('span', 'label', item.label));
    } else {
      words.append(el('bdi', 't', item.headText), el('span', `label h${item.color}`, `→ ${item.label} →`), el('bdi', 't', item.tailText));
    }
    row.title = item.kind === 'entity' ? `${item.text} (${item.label})` : `${item.headText} → ${item.label} → ${item.tailText}`;
    row.append(words, el('span', 'score', item.score === null || item.score === undefined ? '' : item.score.toFixed(2).replace(/^0/, '')));
    if (status !== 'accepted') row.append(action('accept', 'a', `accept ${row.title}`));
    if (status !== 'rejected') row.append(action(status === 'accepted' ? 'remove' : 'reject', status === 'accepted' ? 'd' : 'x', `${status === 'accepted' ? 'delete' : 'reject'} ${row.title}`));
    return row;
  }

  focus(key) {
    const row = this.rows.get(key);
    if (this.chosen && this.chosen !== row) this.chosen.setAttribute('aria-selected', 'false');
    this.chosen = row;
    if (!row) return this.box.removeAttribute('aria-activedescendant');
    row.setAttribute('aria-selected', 'true');
    this.box.setAttribute('aria-activedescendant', row.id);
    const top = row.offsetTop, bottom = top + row.offsetHeight;
    if (top < this.box.scrollTop + 28) this.box.scrollTop = Math.max(0, top - 28);
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight + 8;
    return undefined;
  }
}

const action = (name, key, label) => el('button', 'act', key, { type: 'button', 'data-act': name, 'aria-label': label, title: label, tabindex: '-1' });

function hash(string) {
  let h = 5381;
  for (let i = 0; i < string.length; i++) h = ((h * 33) ^ string.charCodeAt(i)) >>> 0;
  return h.toString(36);
}
