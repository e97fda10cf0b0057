// Text goes into the page as textContent only. A file is saved by itself once, however often this is drawn.
const begun = (globalThis.relexHanded ??= new Set());

export default function ({ data, parentElement }) {
  const { token, address, name, size } = data;
  const link = parentElement.querySelector('a');
  parentElement.querySelector('span').textContent = `Saved as ${name}, ${size}.`;
  link.textContent = 'Save again';
  link.href = new URL(address, document.baseURI);
  link.download = name;
  if (begun.has(token)) return;
  begun.add(token);
  link.click();
}
