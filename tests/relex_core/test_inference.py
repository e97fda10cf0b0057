from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from relex_core.editing import begin
from relex_core.errors import CheckpointError, InputError, SchemaError
from relex_core.inference import Extractor, holding
from relex_core.selection import select
from relex_core.types import FLOOR, Annotation, Document, Entity, EntityLabel, RelationLabel, Schema, Thresholds
from tests.relex_core.conftest import TEXT
from tests.relex_core.peer import DEBERTA
from tests.relex_core.tiny import checkpoint


def names(
    extractor: Extractor, document: Document, schema: Schema
) -> tuple[set[tuple[str, str]], set[tuple[str, str, str]]]:
    """What is shown at the usual thresholds, as text."""
    shown = select(extractor.extract(document, schema), Thresholds())
    texts = {e.id: e.text(document) for e in shown.entities}
    return (
        {(e.text(document), e.label) for e in shown.entities},
        {(texts[r.head], r.label, texts[r.tail]) for r in shown.relations},
    )


def test_mini_reads_three_sentences(mini: Extractor, document: Document, schema: Schema) -> None:
    entities, relations = names(mini, document, schema)
    assert {("Marie Curie", "person"), ("Apple", "organization"), ("Warsaw", "location")} <= entities
    assert {("Marie Curie", "born in", "Warsaw"), ("Apple", "founded by", "Steve Jobs")} <= relations
    assert re.fullmatch(r"mini@[0-9a-f]{12}", mini.loaded.version)


def test_the_version_says_how_texts_are_read(mini: Extractor, schema: Schema) -> None:
    """The same weights find other things in passages: who has one reading has not the other."""
    weights = mini.loaded.version
    assert mini.version == f"{weights}+passages{mini.loaded.config.passage_words}+layout"
    document = Document.from_text(NEWS)
    for words, version in ((0, f"{weights}+layout"), (16, f"{weights}+passages16+layout")):
        read = Extractor(mini.loaded, passage_words=words)
        found = read.extract(document, schema)
        assert found.model_version == read.rescore(begin(found)).model_version == version


def test_a_lower_floor_only_adds(mini: Extractor, document: Document, schema: Schema) -> None:
    low, high = mini.extract(document, schema), mini.extract(document, schema, Thresholds(0.3, 0.5))
    limits = Thresholds(0.3, 0.5)
    assert [e.id for e in select(low, limits).entities] == [e.id for e in select(high, limits).entities]
    assert [r.key for r in select(low, limits).relations] == [r.key for r in select(high, limits).relations]
    assert {e.id for e in high.entities} <= {e.id for e in low.entities}
    assert {r.key for r in high.relations} < {r.key for r in low.relations}


def test_padding_and_company_do_not_change_scores(mini: Extractor, document: Document, schema: Schema) -> None:
    alone = mini.extract(document, schema)
    longer = Document.from_text(TEXT + " " + TEXT)
    other = Schema.of(["city"], ["part of"])
    together = mini.extract_batch([(longer, schema, FLOOR), (document, schema, FLOOR), (document, other, FLOOR)])[1]
    assert [e.id for e in together.entities] == [e.id for e in alone.entities]
    assert [e.score for e in together.entities] == pytest.approx([e.score for e in alone.entities], abs=1e-5)
    assert [r.score for r in together.relations] == pytest.approx([r.score for r in alone.relations], abs=1e-5)


def test_order_of_documents_is_kept_and_progress_told(mini: Extractor, schema: Schema) -> None:
    documents = [Document.from_text("Bo met Cy. " * count, id=str(count)) for count in (9, 1, 30, 4)]
    seen: list[int] = []
    found = list(mini.extract_many(documents, schema, batch_size=2, progress=seen.append))
    assert [one.document.id for one in found] == ["9", "1", "30", "4"]
    assert seen == [1, 2, 3, 4]


