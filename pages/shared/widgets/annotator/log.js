// The append-only log of corrections on their way to the store. A record leaves it only when Python says
// that it is committed; until then it also lies in localStorage, so that a reload or a crash loses nothing.
// Records keep the client id and number they were born with: sending one twice changes nothing.

const PREFIX = 'relex-studio.log.';
const TRANSIENT = new Set(['next', 'back', 'rescore', 'thresholds', 'open']); // wishes, not work: not kept over a reload
const STEPS = new Set(['submit', 'skip', 'flag', 'next', 'back']); // wishes that are granted without the page
const PATIENCE = 10000; // ms that a posted log waits for its answer
const REST = 500; // ms without a correction after which the rest of the page follows
const SOON = 100; // the same after a step: the address must name the document that is open
const RESEND = 1500; // ms without an answer before a record is sent again

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');

export class Log {
  // send(records) asks for a run of the page; settled(answer) hears what a posted log has come to; held() says what
  // the browser holds of the documents.
  constructor(scope, { send, changed, settled, held }) {
    Object.assign(this, { scope, send, changed, settled });
    this.holds = held;
    this.prefix = `${PREFIX}${encodeURIComponent(scope)}/`;
    this.direct = ''; // token with which corrections may be posted past the page
    this.followed = false; // whether the rest of the page shows them too
    this.client = newId();
    this.seq = 0;
    this.records = [];
    this.kin = {}; // other tabs of this browser, open or closed: up to which number their records are carried on here
    this.committed = {}; // client -> number up to which its records are in the store
    this.dropped = new Set(); // records of other tabs that were given up here
    this.sent = { at: 0, last: '' };
    this.offline = false;
    this.held = false; // a conflict waits for a decision
    this.tries = 0;
    this.adopt();
    this.timer = setInterval(() => this.check(), 500);
  }

  adopt() {
    for (const name of storedNames(this.prefix)) {
      const records = stored(name);
      if (!records.length) localStorage.removeItem(name);
      this.records.push(...records.map(({ upto, ...record }) => record));
      for (const { client, seq, upto } of records) this.kin[client] = Math.max(seq, Number.isInteger(upto) ? upto : 0, this.kin[client] ?? 0);
    }
    if (this.records.length) this.flush();
  }

  push(document, revision, items) {
    for (const item of items) {
      this.records.push({ ...item, client: this.client, seq: ++this.seq, document, on: revision, kin: { ...this.kin } });
    }
    this.keep();
    this.rested();
    setTimeout(() => this.flush()); // the screen first
    this.changed();
  }

  of(document) {
    return this.records.filter((r) => r.document === document);
  }

  acknowledge(committed) {
    const before = this.records.length;
    for (const [client, seq] of Object.entries(committed)) this.committed[client] = Math.max(seq, this.committed[client] ?? 0);
    this.records = this.records.filter((r) => !(r.seq <= (committed[r.client] ?? -1)));
    if (this.records.length !== before) {
      this.keep();
      this.tries = 0;
      this.offline = false;
    }
    if (!this.records.length) this.sent.last = '';
    else if (this.last() !== this.sent.last) this.flush(true);
    this.changed();
  }

  // After a conflict: stand by the records of `document` on top of `revision`, or give them up.
  settle(document, revision, mine) {
    this.held = false;
    if (!mine) this.of(document).forEach((r) => this.dropped.add(nameOfRecord(r)));
    this.records = mine
      ? this.records.map((r) => (r.document === document ? { ...r, on: revision } : r))
      : this.records.filter((r) => r.document !== document);
    this.keep();
    this.flush(true);
    this.changed();
  }

  last() {
    const record = this.records[this.records.length - 1];
    return record ? `${this.records.length}:${record.client}:${record.seq}:${record.on}` : '';
  }

  // One message at a time: the next leaves when the last was answered, or after a while.
  flush(now = false) {
    if (this.held || (this.offline && !now) || (!now && this.sent.last && Date.now() - this.sent.at < RESEND)) return;
    this.sent = { at: Date.now(), last: this.last() || 'empty' };
    if (this.direct && this.records.length && this.records.every((r) => this.passes(r))) this.post();
    else if (!this.closed) this.send(this.bare());
  }

