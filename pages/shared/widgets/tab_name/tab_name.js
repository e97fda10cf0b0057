// A tab's own name lies in sessionStorage, which a reload keeps and another tab does not see. What a new tab begins
// with lies in a cookie: it comes with the first message, before anything is drawn or saved under another name. So
// does the name of a tab that is being loaded again, in a cookie that is gone as soon as the tab is there.
const NAME = 'relex-studio.name';
const CHOICE = 'relex-studio.name-choice';
const YEAR = 31_536_000;
const MOMENT = 30; // seconds that loading again may take
let told = '';
let tab = '';

const keep = (cookie, name, seconds) => {
  document.cookie = `${cookie}=${encodeURIComponent(name)}; path=/; max-age=${seconds}; samesite=lax`;
};

const kept = (cookie) => {
  const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${cookie}=`));
  return found && decodeURIComponent(found.slice(cookie.length + 1));
};

window.addEventListener('pagehide', () => {
  try {
    const own = sessionStorage.getItem(NAME);
    if (tab && own) keep(tab, own, MOMENT);
  } catch { /* storage is forbidden */ }
});

export default function ({ data, setStateValue }) {
  try {
    if (!tab) keep(data.tab, '', 0);
    tab = data.tab;
    if (data.choice) {
      if (sessionStorage.getItem(CHOICE) === data.choice) return;
      sessionStorage.setItem(CHOICE, data.choice);
      sessionStorage.setItem(NAME, data.name);
      keep(data.cookie, data.name, YEAR);
      return;
    }
    // a new tab may have taken the name of one that was just left
    const own = sessionStorage.getItem(NAME) ?? kept(data.cookie) ?? data.name;
    sessionStorage.setItem(NAME, own);
    if (own !== data.name && told !== data.visit) {
      told = data.visit;
      setStateValue('name', own);
    }
  } catch { /* storage is forbidden: the name is this visit's */ }
}