def test_long_text_is_read_in_windows_and_nothing_is_cut(mini: Extractor, schema: Schema) -> None:
    text = "\n".join(f"Nobody spoke about number {i} on that day." for i in range(300)) + "\n" + TEXT
    document = Document.from_text(text)
    found = mini.extract(document, schema)
    assert len(found.windows) > 5
    assert found.windows[0][0] == 0
    assert found.windows[-1][1] == len(text)
    assert all(a[1] > b[0] for a, b in pairwise(found.windows))
    shown = select(found, Thresholds())
    texts = {e.id: e.text(document) for e in shown.entities}
    assert ("Marie Curie", "born in", "Warsaw") in {(texts[r.head], r.label, texts[r.tail]) for r in shown.relations}
    assert len({(e.start, e.end, e.label) for e in found.entities}) == len(found.entities)


def test_two_hundred_labels_are_read_in_passes(mini: Extractor, document: Document) -> None:
    schema = Schema.of(
        [*(f"kind {i}" for i in range(100)), "person", "location"], [*(f"relation {i}" for i in range(100)), "born in"]
    )
    found = mini.extract(document, schema, Thresholds(0.3, 0.3))
    marks = {(e.text(document), e.label) for e in found.entities}
    assert {("Marie Curie", "person"), ("Warsaw", "location")} <= marks
    texts = {e.id: e.text(document) for e in found.entities}
    assert ("Marie Curie", "born in", "Warsaw") in {(texts[r.head], r.label, texts[r.tail]) for r in found.relations}


def test_batches_of_nothing_lose_no_document(mini: Extractor, document: Document, schema: Schema) -> None:
    with pytest.raises(InputError, match="batch_size of at least 1"):
        list(mini.extract_many([document], schema, batch_size=0))
    with pytest.raises(InputError, match="batch_size of at least 1"):
        mini.extract_batch([(document, schema, FLOOR)], batch_size=0)


def test_given_entities_are_found_in_the_windows_that_hold_them(mini: Extractor) -> None:
    builder = mini.loaded.builder
    words = tuple(f"w{n}" for n in range(40))
    pieces, floors = builder.pieces([words])[0], (np.zeros(1, np.float32), np.zeros(1, np.float32))
    ranges, windows = mini.windows(pieces, ["person"], ["met"], floors, 0.5, most=10)
    spans = [(n, n + n % 3) for n in range(0, 38, 2)] * 2
    for (first, last), (window, groups) in zip(ranges, holding(windows, ranges, spans), strict=True):
        assert window.spans is not None
        own = sorted({span for span in spans if first <= span[0] and span[1] < last})
        assert [(a + first, b + first) for a, b in window.spans.tolist()] == own
        assert [{spans[row] for row in rows} for rows in groups] == [{span} for span in own]
        assert all(len(rows) == 2 for rows in groups)


def test_unusable_label_sets(mini: Extractor, document: Document) -> None:
    with pytest.raises(SchemaError, match="at least one entity label"):
        mini.extract(document, Schema.of([], ["born in"]))
    endless = EntityLabel("thing", description="a very long story " * 200)
    with pytest.raises(SchemaError, match="window of 512 pieces"):
        mini.extract(document, Schema.of([endless]))


def test_the_description_is_prompted_and_the_name_returned(mini: Extractor, document: Document, schema: Schema) -> None:
    plain = mini.extract(document, schema)
    labels = [replace(label, name=f"x{i}", description=label.name) for i, label in enumerate(schema.entity_labels)]
    relations = [replace(label, name=f"y{i}", description=label.name) for i, label in enumerate(schema.relation_labels)]
    described = mini.extract(document, Schema.of(labels, relations))
    assert {e.label for e in described.entities} == {"x0", "x1", "x2"}
    assert [e.score for e in described.entities] == [e.score for e in plain.entities]
    assert [r.score for r in described.relations] == [r.score for r in plain.relations]


def test_permuting_labels_permutes_candidates(mini: Extractor, document: Document, schema: Schema) -> None:
    turned = Schema.of(
        [label.name for label in schema.entity_labels[::-1]], [label.name for label in schema.relation_labels]
    )
    shown = names(mini, document, turned)
    # the encoder reads labels in order, so scores move a little, but not what is found
    assert len(shown[0] & names(mini, document, schema)[0]) >= 9