  passes(record) { return Boolean(record.op) || (!this.followed && STEPS.has(record.command)); }

  bare() { return this.records.map(({ kin, ...r }) => (Object.keys(kin).length ? { ...r, kin } : r)); }

  // Corrections and steps need no run of the page. What is not taken this way goes the other.
  async post() {
    const { direct } = this;
    let answer = null;
    try {
      const response = await fetch(new URL('relex/corrections', document.baseURI), {
        method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Relex-Seat': direct }, body: JSON.stringify({ scope: this.scope, records: this.bare(), ...this.holds() }), signal: AbortSignal.timeout(PATIENCE),
      });
      if (response.ok) answer = await response.json();
      else if (response.status === 404 && this.direct === direct) this.direct = '';
    } catch { /* no connection, or no answer */ }
    if (this.closed) return;
    if (answer && answer.acknowledged) {
      if (answer.desk) this.stepped = true;
      this.settled(answer);
      this.rest();
    } else if (this.records.length && !this.held) {
      this.sent = { at: Date.now(), last: this.last() };
      this.send(this.bare());
    }
  }

  // A run of the page shows there what was posted past it: one for all, when nothing follows any more.
  rest() {
    this.rested();
    const follow = () => { if (!this.records.length && !this.held) this.send([]); };
    if (this.followed || this.stepped) this.resting = setTimeout(follow, this.stepped ? SOON : REST);
  }

  rested() { clearTimeout(this.resting); }

  async check() {
    if (!this.records.length || this.held) return;
    const patience = RESEND * Math.min(8, 2 ** this.tries);
    if (Date.now() - this.sent.at < patience) return;
    this.tries++;
    this.sent.at = Date.now();
    this.offline = !(await reachable());
    this.changed();
    if (!this.offline) this.flush(true);
  }

  // What another tab has stored may have grown since: only what is done with is taken out of it.
  keep() {
    this.store(this.client, this.records.filter((r) => r.client === this.client));
    for (const client of Object.keys(this.kin)) {
      const before = stored(this.prefix + client);
      const left = before.filter((r) => r.seq > (this.committed[client] ?? 0) && !this.dropped.has(nameOfRecord(r)));
      if (left.length !== before.length) this.store(client, left);
    }
  }

  store(client, records) {
    const lasting = records.filter((r) => !TRANSIENT.has(r.command)), name = this.prefix + client;
    // a wish is not kept, but who carries on what is kept knows of it: it may be part of what was saved
    const last = records[records.length - 1];
    if (lasting.length && last.seq > lasting[lasting.length - 1].seq) lasting.push({ ...lasting.pop(), upto: last.seq });
    try {
      if (lasting.length) localStorage.setItem(name, JSON.stringify(lasting));
      else localStorage.removeItem(name);
    } catch { /* storage full or forbidden: the log still lives in memory */ }
  }

  get status() {
    const n = this.records.filter((r) => !TRANSIENT.has(r.command)).length;
    if (!n) return 'saved';
    if (this.held) return `${n} waiting for your decision`;
    return this.offline ? `offline, ${n} waiting` : `saving ${n}`;
  }

  close() {
    this.closed = true;
    this.rested();
    clearInterval(this.timer);
  }
}

const isRecord = (r) => r && typeof r.client === 'string' && typeof r.document === 'string' && Number.isInteger(r.seq);

const nameOfRecord = (r) => `${r.client}:${r.seq}`;

// The records of one client in the browser's storage; rubbish is none.
function stored(name) {
  try {
    const isKin = (kin) => kin && typeof kin === 'object' && !Array.isArray(kin);
    return JSON.parse(localStorage.getItem(name)).filter(isRecord).map((r) => ({ ...r, kin: isKin(r.kin) ? r.kin : {} }));
  } catch { return []; }
}

function storedNames(prefix) {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  } catch { return []; }
}

async function reachable() {
  if (!navigator.onLine) return false;
  try {
    const answer = await fetch(new URL('_stcore/health', document.baseURI), { cache: 'no-store', signal: AbortSignal.timeout(3000) });
    return answer.ok;
  } catch { return false; }
}
