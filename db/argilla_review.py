"""A derived Argilla dataset for people who stay at Argilla's own page: one question for each pair of entities.

A record shows one sentence with head and tail marked and asks which relation holds, or none. Pairs are those
with a suggested relation, and those in one sentence whose types some label allows. `fold` brings the answers
back into the annotation of the document; the main dataset stays what counts. `run` does both for a project.
A changed label set is another dataset: fold back before the labels change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from db import documents, outbox, projects
from db.argilla_client import PAGE, ArgillaClient
from db.argilla_records import Json, external_id
from db.argilla_store import ArgillaStore, Form, options, question
from db.exports import DECIDED
from db.store import Store
from relex_core.errors import NotFound, SchemaError
from relex_core.types import Annotation, Document, Entity, Relation, Schema

NO_RELATION = "no relation"
QUESTION = "relation"

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entities that are asked about, and what is said of them so far."""

    head: Entity
    tail: Entity
    label: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """What one user submitted about one pair; `label` is "" for no relation."""

    document: str
    user: str
    head: tuple[int, int, str]
    tail: tuple[int, int, str]
    label: str


def pairs(annotation: Annotation) -> Iterator[Pair]:
    """Each pair once for each relation that it has, or once if it has none but might."""
    entities = annotation.by_id()
    suggested = annotation.based_on.relations if annotation.based_on else ()
    said: dict[tuple[str, str], list[Relation]] = {}
    for relation in {r.key: r for r in (*suggested, *annotation.relations)}.values():
        if relation.head in entities and relation.tail in entities:
            said.setdefault((relation.head, relation.tail), []).append(relation)
    sentences = _sentences(annotation.document.text)
    for head in annotation.entities:
        for tail in annotation.entities:
            if head.id == tail.id:
                continue
            known = said.get((head.id, tail.id), [])
            best = max(known, key=lambda r: 2.0 if r.score is None else r.score, default=None)
            if best is not None:
                yield Pair(head, tail, best.label, best.score)
            elif _together(head, tail, sentences) and any(
                label.allows(head.label, tail.label) for label in annotation.schema.visible_relations
            ):
                yield Pair(head, tail)


def shown(document: Document, pair: Pair) -> str:
    """The sentences that hold the pair, with the marks written into the text."""
    sentences = _sentences(document.text)
    start = max((s for s, _ in sentences if s <= min(pair.head.start, pair.tail.start)), default=0)
    end = min((e for _, e in sentences if e >= max(pair.head.end, pair.tail.end)), default=len(document.text))
    places = [(pair.head.start, 1, f"[{pair.head.label}: "), (pair.head.end, 0, " ⟶]")]
    places += [(pair.tail.start, 1, f"[⟶ {pair.tail.label}: "), (pair.tail.end, 0, "]")]
    out, at = "", start
    for place, _, mark in sorted(places):
        out += document.text[at:place] + mark
        at = place
    return out + document.text[at:end]


def fold(annotation: Annotation, answers: Iterable[PairAnswer]) -> Annotation:
    """`annotation` with the relations that one user's answers say. A pair is settled by its answer: other relations
    of the pair go, suggested ones as rejected. Pairs of marks that are gone are left out."""
    places = {(e.start, e.end, e.label): e.id for e in annotation.entities}
    suggested = {r.key: r for r in annotation.based_on.relations} if annotation.based_on else {}
    relations = list(annotation.relations)
    rejected = {r.key: r for r in annotation.rejected_relations}
    for answer in answers:
        head, tail = places.get(answer.head), places.get(answer.tail)
        if head is None or tail is None:
            continue
        relations = [r for r in relations if (r.head, r.tail) != (head, tail)]
        rejected |= {key: r for key, r in suggested.items() if key[:2] == (head, tail) and key[2] != answer.label}
        if answer.label:
            relations.append(Relation(head, tail, answer.label))
            rejected.pop((head, tail, answer.label), None)
    return replace(annotation, relations=tuple(relations), rejected_relations=tuple(rejected.values()))


def _questions(schema: Schema) -> tuple[Json, ...]:
    labels = [label.name for label in schema.relation_labels]
    if not labels or NO_RELATION in labels:
        raise SchemaError(
            expected=f"relation labels, none of them called {NO_RELATION!r}",
            found=", ".join(labels) or "none",
            change="Add or rename a relation label first.",
        )
    choice = {"type": "label_selection", "options": options([*labels, NO_RELATION])}
    return (question(QUESTION, "Relation from the first mark to the second", choice),)


def _guide(schema: Schema) -> str:
    del schema
    return "Which relation does the text state, from the mark that ends with an arrow to the one that begins with it?"


REVIEW = Form("-review", _guide, _questions)


def review(client: ArgillaClient, project: str, schema: Schema) -> ArgillaStore:
    """The review dataset, found or made. Raises ServerDown, StoreError or SchemaError."""
    store = ArgillaStore(client, project, schema, REVIEW)
    store.open()
    return store


@dataclass(slots=True)
class Reviewed:
    """What a round did: answers that became revisions, pairs that are asked about, questions that were taken away
    because their marks are gone, records that are none of ours."""

    answers: int = 0
    revisions: int = 0
    pairs: int = 0
    removed: int = 0
    strange: int = 0


