// The only script that is inline. The editor itself travels in `data.code` once: as soon as the browser has
// said that it holds this version, Python leaves it out, and with it texts and suggestions that were sent before.

const shelf = (globalThis.relexStudio ??= { modules: new Map(), documents: new Map() });

export default function mount(component) {
  const { code, version } = component.data;
  if (code && !shelf.modules.has(version)) {
    const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    shelf.modules.set(version, import(url).then((module) => {
      shelf.modules.set(version, module);
      URL.revokeObjectURL(url);
      return module;
    }));
  }
  const found = shelf.modules.get(version);
  if (!found) {
    component.setStateValue('ops', { records: [], code: '', has: [] });
    return undefined;
  }
  if (found.default) return found.default(component, shelf);
  let cleanup = null, gone = false;
  found.then((module) => { if (!gone) cleanup = module.default(component, shelf); });
  return () => {
    gone = true;
    if (cleanup) cleanup();
  };
}
