"""A derived Argilla dataset for people who stay at Argilla's own page: one question for each pair of entities.

A record shows one sentence with head and tail marked and asks which relation holds, or none. Pairs are those
with a relation, accepted or suggested, and those in one sentence whose types some label allows. Each relation of a
pair has a record of its own, and its answer is about that relation alone. `fold` brings the answers back into the
annotation of the document; the main dataset stays what counts. `run` does both for a project.
A changed label set is another dataset; what is answered in the one before is folded back by `argilla_older`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace

from db import documents, outbox, projects
from db.argilla_client import PAGE, ArgillaClient
from db.argilla_records import Json, external_id
from db.argilla_store import ArgillaStore, Form, options, question
from db.exports import DECIDED
from db.labels import Renames
from db.store import Store
from relex_core.errors import SchemaError
from relex_core.types import Annotation, Document, Entity, Relation, Schema, allowed

NO_RELATION = "no relation"
QUESTION = "relation"

Place = tuple[str, tuple[int, int, str], tuple[int, int, str]]
"""Document, then start, end and label of head and tail."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entities and the relation between them that is asked about, "" if none is known; `others` are further labels
    of the two, each of which is asked about as well."""

    head: Entity
    tail: Entity
    label: str = ""
    score: float | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """What one user submitted about one pair; `label` is "" for no relation. `about` is the relation that was asked
    about, "" if none was known, None for a record from a time when that was not written down."""

    document: str
    user: str
    head: tuple[int, int, str]
    tail: tuple[int, int, str]
    label: str
    about: str | None = None


def pairs(annotation: Annotation) -> Iterator[Pair]:
    """Each pair once for each relation that it has, accepted or suggested and not rejected; or once if it has none but
    might."""
    entities = annotation.by_id()
    rejected = {relation.key for relation in annotation.rejected_relations}
    suggested = [r for r in annotation.based_on.relations if r.key not in rejected] if annotation.based_on else []
    said: dict[tuple[str, str], list[Relation]] = {}
    for relation in {r.key: r for r in (*suggested, *annotation.relations)}.values():
        if relation.head in entities and relation.tail in entities:
            said.setdefault((relation.head, relation.tail), []).append(relation)
    sentences = _sentences(annotation.document.text)
    bounds = [annotation.schema.bounds[label.name] for label in annotation.schema.visible_relations]
    for head in annotation.entities:
        for tail in annotation.entities:
            if head.id == tail.id:
                continue
            known = said.get((head.id, tail.id), [])
            labels = sorted(relation.label for relation in known)
            for relation in known:
                others = tuple(label for label in labels if label != relation.label)
                yield Pair(head, tail, relation.label, relation.score, others)
            if (
                not known
                and _together(head, tail, sentences)
                and any(allowed(labels, head.label, tail.label) for labels in bounds)
            ):
                yield Pair(head, tail)


def shown(document: Document, pair: Pair) -> str:
    """The sentences that hold the pair, with the marks written into the text. If the pair has several relations, a last
    line tells which one it is about: their records look alike."""
    sentences = _sentences(document.text)
    start = max((s for s, _ in sentences if s <= min(pair.head.start, pair.tail.start)), default=0)
    end = min((e for _, e in sentences if e >= max(pair.head.end, pair.tail.end)), default=len(document.text))
    places = [(pair.head.start, 1, f"[{pair.head.label}: "), (pair.head.end, 0, " ⟶]")]
    places += [(pair.tail.start, 1, f"[⟶ {pair.tail.label}: "), (pair.tail.end, 0, "]")]
    out, at = "", start
    for place, _, mark in sorted(places):
        out += document.text[at:place] + mark
        at = place
    out += document.text[at:end]
    if pair.others:
        out += f"\n\n[about: {pair.label}; asked about apart: {', '.join(pair.others)}]"
    return out


def fold(annotation: Annotation, answers: Iterable[PairAnswer]) -> Annotation:
    """`annotation` with the relations that one user's answers say. The relation that was asked about goes if another
    or none was answered, a suggested one as rejected; other relations of the pair stay. Pairs of marks that are gone
    are left out."""
    places = {(e.start, e.end, e.label): e.id for e in annotation.entities}
    suggested = {r.key: r for r in annotation.based_on.relations} if annotation.based_on else {}
    relations = list(annotation.relations)
    rejected = {r.key: r for r in annotation.rejected_relations}
    for answer in answers:
        head, tail = places.get(answer.head), places.get(answer.tail)
        if head is None or tail is None:
            continue
        about = answer.about
        if about is None:
            # only one thing can have been asked about, or nobody knows which
            labels = {key[2] for key in (*suggested, *(r.key for r in relations)) if key[:2] == (head, tail)}
            about = next(iter(labels)) if len(labels) == 1 else ""
        asked, said = (head, tail, about), (head, tail, answer.label)
        if asked != said:
            relations = [r for r in relations if r.key != asked]
            rejected |= {asked: suggested[asked]} if asked in suggested else {}
        if answer.label:
            relations += [] if said in {r.key for r in relations} else [Relation(*said)]
            rejected.pop(said, None)
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
    given = _given(argilla, done)
    settled: dict[Place, set[str]] = {}
    for (document, user), found in given.items():
        for answer in found:
            settled.setdefault((document, answer.head, answer.tail), set()).add(answer.label)
        keep_answers(store, project, argilla.target, document, user, found, done)
    wanted: set[str] = set()

    def decided() -> Iterator[Annotation]:
        for annotation in store.annotations(project, states=DECIDED, suggestions=True):
            wanted.update(_name(annotation.document, pair) for pair in pairs(annotation))
            yield annotation

    done.pairs = put(argilla, decided(), settled)
    gone = [
        str(item["id"])
        for item in argilla.records()
        if item.get("metadata") and item["external_id"] not in wanted and not item.get("responses")
    ]
    for at in range(0, len(gone), PAGE):
        client.call("DELETE", f"/datasets/{argilla.id}/records", ids=",".join(gone[at : at + PAGE]))
    done.removed = len(gone)
    return done


def _given(argilla: ArgillaStore, done: Reviewed) -> dict[tuple[str, str], list[PairAnswer]]:
    """All submitted answers by document and user; records that are none of ours are counted."""
    given: dict[tuple[str, str], list[PairAnswer]] = {}
    for item in argilla.records():
        try:
            for answer in _answers(argilla, item):
                given.setdefault((answer.document, answer.user), []).append(answer)
        except (KeyError, TypeError, ValueError):
            done.strange += 1
    return given


def fold_older(store: Store, project: str, argilla: ArgillaStore, renames: Renames) -> None:
    """Fold back what was answered in the review dataset of an earlier label set, whose names have become others by
    `renames`. An answer with a label that is gone stays where it is, see `is_folded`."""
    entities, relations = dict(renames.entities), dict(renames.relations)

    def mark(start: int, end: int, label: str) -> tuple[int, int, str]:
        return start, end, entities.get(label, label)

    def today(answer: PairAnswer) -> PairAnswer:
        return replace(
            answer,
            head=mark(*answer.head),
            tail=mark(*answer.tail),
            label=relations.get(answer.label, answer.label),
            about=None if answer.about is None else relations.get(answer.about, answer.about),
        )

    done = Reviewed()
    for (document, user), found in _given(argilla, done).items():
        with suppress(SchemaError):
            keep_answers(store, project, argilla.target, document, user, found, done, today)


def is_folded(store: Store, project: str, argilla: ArgillaStore, item: Json) -> bool:
    """Whether a record is one of ours, and all that was answered to it counts here."""
    responses = item.get("responses") or ()
    if any(response.get("status") != "submitted" and response.get("values") for response in responses):
        return False  # begun, and sent by nobody
    try:
        given = list(_answers(argilla, item))
        document = str(item["metadata"]["document"])
    except (KeyError, TypeError, ValueError):
        return False
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        row = documents.look_up(connection, pk, document)
        if row is None:
            return False
        said = {
            name: json.loads(version)
            for name, version in outbox.versions(connection, argilla.target, row.pk).items()
            if version
        }
    return all(said.get(answer.user, {}).get(_asked(answer)) == answer.label for answer in given)


def keep_answers(
    store: Store,
    project: str,
    target: str,
    document: str,
    user: str,
    found: list[PairAnswer],
    done: Reviewed,
    today: Callable[[PairAnswer], PairAnswer] = lambda answer: answer,
) -> None:
    """A revision of what `user` answered anew about `document`, in the labels of `today`. An answer counts once: what
    is changed here later is not changed back by it. Raises SchemaError for a label that there is not."""
    said = {_asked(answer): answer.label for answer in found}
    with store.database.write() as connection:
        pk, _ = projects.find(connection, project)
        row = documents.look_up(connection, pk, document)
        if row is None:
            done.strange += len(found)
            return
        by = projects.annotator(connection, user, store.now())
        known = outbox.entry(connection, target, row.pk, by)
    before = json.loads(known.version) if known is not None and known.version else {}
    new = [answer for answer in found if before.get(_asked(answer)) != answer.label]
    if not new:
        return
    revision = store.latest(project, document, user) or store.latest(project, document)
    if revision is not None:
        after = fold(revision.annotation, [today(answer) for answer in new])
        if after != revision.annotation:
            note = "relations reviewed in Argilla"
            store.save(project, after, annotator=user, state=revision.state, note=note, independent=True)
            done.revisions += 1
    done.answers += len(new)
    with store.database.write() as connection:
        outbox.acknowledge(connection, target, row.pk, by, store.now(), json.dumps(said))


def _asked(answer: PairAnswer) -> str:
    """Names what was answered, for one document and user."""
    return " ".join([str(answer.head), str(answer.tail), *([answer.about] if answer.about else [])])


def put(store: ArgillaStore, annotations: Iterable[Annotation], settled: Mapping[Place, Set[str]] | None = None) -> int:
    """Make or update the records of all pairs; their number. A relation that was the answer to another question about
    its pair is `settled` and has no record of its own. Raises ServerDown or StoreError."""
    batch: list[Json] = []
    count = 0
    for annotation in annotations:
        for pair in pairs(annotation):
            if pair.label in (settled or {}).get(_place(annotation.document, pair), ()):
                count += 1
            else:
                batch.append(_record(annotation.document, pair, store.questions[QUESTION]))
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
            str(place["relation"]) if "relation" in place else None,
        )


def _name(document: Document, pair: Pair) -> str:
    """The record's external id."""
    head, tail = pair.head, pair.tail
    place = f"{head.start}-{head.end}-{head.label}:{tail.start}-{tail.end}-{tail.label}"
    return f"{external_id(document)}:{place}" + (f":{pair.label}" if pair.label else "")


def _place(document: Document, pair: Pair) -> Place:
    head, tail = pair.head, pair.tail
    return document.id, (head.start, head.end, head.label), (tail.start, tail.end, tail.label)


def _record(document: Document, pair: Pair, question_id: str) -> Json:
    head, tail = pair.head, pair.tail
    metadata: Json = {"document": document.id, "head_start": head.start, "head_end": head.end}
    metadata |= {"tail_start": tail.start, "tail_end": tail.end}
    metadata |= {"head_label": head.label, "tail_label": tail.label, "relation": pair.label}
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
