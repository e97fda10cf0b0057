"""Words that the reader of dependency parses (`syntax.py`) knows something about."""

from __future__ import annotations

NATION = "nationality or religious or political group"
"""The plain name of spaCy's NORP."""

PLACES = frozenset({"location", "facility"})


def _set(names: str, separator: str | None = None) -> frozenset[str]:
    return frozenset(names.split(separator))


LIGHT_VERBS = _set("have take make give hold play get keep run do begin maintain own")
EMPTY_VERBS = _set("be say tell ask think know see go come want seem include appear note add believe call")
EMPTY_NOUNS = _set(
    "one part number lot kind sort group way time year day example result side name thing some all most it he she "
    "month week end beginning case fact place piece set series bit rest majority percent"
)
SYMMETRIC = _set(
    "married|married to|marries|met|met with|meets|meets with|merged with|borders|twinned with|allied with|"
    "collaborated with|fought with|divorced|divorced from|engaged to|competed with|partnered with|brother of|"
    "sister of|sibling of|twin of|cousin of|friend of|rival of|partner of|colleague of|neighbor of|ally of|spouse of|"
    "teammate of|classmate of",
    "|",
)
ROLES = _set(
    "chairman chairwoman chairperson president director ceo executive officer manager spokesman spokeswoman "
    "spokesperson professor lecturer reporter correspondent editor analyst economist researcher scientist engineer "
    "secretary employee lawyer attorney coach captain head chief leader member partner founder treasurer "
    "administrator commissioner dean chancellor consultant adviser advisor columnist journalist agent official "
    "vice-president principal curator conductor player guitarist drummer singer producer"
)
MODIFIERS = _set("vice deputy prime former acting first general assistant associate executive chief lieutenant foreign")
"""Parts of titles that are tagged as names when capitalised ("Vice President") but change what the title says."""

DATED = _set(
    "born died founded established formed created built opened released published launched acquired completed "
    "discovered elected married killed assassinated signed inaugurated premiered incorporated dissolved retired"
)
"""Verbs whose time is a fact about their subject; other times ("said on Tuesday") are noise."""

NO_RELATION = _set(
    "according|according to|during|whilst|while|like|unlike|than|despite|because of|after|before|since|until|as|due to|"
    "such as|including|per|throughout|amid",
    "|",
)
"""Prepositions that say when or how, not what holds between the two."""

PARTIES = _set("republican democratic democrat liberal conservative labour communist socialist green nazi")
FAITHS = _set(
    "christian muslim jewish catholic protestant hindu buddhist orthodox sunni shia shiite anglican methodist"
)
RESIDENTS = _set("resident mayor governor native citizen senator congressman farmer inhabitant housewife")
MONTHS = _set("January February March April May June July August September October November December")
