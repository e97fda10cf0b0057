"""A small project to try the queue with: short texts, written for this project, with the label set for people."""

from __future__ import annotations

from db import leaving
from db.store import Store
from db.values import Project
from pages.shared.presets import PRESETS
from relex_core.types import Document

NAME = "sample"

GUIDELINES = """\
Mark every person, organization, location, award and date that is named.

- A person's title is no part of the name: in "Dr. Lise Meitner" mark "Lise Meitner".
- "born in" goes from the person to the place, also where the text says it the other way round.
- "works for" holds for any paid or honorary post at the time of the text or before.
- Mark a relation only if the text says so, not because you know it.
"""

TEXTS = (
    "Lise Meitner was born in Vienna and worked at the Kaiser Wilhelm Institute in Berlin with Otto Hahn until 1938.",
    "The Fields Medal went to Maryam Mirzakhani in 2014. She was born in Tehran and taught at Stanford University.",
    "Ada Lovelace, born in London in 1815, married William King and wrote the notes that made her known.",
    "Tu Youyou spent her whole career at the China Academy of Chinese Medical Sciences in Beijing. "
    "In 2015 she received the Nobel Prize in Physiology or Medicine.",
    "Wangari Maathai founded the Green Belt Movement in Nairobi in 1977 and was awarded the Nobel Peace Prize in 2004.",
    "Rosalind Franklin worked for King's College London before she moved to Birkbeck College in 1953.",
    "C. V. Raman was born in Tiruchirappalli and led the Indian Institute of Science in Bangalore from 1933 to 1948.",
    "Frida Kahlo married Diego Rivera in 1929; both lived in the Blue House in Coyoacán, where she was born.",
    "Grace Hopper joined the United States Navy in 1943 and worked at Harvard University on the Mark I.",
    "Chinua Achebe, born in Ogidi, got the Man Booker International Prize in 2007 while he taught at Bard College.",
    "Emmy Noether was born in Erlangen, taught at the University of Göttingen and left for Bryn Mawr College in 1933.",
    "Katherine Johnson worked for NASA at the Langley Research Center in Hampton and got the "
    "Presidential Medal of Freedom in 2015.",
)


def create(store: Store, by: str = "") -> Project:
    """The sample project, made now, by that person, unless it is there; from the archive, if it is there."""
    for project in store.projects(archived=None):
        if project.name == NAME:
            leaving.unarchive(store, NAME, by)
            return project
    store.create_project(NAME, PRESETS["people"], GUIDELINES, by=by)
    documents = [Document(f"sample-{n:02}", text, "sample set") for n, text in enumerate(TEXTS, 1)]
    store.add_documents(NAME, documents, by=by)
    return store.project(NAME)
