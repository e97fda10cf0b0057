// A tab's own name lies in sessionStorage, which a reload keeps and another tab does not see. What a new tab begins
// with lies in a cookie: it comes with the first message, before anything is drawn or saved under another name.
const NAME = 'relex-studio.name';
const CHOICE = 'relex-studio.name-choice';
const YEAR = 31_536_000;
let told = '';

export default function ({ data, setStateValue }) {
  try {
    if (data.choice) {
      if (sessionStorage.getItem(CHOICE) === data.choice) return;
      sessionStorage.setItem(CHOICE, data.choice);
      sessionStorage.setItem(NAME, data.name);
      document.cookie = `${data.cookie}=${encodeURIComponent(data.name)}; path=/; max-age=${YEAR}; samesite=lax`;
      return;
    }
    const own = sessionStorage.getItem(NAME);
    if (own === null) sessionStorage.setItem(NAME, data.name);
    else if (own !== data.name && told !== data.visit) {
      told = data.visit;
      setStateValue('name', own);
    }
  } catch { /* storage is forbidden: the name is this visit's */ }
}