def run(store: Store, project: str, client: ArgillaClient) -> Reviewed:
    """Fold back what people answered since the last round, then ask about the pairs that there are now.

    Answers of a user become a revision of the annotator of the same name, over their own last one, else over the
    latest. Raises NotFound, ServerDown, StoreError or SchemaError.
    """
    about = store.project(project)
    argilla = review(client, project, about.schema)
    done = Reviewed()
    given: dict[tuple[str, str], list[PairAnswer]] = {}
    for item in argilla.records():
        try:
            for answer in _answers(argilla, item):
                given.setdefault((answer.document, answer.user), []).append(answer)
        except (KeyError, TypeError, ValueError):
            done.strange += 1
    for (document, user), found in given.items():
        keep_answers(store, project, argilla.target, document, user, found, done)
    wanted: set[str] = set()

    def decided() -> Iterator[Annotation]:
        for annotation in store.annotations(project, states=DECIDED, suggestions=True):
            wanted.update(_name(annotation.document, pair) for pair in pairs(annotation))
            yield annotation

    done.pairs = put(argilla, decided())
    gone = [
        str(item["id"])
        for item in argilla.records()
        if item.get("metadata") and item["external_id"] not in wanted and not item.get("responses")
    ]
    for at in range(0, len(gone), PAGE):
        client.call("DELETE", f"/datasets/{argilla.id}/records", ids=",".join(gone[at : at + PAGE]))
    done.removed = len(gone)
    return done


def keep_answers(
    store: Store, project: str, target: str, document: str, user: str, found: list[PairAnswer], done: Reviewed
) -> None:
    """A revision of what `user` answered anew about `document`. An answer counts once: what is changed here later
    is not changed back by it."""
    said = {f"{answer.head} {answer.tail}": answer.label for answer in found}
    with store.database.write() as connection:
        pk, _ = projects.find(connection, project)
        try:
            row = documents.find(connection, pk, document)
        except NotFound:
            done.strange += len(found)
            return
        by = projects.annotator(connection, user, store.now())
        known = outbox.entry(connection, target, row.pk, by)
    before = json.loads(known.version) if known is not None and known.version else {}
    new = [answer for answer in found if before.get(f"{answer.head} {answer.tail}") != answer.label]
    if not new:
        return
    revision = store.latest(project, document, user) or store.latest(project, document)
    if revision is not None:
        after = fold(revision.annotation, new)
        if after != revision.annotation:
            note = "relations reviewed in Argilla"
            store.save(project, after, annotator=user, state=revision.state, note=note, independent=True)
            done.revisions += 1
    done.answers += len(new)
    with store.database.write() as connection:
        outbox.acknowledge(connection, target, row.pk, by, store.now(), json.dumps(said))


def put(store: ArgillaStore, annotations: Iterable[Annotation]) -> int:
    """Make or update the records of all pairs; their number. Raises ServerDown or StoreError."""
    batch: list[Json] = []
    count = 0
    for annotation in annotations:
        batch += [_record(annotation.document, pair, store.questions[QUESTION]) for pair in pairs(annotation)]
        while len(batch) >= PAGE:
            count += PAGE - len(store.put_records(batch[:PAGE]))
            batch = batch[PAGE:]
    return count + len(batch) - len(store.put_records(batch))


def answers(store: ArgillaStore) -> Iterator[PairAnswer]:
    """All submitted answers. Raises ServerDown or StoreError."""
    for item in store.records():
        yield from _answers(store, item)


def _answers(store: ArgillaStore, item: Json) -> Iterator[PairAnswer]:
    """What was submitted about one pair. Raises KeyError, TypeError or ValueError for a record that is not ours."""
    place = item.get("metadata") or {}
    for response in item.get("responses") or ():
        value = ((response.get("values") or {}).get(QUESTION) or {}).get("value")
        if response.get("status") != "submitted" or not isinstance(value, str):
            continue
        yield PairAnswer(
            str(place["document"]),
            store.names.get(response["user_id"], str(response["user_id"])),
            (int(place["head_start"]), int(place["head_end"]), str(place["head_label"])),
            (int(place["tail_start"]), int(place["tail_end"]), str(place["tail_label"])),
            "" if value == NO_RELATION else value,
        )


def _name(document: Document, pair: Pair) -> str:
    """The record's external id."""
    head, tail = pair.head, pair.tail
    place = f"{head.start}-{head.end}-{head.label}:{tail.start}-{tail.end}-{tail.label}"
    return f"{external_id(document)}:{place}"


def _record(document: Document, pair: Pair, question_id: str) -> Json:
    head, tail = pair.head, pair.tail
    metadata: Json = {"document": document.id, "head_start": head.start, "head_end": head.end}
    metadata |= {"tail_start": tail.start, "tail_end": tail.end}
    metadata |= {"head_label": head.label, "tail_label": tail.label}
    item: Json = {"external_id": _name(document, pair), "metadata": metadata, "suggestions": []}
    item["fields"] = {"text": shown(document, pair)}
    if pair.label:
        suggestion: Json = {"question_id": question_id, "value": pair.label, "type": "model"}
        item["suggestions"] = [suggestion if pair.score is None else {**suggestion, "score": pair.score}]
    return item


def _sentences(text: str) -> list[tuple[int, int]]:
    starts = [0, *(m.end() for m in _SENTENCE_END.finditer(text))]
    return list(zip(starts, [*(m.start() for m in _SENTENCE_END.finditer(text)), len(text)], strict=True))


def _together(one: Entity, other: Entity, sentences: list[tuple[int, int]]) -> bool:
    first, last = min(one.start, other.start), max(one.end, other.end)
    return any(start <= first and last <= end for start, end in sentences)
