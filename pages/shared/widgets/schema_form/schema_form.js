// Chips for labels. Names are hostile: textContent and value only. Edits are kept until the server has answered them.
const forms = new WeakMap();

const element = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

function push(state, edit) {
  state.seq += 1;
  state.edits = [...state.edits, { ...edit, seq: state.seq }];
  state.send("edits", state.edits);
  return state.seq;
}

function chip(state, kind, label) {
  const badge = element("b", { textContent: kind === "entity" ? label.letter : "→" });
  badge.style.background = `var(--fill-${label.color})`;
  badge.style.color = `var(--ink-${label.color})`;
  const button = element("button", { type: "button", className: "rx-chip", title: label.description || label.name });
  button.append(badge, element("span", { textContent: label.name, dir: "auto" }));
  if (label.symmetric) button.append(element("i", { textContent: "both ways" }));
  button.setAttribute("aria-expanded", String(state.open === `${kind}:${label.name}`));
  button.setAttribute("aria-label", `${kind} label ${label.name}: edit`);
  button.onclick = () => {
    state.open = state.open === `${kind}:${label.name}` ? null : `${kind}:${label.name}`;
    draw(state);
    state.box.querySelector(".rx-edit input")?.focus();
  };
  return element("span", { role: "listitem" }, button);
}

function adder(state, kind) {
  const input = element("input", { type: "text", placeholder: kind === "entity" ? "+ entity" : "+ relation", value: state.typed[kind], maxLength: 20000 });
  input.setAttribute("aria-label", `add ${kind} labels, several divided by commas`);
  input.oninput = () => { state.typed[kind] = input.value; };
  // a pasted list keeps its line breaks as commas, which a one-line input would swallow
  input.onpaste = (event) => {
    const text = event.clipboardData.getData("text");
    if (!/[\n\t]/.test(text)) return;
    event.preventDefault();
    input.setRangeText(text.trim().replace(/[\n\t]+/g, ", "), input.selectionStart, input.selectionEnd, "end");
    state.typed[kind] = input.value;
  };
  const form = element("form", { className: "add" }, input);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    state.again = kind;
    state.sent[push(state, { op: "add", kind, names: input.value })] = { kind, typed: input.value };
    state.typed[kind] = input.value = "";
  };
  return form;
}

function types(state, legend, chosen) {
  const set = element("fieldset", {}, element("legend", { textContent: legend }));
  for (const { name } of state.data.entity) {
    const box = element("input", { type: "checkbox", value: name, checked: chosen.includes(name) });
    set.append(element("label", {}, box, ` ${name}`));
  }
  set.chosen = () => [...set.querySelectorAll("input:checked")].map((box) => box.value);
  return set;
}

function editor(state, kind, label) {
  const name = element("input", { type: "text", value: label.name });
  const description = element("textarea", { value: label.description, rows: 2, placeholder: "What the model should look for, if the name does not say it" });
  const form = element("form", { className: "rx-edit" },
    element("label", { className: "field" }, "Name", name),
    element("label", { className: "field" }, "Description", description));
  let head, tail, symmetric;
  if (kind === "relation") {
    head = types(state, "Head may be (none ticked: any)", label.head_types);
    tail = types(state, "Tail may be", label.tail_types);
    symmetric = element("input", { type: "checkbox", checked: label.symmetric });
    form.append(head, tail, element("label", {}, symmetric, " Both directions mean the same"));
  }
  const close = () => { state.open = null; draw(state); };
  const save = element("button", { type: "submit", className: "save", textContent: "Apply" });
  const cancel = element("button", { type: "button", textContent: "Close", onclick: close });
  const remove = element("button", { type: "button", className: "remove", textContent: "Remove label" });
  remove.onclick = () => { push(state, { op: "remove", kind, name: label.name }); close(); };
  form.append(element("div", { className: "row" }, save, cancel, remove));
  form.onsubmit = (event) => {
    event.preventDefault();
    const to = { name: name.value, description: description.value };
    if (kind === "relation") Object.assign(to, { head_types: head.chosen(), tail_types: tail.chosen(), symmetric: symmetric.checked });
    push(state, { op: "change", kind, name: label.name, to });
    close();
  };
  form.onkeydown = (event) => { if (event.key === "Escape") close(); event.stopPropagation(); };
  return form;
}

function draw(state) {
  const { box, data } = state;
  const parts = [];
  if (state.message) parts.push(element("p", { className: "refused", role: "alert", textContent: state.message }));
  for (const kind of ["entity", "relation"]) {
    const list = element("div", { role: "list" }, ...data[kind].map((label) => chip(state, kind, label)), adder(state, kind));
    list.setAttribute("aria-label", kind === "entity" ? "entity labels" : "relation labels");
    parts.push(list);
    const open = data[kind].find((label) => state.open === `${kind}:${label.name}`);
    if (open) parts.push(editor(state, kind, open));
  }
  box.replaceChildren(...parts);
  if (state.again) { box.querySelectorAll("form.add input")[state.again === "entity" ? 0 : 1].focus(); state.again = null; }
}

export default function ({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".rx-labels");
  let state = forms.get(box);
  if (!state) {
    state = { box, seq: data.acknowledged, edits: [], open: null, typed: { entity: "", relation: "" }, sent: {}, message: "" };
    forms.set(box, state);
  }
  state.send = setStateValue;
  state.data = data;
  state.seq = Math.max(state.seq, data.acknowledged);
  state.edits = state.edits.filter((edit) => edit.seq > data.acknowledged);
  const refused = data.refusal && data.refusal.seq === data.acknowledged ? data.refusal : null;
  state.message = refused ? refused.message : "";
  // what was refused goes back where it was typed: nothing is lost
  const typed = refused && state.sent[refused.seq];
  if (typed && !state.typed[typed.kind]) { state.typed[typed.kind] = typed.typed; state.again = typed.kind; delete state.sent[refused.seq]; }
  if (!box.contains(document.activeElement) || state.again || !state.open) draw(state);
  return () => forms.delete(box);
}
