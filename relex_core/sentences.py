"""Where sentences begin, as Wikimedia's sentencex finds them: texts are divided between whole ones."""

from __future__ import annotations

from bisect import bisect_left

from sentencex import get_sentence_boundaries

from relex_core.words import Words


def sentence_starts(words: Words) -> tuple[int, ...]:
    """Indices of the words that begin a sentence or a paragraph, in order; the first word's always.

    The rules for English also know the marks that end sentences elsewhere.

    >>> sentence_starts(Words.of("Dr. Bo left 🎉. He is in St. Louis.\\n\\nBA\\n\\nوصل أمس؟ نعم."))
    (0, 6, 13, 14, 17)
    """
    found = (
        bisect_left(words.starts, boundary["start_index"]) for boundary in get_sentence_boundaries("en", words.text)
    )
    return tuple(sorted({0} | {at for at in found if at < len(words)}))
