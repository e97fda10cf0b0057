// Beside an editor: what was saved there is drawn when the hands have come to rest, and nothing while keys are pressed.
const RESTED = 1000; // ms without a key, before it is drawn anew
const GLANCE = 400; // the same, before what has the focus is marked

function follow(box) {
  const hands = { at: -RESTED, stop: new AbortController() };
  const on = (name, act) => document.addEventListener(name, act, { signal: hands.stop.signal, capture: true });
  on("keydown", () => { hands.at = performance.now(); });
  on("relex:saved", ({ detail }) => {
    hands.wanted = detail;
    hands.at = Math.max(hands.at, performance.now() - RESTED / 2); // the answers to several keys come one after the other
    rested(hands, "ask", () => { if (hands.wanted !== JSON.stringify(box.latest.stamp)) box.trigger("stale", hands.wanted); });
    age(box);
  });
  return hands;
}

// What is of another document than the editor's stands back until it is drawn anew.
function age(box) {
  const { wanted } = box.hands;
  box.classList.toggle("old", Boolean(wanted) && JSON.parse(wanted)[0] !== box.latest.stamp[0]);
}

// Does something once no key was pressed for a while; of several wishes under one name the last.
function rested(hands, name, act, pause = RESTED) {
  clearTimeout(hands[name]);
  const left = hands.at + pause - performance.now();
  hands[name] = setTimeout(() => (performance.now() < hands.at + pause ? rested(hands, name, act, pause) : act()), Math.max(0, left));
}
