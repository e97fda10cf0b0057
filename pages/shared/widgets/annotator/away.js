// Streamlit takes an element off the page and puts it back a moment later where a run of a fragment overtakes the
// messages of the run before it. A widget with a `root` outlives that on a `shelf`, and the keys pressed meanwhile count.
const AWAY = 2000; // ms

// Keeps a widget that was taken off the page. `end` is called once it does not come back.
function putAway(shelf, widget, end) {
  shelf.away?.end();
  const finish = () => {
    clearTimeout(timer);
    if (shelf.away?.widget === widget) shelf.away = null;
    end();
  };
  const timer = setTimeout(finish, AWAY);
  shelf.away = { widget, timer, end: finish };
}

// The widget that was put away, in the place of `root`: null if there is none, or another one is asked for, with which
// it ends.
function comeBack(shelf, root, fits) {
  const { away } = shelf;
  if (!away) return null;
  const { widget, timer } = away;
  if (!fits(widget)) { away.end(); return null; }
  clearTimeout(timer);
  shelf.away = null;
  root.replaceWith(widget.root);
  return widget;
}

// Keys that came while a widget was off the page, unless it was left for another screen: those are meant for that one.
// The address changes a little later than the page, so a click on a link to another screen counts already.
class Missed {
  constructor() {
    this.screen = location.pathname;
    this.keys = [];
    this.left = false;
  }

  clicked(event) {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement && node.href);
    if (link && new URL(link.href).pathname !== this.screen) this.left = true;
  }

  keep(found) { if (!this.left && location.pathname === this.screen) this.keys.push(found); }

  take() {
    this.left = false;
    return this.keys.splice(0);
  }
}
