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

BARE_NOUNS = EMPTY_NOUNS | _set(
    "member leader man woman person people boy girl child son daughter brother sister father mother wife husband "
    "friend colleague supporter critic opponent partner fan native resident winner loser victim suspect candidate "
    "successor predecessor head name home location source cause reason issue problem way sign symbol term word "
    "favorite favourite hero star idol icon rival enemy ally neighbor neighbour cousin uncle aunt nephew niece "
    "grandson parent descendant ancestor relative spouse guest host visitor passenger survivor participant target "
    "object subject topic focus center centre heart core base site spot area total half third quarter majority "
    "member-state addition exception alternative choice option answer question idea fact success failure thing "
    "stuff item entry list record top bottom front back end start middle left right alumnus graduate inductee "
    "recipient runner-up finalist champion holder owner user user-name nominee bearer possibility matter sponsor "
    "contributor contender favorite-son newcomer veteran figure being kid guy gentleman lady birthplace hometown "
    "namesake nickname pseudonym title abbreviation acronym synonym version variant model family movement "
    "competition mile example instance equivalent counterpart replacement companion sibling twin hand foot eye "
    "age era period"
)
"""Nouns that do not say what kind of thing something is."""

TYPE_ADJECTIVES = _set(
    "political prime military educational electoral musical classical medical chemical natural fictional academic "
    "public private administrative scientific literary religious financial industrial commercial nuclear digital "
    "professional royal federal municipal civil criminal legal economic social mythological historical industrial "
    "mathematical physical biological celestial artificial optical electric electronic mobile online monthly weekly "
    "daily animated dramatic comic foreign domestic regional national international rural urban naval aerial"
)
"""Adjectives that make a narrower type of a noun, not a judgement of one thing."""

NAMING_NOUNS = {
    noun: name
    for name, nouns in {
        "university": "university",
        "college": "college",
        "school": "school academy gymnasium",
        "political party": "party",
        "award": "award awards prize medal",
        "river": "river",
        "lake": "lake",
        "sea": "sea ocean gulf",
        "mountain": "mountain mount peak",
        "mountain range": "mountains alps range",
        "island": "island islands isles",
        "museum": "museum gallery",
        "library": "library",
        "church": "church cathedral basilica abbey chapel",
        "temple": "temple mosque synagogue shrine",
        "hospital": "hospital clinic infirmary",
        "bank": "bank",
        "airport": "airport",
        "railway station": "station",
        "bridge": "bridge",
        "street": "street road avenue boulevard highway",
        "park": "park gardens",
        "theatre": "theatre theater opera",
        "stadium": "stadium arena",
        "castle": "castle palace fortress",
        "court": "court tribunal",
        "law": "act treaty constitution amendment",
        "committee": "committee commission council",
        "parliament": "parliament congress senate assembly",
        "ministry": "ministry department",
        "agency": "agency bureau",
        "war": "war wars",
        "battle": "battle siege",
        "election": "election elections",
        "sports league": "league",
        "sports competition": "cup championship championships olympics games",
        "festival": "festival",
        "newspaper": "times post herald tribune gazette guardian",
        "academic journal": "journal transactions proceedings annals",
        "magazine": "magazine",
        "institute": "institute laboratory observatory",
        "foundation": "foundation trust",
        "association": "association society federation",
        "band": "band quartet trio",
        "orchestra": "orchestra symphony philharmonic",
        "sports club": "club f.c. fc united rovers",
        "county": "county",
        "province": "province",
        "district": "district borough",
        "company": "inc inc. corp corp. corporation ltd ltd. company gmbh plc",
        "army": "army navy brigade regiment division",
        "theorem": "theorem conjecture lemma",
        "theory": "theory hypothesis",
        "algorithm": "algorithm",
        "disease": "disease syndrome disorder cancer",
        "virus": "virus",
        "galaxy": "galaxy nebula",
        "comet": "comet asteroid",
        "dynasty": "dynasty",
        "empire": "empire kingdom",
        "conference": "conference symposium workshop",
        "programming language": "language",
    }.items()
    for noun in nouns.split()
}
"""Last words of names -> the type that they tell."""
