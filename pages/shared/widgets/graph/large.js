const CORNERS = {
  false: "M1 5V1h4M9 1h4v4M13 9v4H9M5 13H1V9",
  true: "M5 1v4H1M13 5H9V1M9 13V9h4M1 9h4v4",
};

// A graph of many names can be read on the whole screen; Escape or the button leads back.
function enlarge(box) {
  const frame = box.parentElement;
  const button = frame.querySelector(".rx-graph-large");
  const stop = new AbortController();
  const large = () => document.fullscreenElement === frame;
  const shape = () => {
    button.setAttribute("aria-label", large() ? "Back to the page" : "Whole screen");
    button.title = button.getAttribute("aria-label");
    button.innerHTML = `<svg viewBox="0 0 14 14" aria-hidden="true"><path d="${CORNERS[large()]}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
  };
  button.hidden = !document.fullscreenEnabled;
  button.onclick = ({ detail }) => {
    if (detail) button.blur(); // after a click of the mouse, keys are the editor's as before
    return large() ? document.exitFullscreen() : frame.requestFullscreen();
  };
  document.addEventListener("fullscreenchange", shape, { signal: stop.signal });
  // a key must decide nothing in a text that is not seen
  window.addEventListener("keydown", (event) => large() && event.stopPropagation(), { signal: stop.signal, capture: true });
  shape();
  return stop;
}
