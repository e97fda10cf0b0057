// The list beside the text: what is to decide, least certain first, then what was accepted and rejected.

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
      for (const item of items) {
        const signature = `${status}|${item.signature}`;
        const old = this.rows.get(item.key);
        const row = old && old.signature === signature ? old : this.row(item, status, signature);
        row.item = item;
        rows.set(item.key, row);
        nodes.push(row);
        this.order.push(item);
      }
    }
    this.rows = rows;
    const kept = this.box.childNodes;
    if (kept.length !== nodes.length || nodes.some((node, i) => node !== kept[i])) {
      const top = this.box.scrollTop;
      this.box.replaceChildren(...nodes);
      this.box.scrollTop = top;
    }
  }

  heading(status, title, n) {
    this.headings = this.headings || {};
    const node = (this.headings[status] = this.headings[status] || el('div', 'heading', '', { role: 'presentation' }));
    node.textContent = `${title} (${n})`;
    return node;
  }

  empty(sections) {
    this.nothing = this.nothing || el('div', 'nothing', '', { role: 'presentation' });
    this.nothing.textContent = sections.accepted.length
      ? 'Everything is decided. Enter submits and opens the next document.'
      : 'No suggestion above the threshold. Drag over words to mark an entity.';
    return this.nothing;
  }

  row(item, status, signature) {
    const row = el('div', `row ${item.kind} ${status}`, '', { role: 'option', id: `row-${hash(item.key)}`, 'aria-selected': 'false' });
    row.signature = signature;
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
    for (const row of this.box.querySelectorAll('[aria-selected="true"]')) row.setAttribute('aria-selected', 'false');
    const row = this.rows.get(key);
    if (!row) return this.box.removeAttribute('aria-activedescendant');
    row.setAttribute('aria-selected', 'true');
    this.box.setAttribute('aria-activedescendant', row.id);
    const top = row.offsetTop - this.box.offsetTop, bottom = top + row.offsetHeight;
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