@pytest.mark.parametrize("layer", ["none", "mlp"])
def test_scores_that_are_no_numbers_are_told(tmp_path: Path, document: Document, schema: Schema, layer: str) -> None:
    """Nothing is above a threshold then, and the text would seem to hold nothing."""
    extractor = Extractor.load(checkpoint(tmp_path / "tiny", relations_layer=layer), device="cpu", dtype="fp32")
    annotation = Annotation(document, schema, (Entity("a", 0, 3, "person"), Entity("b", 4, 8, "person")))
    extractor.rescore(annotation)
    # as where a checkpoint's numbers are too large for fp16
    spans = extractor.loaded.model.spans
    vectors, logits = spans.vectors, spans.logits
    spans.vectors = lambda *given: vectors(*given) * float("nan")  # type: ignore[method-assign]
    with pytest.raises(CheckpointError, match="scores are numbers, found others, computed in float32"):
        extractor.rescore(annotation)
    spans.logits = lambda *given: logits(*given) * float("nan")  # type: ignore[method-assign]
    with pytest.raises(CheckpointError, match="scores are numbers"):
        extractor.extract(document, schema)


def test_rescoring_uses_exactly_the_given_entities(mini: Extractor, document: Document, schema: Schema) -> None:
    start = TEXT.index("Marie Curie")
    entities = (
        Entity("a", start, start + len("Marie Curie"), "person"),
        Entity("b", TEXT.index("Warsaw"), TEXT.index("Warsaw") + 6, "location"),
        Entity("c", TEXT.index("London"), TEXT.index("London") + 6, "organization"),
    )
    annotation = Annotation(document, schema, entities)
    found = mini.rescore(annotation, Thresholds(0.0, 0.0))
    assert found.entities == entities
    assert {(r.head, r.tail) for r in found.relations} == {(h, t) for h in "abc" for t in "abc" if h != t}
    assert len(found.relations) == 6 * 4
    scores = {r.key: r.score for r in found.relations}
    plain = {r.key: r.score for r in mini.extract(document, schema).relations}
    assert scores["a", "b", "born in"] == pytest.approx(
        plain[f"{start}:{start + 11}:person", f"{entities[1].start}:{entities[1].end}:location", "born in"], abs=1e-5
    )


def test_of_too_many_relations_between_given_entities_the_best_are_kept(mini: Extractor, schema: Schema) -> None:
    text = "Ada Berg of Oslo worked for Halden Steel, and Bo Lind for Orkla in Rome. " * 6
    words = [(match.start(), match.end()) for match in re.finditer(r"[A-Z]\w+(?: [A-Z]\w+)?", text)]
    entities = tuple(Entity(f"e{n}", *span, "person") for n, span in enumerate(words))
    annotation = Annotation(Document.from_text(text), schema, entities)
    short = Extractor(mini.loaded, passage_words=60)
    everything = short.rescore(annotation, Thresholds(0.0, 0.0), most=None)
    assert len(everything.windows) > 1
    assert len(everything.relations) > 1_000
    best = sorted((r.score for r in everything.relations if r.score is not None), reverse=True)[:100]
    some = short.rescore(annotation, Thresholds(0.0, 0.0), most=100)
    assert set(some.relations) <= set(everything.relations)
    assert sorted((r.score for r in some.relations if r.score is not None), reverse=True) == best
    floored = short.rescore(annotation, Thresholds(0.0, 0.0), most=20_000)
    assert floored == everything


def test_two_labels_of_one_span_are_not_related_to_each_other(mini: Extractor, schema: Schema) -> None:
    document = Document.from_text("Marie Curie was born in Warsaw.")
    marks = (Entity("a", 0, 11, "person"), Entity("b", 0, 11, "organization"), Entity("c", 24, 30, "location"))
    found = mini.rescore(Annotation(document, schema, marks), Thresholds(0.0, 0.0))
    pairs = {(r.head, r.tail) for r in found.relations}
    assert pairs == {("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")}
    scores = {r.key: r.score for r in found.relations}
    assert scores["a", "c", "born in"] == scores["b", "c", "born in"]


