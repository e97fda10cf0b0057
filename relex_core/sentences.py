"""Where sentences begin, as Wikimedia's sentencex finds them: texts are divided between whole ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from sentencex import get_sentence_boundaries

from relex_core.words import Words


def sentence_starts(words: Words, divided: Sequence[int]) -> tuple[int, ...]:
    """Indices of the words that begin a sentence, a paragraph or a line of a list or table, rising; the first's always.

    `divided` are the divisions of the text's layout. The rules for English also know the marks that end sentences
    elsewhere.

    >>> from relex_core.layout import divisions
    >>> words = Words.of("Dr. Bo left 🎉. He is in St. Louis.\\n\\nBA\\n\\nوصل أمس؟ نعم.")
    >>> sentence_starts(words, divisions(words))
    (0, 6, 13, 14, 17)
    >>> words = Words.of("City\\tRiver\\nBerlin\\tSpree\\nRome\\tTiber")
    >>> sentence_starts(words, divisions(words))
    (0, 2, 4)
    """
    found = (
        bisect_left(words.starts, boundary["start_index"]) for boundary in get_sentence_boundaries("en", words.text)
    )
    lines = (at for at in divided if words.text[words.ends[at - 1] : words.starts[at]].strip("\t "))
    return tuple(sorted({0, *(at for at in found if at < len(words)), *lines}))
