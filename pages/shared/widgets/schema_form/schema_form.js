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
  if (label.inverse) button.append(element("i", { textContent: `↔ ${label.inverse}`, dir: "auto" }));
  const own = state.data.limits[kind].own[label.name];
  if (own !== undefined) button.append(element("i", { textContent: `from ${short(own)}` }));
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

const short = (value) => value.toFixed(2).replace(/^0/, "");

// How sure the model has to be of this label; it holds at once, without Apply.
function limit(state, kind, label) {
  const { common, floor, own } = state.data.limits[kind];
  const value = own[label.name];
  const slider = element("input", { type: "range", min: floor, max: 1, step: 0.01, value: value ?? common });
  slider.setAttribute("aria-label", `show ${label.name} from this score`);
  const words = element("output", { textContent: value === undefined ? `${short(common)}, as all others` : short(value) });
  const reset = element("button", { type: "button", textContent: "As all others", hidden: value === undefined });
  const send = (to) => push(state, { op: "threshold", kind, name: label.name, value: to });
  slider.oninput = () => { words.textContent = short(Number(slider.value)); };
  slider.onchange = () => { reset.hidden = false; send(Number(slider.value)); };
  reset.onclick = () => { slider.value = common; words.textContent = `${short(common)}, as all others`; reset.hidden = true; send(null); };
  return element("div", { className: "limit" }, element("span", { textContent: "Shown from" }), slider, words, reset);
}

function otherWay(state, label) {
  const none = element("option", { value: "", textContent: "has no name of its own" });
  const others = state.data.relation.filter((other) => other.name !== label.name);
  const choice = element("select", {}, none, ...others.map(({ name }) => element("option", { value: name, textContent: `is called ${name}` })));
  choice.value = label.inverse;
  choice.disabled = label.symmetric;
  return choice;
}

function types(state, legend, chosen) {
  const set = element("fieldset", {}, element("legend", { textContent: legend }));
  // one that is deleted while marks carry it is a type of this relation until somebody unticks it
  for (const name of new Set([...state.data.entity.map((label) => label.name), ...chosen])) {
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
  let head, tail, symmetric, inverse;
  if (kind === "relation") {
    head = types(state, "It goes from (none ticked: any)", label.head_types);
    tail = types(state, "It goes to (none ticked: any)", label.tail_types);
    symmetric = element("input", { type: "checkbox", checked: label.symmetric });
    inverse = otherWay(state, label);
    symmetric.onchange = () => { inverse.disabled = symmetric.checked; if (symmetric.checked) inverse.value = ""; };
    form.append(head, tail, element("label", {}, symmetric, " Both directions mean the same"),
      element("label", { className: "field" }, "The other direction", inverse));
  }
  form.append(limit(state, kind, label));
  const close = () => { state.open = null; draw(state); };
  const save = element("button", { type: "submit", className: "save", textContent: "Apply" });
  const cancel = element("button", { type: "button", textContent: "Close", onclick: close });
  const remove = element("button", { type: "button", className: "remove", textContent: "Remove label" });
  remove.onclick = () => { push(state, { op: "remove", kind, name: label.name }); close(); };
  form.append(element("div", { className: "row" }, save, cancel, remove));
  form.onsubmit = (event) => {
    event.preventDefault();
    const to = { name: name.value, description: description.value };
    if (kind === "relation") Object.assign(to, { head_types: head.chosen(), tail_types: tail.chosen(), symmetric: symmetric.checked, inverse: inverse.value });
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