def test_type_constraints_symmetry_and_thresholds_of_labels(mini: Extractor, document: Document) -> None:
    labels = ["person", "organization", "location"]
    bound = Schema.of(labels, [RelationLabel("born in", head_types=("person",), tail_types=("location",))])
    found = mini.extract(document, bound, Thresholds(0.1, 0.05))
    shown = select(found, Thresholds(0.3, 0.05))
    types = {e.id: e.label for e in shown.entities}
    assert {(types[r.head], types[r.tail]) for r in shown.relations} == {("person", "location")}
    both = Schema.of(labels, [RelationLabel("born in", symmetric=True)])
    pairs = [
        frozenset((r.head, r.tail))
        for r in select(mini.extract(document, both, Thresholds(0.1, 0.0)), Thresholds(0.3, 0.0)).relations
    ]
    assert len(pairs) == len(set(pairs))
    strict = Thresholds(0.3, 0.5, entities=(("person", 0.999),), relations=(("born in", 1.0),))
    assert not any(e.label == "person" for e in mini.extract(document, bound, strict).entities)


def test_out_of_memory_halves_the_batch_and_goes_on(mini: Extractor, schema: Schema) -> None:
    documents = [Document.from_text(f"Bo{i} met Cy{i} in Rome.") for i in range(8)]
    expected = list(mini.extract_many(documents, schema))
    sizes: list[int] = []

    def small(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        sizes.append(len(arguments[0]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99.00 GiB")

    hook = mini.loaded.model.encoder.register_forward_pre_hook(small)
    try:
        found = list(mini.extract_many(documents, schema))
    finally:
        hook.remove()
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    for one, other in zip(found, expected, strict=True):
        assert one.document == other.document
        assert [e.id for e in one.entities] == [e.id for e in other.entities]
        assert [e.score for e in one.entities] == pytest.approx([e.score for e in other.entities], abs=1e-5)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        # the CPU's allocator has no type of its own
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_one_text_that_needs_too_much_memory_is_an_error(mini: Extractor, schema: Schema, error: Exception) -> None:
    def refuse(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        raise error

    hook = mini.loaded.model.encoder.register_forward_pre_hook(refuse)
    try:
        with pytest.raises(type(error), match="memory"):
            mini.extract_batch([(Document.from_text("Bo met Cy."), schema, FLOOR)] * 4)
    finally:
        hook.remove()


def test_two_thousand_words_are_read_at_once_where_the_encoder_allows(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "long", encoder_config=DEBERTA, max_len=2048)
    settings = json.loads((path / "tokenizer_config.json").read_text())
    (path / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": int(1e30)}))
    long = Extractor.load(path)
    assert long.loaded.limit is None
    schema, floor = Schema.of(["person"], ["met"]), Thresholds(0.999, 0.9)
    before = long.calls
    assert long.extract(Document.from_text("word " * 2048), schema, floor).windows == ()
    assert long.calls - before == 1
    beyond = long.extract(Document.from_text("word " * 2049), schema, floor)
    assert [(a, b) for a, b in beyond.windows] == [(0, 5 * 2048 - 1), (5 * 1536, 5 * 2049 - 1)]


def test_pairs_across_windows_are_not_scored_and_windows_say_so(mini: Extractor, schema: Schema) -> None:
    """What the interface states beside a long text; within a window every pair has scores."""
    filler = "Nobody spoke about it on that day. " * 80
    document = Document.from_text(f"Marie Curie was born in Warsaw. {filler}Steve Jobs founded Apple in Cupertino.")
    found = mini.extract(document, schema, Thresholds(0.3, 0.0))
    at = {e.id: e.span for e in found.entities}
    names = {e.text(document): e for e in found.entities}
    assert {"Marie Curie", "Warsaw", "Steve Jobs", "Apple"} <= names.keys()
    pairs = {(r.head, r.tail) for r in found.relations}
    assert (names["Marie Curie"].id, names["Warsaw"].id) in pairs
    assert (names["Marie Curie"].id, names["Apple"].id) not in pairs

    def together(one: tuple[int, int], other: tuple[int, int]) -> bool:
        return any(a <= min(one[0], other[0]) and max(one[1], other[1]) <= b for a, b in found.windows)

    assert all(together(at[head], at[tail]) for head, tail in pairs)


NEWS = (
    "Marie Curie was born in Warsaw. Steve Jobs founded Apple in Cupertino. Ada Lovelace worked with Charles Babbage. "
    "Alan Turing studied at King's College. Grace Hopper joined the Navy in 1943. Tim Cook was born in Mobile."
)


def test_a_checkpoint_says_how_long_passages_are(mini: Extractor, schema: Schema) -> None:
    """Whole sentences, two of them shared at most; what is shorter is read at once, whatever else the file says."""
    document = Document.from_text(NEWS)
    assert mini.passage_words == mini.loaded.config.passage_words > 0
    short = Extractor(mini.loaded, passage_words=16)
    found = short.extract(document, schema)
    texts = [NEWS[a:b] for a, b in found.windows]
    assert texts[0] == "Marie Curie was born in Warsaw. Steve Jobs founded Apple in Cupertino."
    assert texts[1].startswith("Steve Jobs founded")
    assert texts[-1].endswith("Tim Cook was born in Mobile.")
    assert all(text.endswith(".") for text in texts)
    assert Extractor(mini.loaded, passage_words=0).extract(document, schema).windows == ()
    with pytest.raises(InputError, match="-1"):
        Extractor(mini.loaded, passage_words=-1)


def test_a_passage_reads_as_a_text_of_its_own(mini: Extractor, schema: Schema) -> None:
    whole = Extractor(mini.loaded, passage_words=16).extract(Document.from_text(NEWS), schema)
    first, last = whole.windows[0]
    alone = mini.extract(Document.from_text(NEWS[first:last]), schema)
    begins = whole.windows[1][0]  # before the second passage, which may think better of an entity
    scores = {(e.start, e.end, e.label): e.score for e in whole.entities if e.end <= begins}
    own = {(e.start, e.end, e.label): e.score for e in alone.entities if e.end <= begins}
    assert scores.keys() == own.keys()
    assert len(own) > 1
    assert all(scores[key] == pytest.approx(value, abs=1e-4) for key, value in own.items())


@pytest.mark.parametrize("words", [None, 0])
def test_one_text_after_another_hardly_relates_what_is_far_apart(mini: Extractor, words: int | None) -> None:
    """Neither in passages nor at once: the weights learnt what is unrelated in long texts."""
    wanted = Schema.of(["person", "organization", "location"], ["born in", "works for", "founded"])
    news = "Carl Meier of Siemens spoke in Berlin. Rosa Diaz, who works for Iberdrola, was in Bilbao. "
    more = "Ivan Petrov left Gazprom for Shell in London. Li Wei founded Huaxin in Shanghai. Omar Said runs Sonatrach. "
    read = Extractor(mini.loaded, passage_words=words).extract(Document.from_text((news + more) * 3), wanted)
    shown = select(read, Thresholds(0.3, 0.5))
    at = {e.id: e.start for e in shown.entities}
    far = sum(abs(at[r.head] - at[r.tail]) > 100 for r in shown.relations)
    assert len(shown.relations) > 20
    assert far * 5 < len(shown.relations)


def test_hostile_texts_keep_their_offsets(mini: Extractor, schema: Schema) -> None:
    for text in (
        "<script>alert(1)</script> Ada",
        "😀 Ada Lovelace 😀 wrote in London",
        "\u200b ليلى سافرت إلى برلين \u2028 x",
        "﷽" * 50,
        "<<ENT>> <<REL>> Ada",
    ):
        document = Document.from_text(text)
        for entity in mini.extract(document, schema, Thresholds(0.0001, 0.9999)).entities:
            assert entity.text(document).strip() == entity.text(document)
