// Positions in text. Everything that crosses to Python counts code points; only the DOM counts UTF-16 units.
// A `Text` holds one document (or a window of it that begins at code point `from`).

const HARD_SCRIPTS = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
// The words of relex_core/words.py, but for emoji of several code points: `whole` widens to these.
const RUN = '[\\p{L}\\p{N}_](?:[\\p{L}\\p{N}\\p{M}_]|[\\u200c\\u200d](?=\\p{L}))*';
const IN_LINK = `(?:[^\\s<>()\\[\\]{}"'“”„‘’«».,;:!?。，、；：！？]|\\([^\\s()<>]{0,99}\\)|[.,;:!?']{1,9}(?=[\\p{L}\\p{N}_/\\-#%&=~(]))`;
const LINK = `(?:[a-zA-Z][a-zA-Z0-9+.\\-]{0,19}://|[wW]{3}\\.(?=[\\p{L}\\p{N}]))${IN_LINK}+`;
const NAME = `${RUN}(?:-+${RUN})*`;
const MAIL = `[\\p{L}\\p{N}_][\\p{L}\\p{N}\\p{M}_.+%\\-]{0,63}@${NAME}(?:\\.${NAME})+`;
const WORD = new RegExp(`${LINK}|${MAIL}|(?:(?<![\\p{L}\\p{N}])@)?${RUN}(?:[-_]${RUN})*|\\S`, 'gu');
const INSIDE_WORD = /[\p{L}\p{N}\p{M}_]/u;

export class Text {
  constructor(string, from = 0) {
    this.string = string;
    this.from = from;
    this.units = null; // code point -> UTF-16 unit, only if the two differ
    let astral = 0;
    for (let i = 0; i < string.length; i++) {
      const code = string.charCodeAt(i);
      if (code >= 0xd800 && code < 0xdc00) astral++;
    }
    this.length = string.length - astral;
    if (astral) {
      this.units = new Uint32Array(this.length + 1);
      this.points = new Uint32Array(string.length + 1);
      let point = 0, unit = 0;
      for (const character of string) {
        this.units[point] = unit;
        for (let k = 0; k < character.length; k++) this.points[unit + k] = point;
        unit += character.length;
        point++;
      }
      this.units[point] = unit;
      this.points[unit] = point;
    }
    this.end = from + this.length;
  }

  unit(point) {
    const local = Math.max(0, Math.min(this.length, point - this.from));
    return this.units ? this.units[local] : local;
  }

  point(unit) {
    return this.from + (this.units ? this.points[unit] : unit);
  }

  slice(start, end) {
    return this.string.slice(this.unit(start), this.unit(end));
  }

  // Words as [start, end) in code points, found once.
  get words() {
    if (this._words) return this._words;
    this._words = [];
    for (const match of this.string.matchAll(WORD)) {
      const run = match[0];
      if (run.length > 1 && HARD_SCRIPTS.test(run) && Intl.Segmenter) {
        for (const part of new Intl.Segmenter(undefined, { granularity: 'word' }).segment(run)) {
          this._words.push([this.point(match.index + part.index), this.point(match.index + part.index + part.segment.length)]);
        }
      } else this._words.push([this.point(match.index), this.point(match.index + run.length)]);
    }
    return this._words;
  }

  // Index of the first word that ends after `point` (words.length if there is none).
  wordAfter(point) {
    const words = this.words;
    let low = 0, high = words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (words[middle][1] <= point) low = middle + 1; else high = middle;
    }
    return low;
  }

  // [start, end) without white space at its ends, or null if nothing is left.
  trim(start, end) {
    const cut = this.slice(start, end);
    const left = cut.length - cut.trimStart().length, right = cut.length - cut.trimEnd().length;
    if (left === cut.length) return null;
    return [this.point(this.unit(start) + left), this.point(this.unit(end) - right)];
  }

  // The words that [start, end) touches; null if it touches none.
  snap(start, end) {
    const first = this.wordAfter(start);
    let last = this.wordAfter(end - 1);
    if (last >= this.words.length || this.words[last][0] >= end) last--;
    if (first > last) return null;
    return this.whole(this.words[first][0], this.words[last][1]);
  }

  // [start, end) widened so that no grapheme (a letter with its marks, an emoji sequence) is split.
  whole(start, end) {
    return [this.boundary(start, -1), this.boundary(end, 1)];
  }

  boundary(point, direction) {
    if (!Intl.Segmenter || point <= this.from || point >= this.end) return Math.max(this.from, Math.min(this.end, point));
    const middle = this.unit(point);
    const line = this.string.lastIndexOf('\n', middle - 1) + 1;
    const left = Math.max(line, middle - 64);
    const part = this.string.slice(left, middle + 64);
    const found = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(part).containing(middle - left);
    if (!found || found.index === middle - left) return point;
    const unit = left + found.index + (direction > 0 ? found.segment.length : 0);
    return this.point(unit);
  }

  // Boundaries of the span after its side ('start' or 'end') moved by one word outwards (+1) or inwards (-1).
  step(start, end, side, way) {
    const words = this.words;
    if (side === 'end') {
      if (way > 0) {
        const next = words[this.wordAfter(end)];
        return next ? this.whole(start, next[1]) : null;
      }
      let last = this.wordAfter(end - 1);
      if (last >= words.length || words[last][0] >= end) last = this.wordAfter(end - 1) - 1;
      return words[last - 1] && words[last - 1][1] > start ? this.whole(start, words[last - 1][1]) : null;
    }
    const first = this.wordAfter(start);
    if (way > 0) {
      const before = words[first] && words[first][0] < start ? first : first - 1;
      return words[before] ? this.whole(words[before][0], end) : null;
    }
    const next = words[first + 1];
    return next && next[0] < end ? this.whole(next[0], end) : null;
  }

  // Every other place where the words of [start, end) stand, as whole words.
  occurrences(start, end) {
    const wanted = this.slice(start, end);
    const places = [];
    if (!wanted) return places;
    for (let at = this.string.indexOf(wanted); at >= 0; at = this.string.indexOf(wanted, at + wanted.length)) {
      const stop = at + wanted.length;
      const before = lastCharacter(this.string, at), after = nextCharacter(this.string, stop);
      const glued = (INSIDE_WORD.test(wanted[0]) && INSIDE_WORD.test(before)) || (lastOf(wanted) && INSIDE_WORD.test(after));
      const hard = HARD_SCRIPTS.test(wanted);
      if (!glued || hard) places.push([this.point(at), this.point(stop)]);
    }
    return places;
  }
}

const lastOf = (string) => INSIDE_WORD.test(lastCharacter(string, string.length));
const nextCharacter = (string, unit) => (unit < string.length ? String.fromCodePoint(string.codePointAt(unit)) : '');
function lastCharacter(string, unit) {
  if (unit <= 0) return '';
  const low = string.charCodeAt(unit - 1);
  return low >= 0xdc00 && low < 0xe000 && unit > 1 ? string.slice(unit - 2, unit) : string[unit - 1];
}
