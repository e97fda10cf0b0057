// Text goes into the page as textContent only.
const COLUMNS = ["Head", "Relation", "Tail", "Score", "Evidence"];
const tables = new WeakMap();

const announce = (detail) => document.dispatchEvent(new CustomEvent("relex:focus", { detail: { ...detail, from: "table" } }));

const element = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

function cell(row, at) {
  const value = row.cells[at];
  const td = element("td", { className: `c${at}`, dir: "auto" });
  if (at === 3) {
    td.textContent = value === null ? "yours" : value.toFixed(2);
  } else if (at === 4) {
    td.append(element("div", { textContent: value, title: value }));
  } else {
    const side = at / 2;
    if (at !== 1) {
      const dot = element("span", { className: "dot", title: row.types[side] });
      dot.style.background = `var(--line-${row.colors[side]})`;
      td.append(dot);
    }
    td.append(value);
  }
  return td;
}

const compare = (a, b) => {
  if (typeof a === "string") return a.localeCompare(b);
  return (a === null ? 2 : a) - (b === null ? 2 : b);
};

function focus(state, row) {
  const [head, tail] = row.relation;
  announce({ entities: [head, tail], relations: [row.relation], kind: "relation" });
  mark(state, { entities: [head, tail], relations: [row.relation] });
}

function mark(state, { entities = [], relations = [] }) {
  const wanted = new Set(relations.map((r) => r.join("\x1f")));
  const some = new Set(entities);
  for (const { tr, row } of state.lines) {
    const touched = wanted.size ? wanted.has(row.relation.join("\x1f")) : some.has(row.relation[0]) || some.has(row.relation[1]);
    tr.setAttribute("aria-selected", String(wanted.size > 0 && touched));
    tr.classList.toggle("dim", (wanted.size > 0 || some.size > 0) && !touched);
    if (touched && state.scroll) { tr.scrollIntoView({ block: "nearest" }); state.scroll = false; }
  }
}

function draw(state) {
  const { box, data, sort } = state;
  if (!data.rows.length) {
    box.replaceChildren(element("p", { textContent: data.empty }));
    state.lines = [];
    return;
  }
  const head = element("tr");
  COLUMNS.forEach((name, at) => {
    const th = element("th", { className: `c${at}`, scope: "col" }, element("button", { textContent: name, type: "button" }));
    if (sort.at === at) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    th.firstChild.onclick = () => {
      state.sort = { at, down: sort.at === at ? !sort.down : at === 3 };
      draw(state);
    };
    head.append(th);
  });
  const rows = [...data.rows].sort((a, b) => compare(a.cells[sort.at], b.cells[sort.at]) * (sort.down ? -1 : 1));
  state.lines = rows.map((row) => {
    const tr = element("tr", { tabIndex: 0 }, ...COLUMNS.map((_, at) => cell(row, at)));
    tr.onclick = () => focus(state, row);
    tr.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); focus(state, row); }
      if (event.key === "ArrowDown") tr.nextElementSibling?.focus();
      if (event.key === "ArrowUp") tr.previousElementSibling?.focus();
    };
    return { tr, row };
  });
  const columns = element("colgroup", {}, ...COLUMNS.map((_, at) => element("col", { className: `c${at}` })));
  const body = element("tbody", {}, ...state.lines.map((line) => line.tr));
  box.replaceChildren(element("table", {}, columns, element("thead", {}, head), body));
}

export default function ({ data, parentElement }) {
  const box = parentElement.querySelector(".rx-table");
  let state = tables.get(box);
  if (!state) {
    state = { box, sort: { at: 3, down: true }, lines: [] };
    state.heard = (event) => {
      if (event.detail.from === "table") return;
      state.scroll = true;
      mark(state, event.detail);
    };
    document.addEventListener("relex:focus", state.heard);
    tables.set(box, state);
  }
  state.data = data;
  draw(state);
  return () => { document.removeEventListener("relex:focus", state.heard); tables.delete(box); };
}
