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

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".rx-documents");
  const rows = data.rows.map((row) => {
    const tr = element("tr", { tabIndex: 0 }, ...cells(row));
    tr.onclick = () => setTriggerValue("open", row.id);
    tr.onkeydown = (event) => {
      if (event.key === "Enter") setTriggerValue("open", row.id);
      if (event.key === "ArrowDown") tr.nextElementSibling?.focus();
      if (event.key === "ArrowUp") tr.previousElementSibling?.focus();
    };
    return tr;
  });
  const head = element("tr", {}, ...COLUMNS.map(([name, title]) => element("th", { className: name, textContent: title, scope: "col" })));
  box.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}
