"""Exchange formats: annotations <-> files. `db.formats.registry` lists them; each other module is one format.

A writer takes annotations one at a time and a reader gives records one at a time, so that a set of documents
need not fit in memory (where a format forbids that, its module says so). Reading order: `record` (what is read
and written), `files` (text files and archives without surprises), `zipping` (archives of any number of members),
`tokens` (marks on words), the formats, `rdf_graph` (RDF read piece by piece), `registry`.
"""

from db.formats.record import Attributed, Format, Item, Reader, Record, Writer, united
from db.formats.registry import FORMATS, named, readers, writers

__all__ = [
    "FORMATS",
    "Attributed",
    "Format",
    "Item",
    "Reader",
    "Record",
    "Writer",
    "named",
    "readers",
    "united",
    "writers",
]
