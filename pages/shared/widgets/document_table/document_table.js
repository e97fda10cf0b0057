// Text goes into the page as textContent only.
const COLUMNS = [
  ["state", "State"], ["text", "Text"], ["number", "Entities"], ["number", "Relations"],
  ["uncertainty", "Uncertainty"], ["who", "Annotator"], ["saved", "Saved"], ["source", "Source"],
];

const element = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

// a click into the cell beside the box is meant for it, never for the document
const tickCell = (tag, label, toggle) => {
  const box = element("input", { type: "checkbox", tabIndex: -1, ariaLabel: label });
  const cell = element(tag, { className: "tick" }, box);
  cell.onclick = (event) => {
    event.stopPropagation();
    if (event.target !== box) box.checked = !box.checked;
    toggle(box.checked);
  };
  return [cell, box];
};

function cells(row) {
  const dot = element("b");
  if (row.hue !== null) dot.style.background = dot.style.borderColor = `var(--line-${row.hue})`;
  const sure = element("td", { className: "uncertainty" });
  if (row.uncertainty !== null) {
    const bar = element("i");
    bar.style.setProperty("--share", `${Math.round(row.uncertainty * 100)}%`);
    sure.append(bar, row.uncertainty.toFixed(2));
  }
  return [
    element("td", { className: "state" }, dot, row.state),
    element("td", { className: "text", title: row.text, dir: "auto" }, row.text, ...(row.flag ? [element("small", { textContent: row.flag, title: row.flag, dir: "auto" })] : [])),
    element("td", { className: "number", textContent: row.saved ? row.entities : "" }),
    element("td", { className: "number", textContent: row.saved ? row.relations : "" }),
    sure,
    element("td", { className: "who", textContent: row.annotator }),
    element("td", { className: "saved", textContent: row.saved }),
    element("td", { className: "source", textContent: row.source, title: row.source }),
  ];
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  const box = parentElement.querySelector(".rx-documents");
  const shown = new Set(data.rows.map((row) => row.id));
  // drawn anew after each tick: what is ticked stays with the box, as long as it is shown
  const before = box.ticked ?? new Set();
  const ticked = box.ticked = new Set([...before].filter((id) => shown.has(id)));
  if (ticked.size < before.size) setStateValue("ticked", [...ticked]);
  const boxes = new Map();
  const [corner, all] = tickCell("th", "tick all that are shown", (on) => tell(data.rows.map((row) => row.id), on));
  const tell = (ids, on) => {
    for (const id of ids) on ? ticked.add(id) : ticked.delete(id);
    draw();
    setStateValue("ticked", [...ticked]);
  };
  const draw = () => {
    for (const [id, tick] of boxes) tick.checked = ticked.has(id);
    all.checked = ticked.size > 0 && ticked.size === shown.size;
    all.indeterminate = ticked.size > 0 && ticked.size < shown.size;
  };
  const focused = box.contains(document.activeElement) ? document.activeElement.closest("tr")?.dataset.id : undefined;
  const rows = data.rows.map((row) => {
    const [first, tick] = tickCell("td", `tick ${row.text}`, (on) => tell([row.id], on));
    boxes.set(row.id, tick);
    const tr = element("tr", { tabIndex: 0 }, first, ...cells(row));
    tr.dataset.id = row.id;
    tr.onclick = () => setTriggerValue("open", row.id);
    tr.onkeydown = (event) => {
      if (event.key === "Enter") setTriggerValue("open", row.id);
      if (event.key === " ") {
        event.preventDefault();
        tell([row.id], !ticked.has(row.id));
      }
      if (event.key === "ArrowDown") tr.nextElementSibling?.focus();
      if (event.key === "ArrowUp") tr.previousElementSibling?.focus();
    };
    return tr;
  });
  const head = element("tr", {}, corner, ...COLUMNS.map(([name, title]) => element("th", { className: name, textContent: title, scope: "col" })));
  box.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
  draw();
  if (focused !== undefined) rows.find((tr) => tr.dataset.id === focused)?.focus({ preventScroll: true });
}
