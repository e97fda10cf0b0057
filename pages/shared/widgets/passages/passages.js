// Text goes into the page as textContent only.
const element = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".rx-passages");
  list.replaceChildren(...data.rows.map((row, at) => {
    const parts = row.parts.map(([text, hue]) => {
      if (hue === null) return text;
      const mark = element("mark", { textContent: text });
      mark.style.background = `var(--fill-${hue})`;
      return mark;
    });
    const said = row.score === null ? "decided" : row.score.toFixed(2);
    const line = element("small", {}, element("span", { textContent: row.document, dir: "auto" }), element("span", { textContent: said }));
    const item = element("li", { tabIndex: 0, title: "Open the document here" }, element("q", { dir: "auto" }, ...parts), line);
    item.onclick = () => setTriggerValue("open", at);
    item.onkeydown = (event) => {
      if (event.key === "Enter") setTriggerValue("open", at);
      if (event.key === "ArrowDown") { item.nextElementSibling?.focus(); event.preventDefault(); }
      if (event.key === "ArrowUp") { item.previousElementSibling?.focus(); event.preventDefault(); }
    };
    return item;
  }));
}
