"""`python -m relex_core evaluate`: the scores of any predictor on annotated files, beside the paper's."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relex_core.errors import ConfigError, InputError
from relex_core.extract_command import PASSAGE_HELP
from relex_core.locating import locate
from relex_core.outputs import check_output, output

if TYPE_CHECKING:
    from relex_core.evaluation import Predictor, Report

PAPER = {
    "conll04_test": (
        "CoNLL04",
        {"GLiNER-Relex": 40.4, "GLiNER2": 34.1, "GPT-5-mini": 42.4, "GLiREL, gold entities": 4.5},
    ),
    "docred": ("DocRED", {"GLiNER-Relex": 31.3, "GLiNER2": 12.4, "GPT-5-mini": 18.6, "GLiREL, gold entities": 2.2}),
    "fewrel": ("FewRel", {"GLiNER-Relex": 12.5, "GLiNER2": 16.8, "GPT-5-mini": 15.0, "GLiREL, gold entities": 23.9}),
    "crossre": ("CrossRE", {"GLiNER-Relex": 18.1, "GLiNER2": 4.9, "GPT-5-mini": 12.4, "GLiREL, gold entities": 1.4}),
}
"""Table 2 of the paper: zero-shot micro-F1 of relations, as published (released large checkpoints)."""

DIFFERENCES = (
    "The paper states neither its label wording nor its thresholds by data set; here all labels of a file are "
    "shown at once and the thresholds are those printed.",
    "DocRED: where a file carries revised (more complete) labels, figures are not comparable with the original's. "
    "Facts count between entities, a mention standing for its entity.",
    "FewRel: one pair of a sentence is annotated, so only that pair is scored, in both directions; entities by "
    "recall alone. The paper does not say how it counts other pairs.",
    "CrossRE: six domains are separate files; the paper's figure is compared with their mean.",
)


def add_parser(subparsers: Any) -> None:
    """The subcommand `evaluate`."""
    parser = subparsers.add_parser("evaluate", help="score a checkpoint or other predictions on annotated files")
    parser.add_argument("--checkpoint", default="mini", help="embedded name, directory, hub id or predictions file")
    parser.add_argument(
        "--predictor",
        default="relex_core",
        choices=("relex_core", "gliner", "predictions", "gliner2", "glirel", "openai"),
        help="what reads the texts; the last three need their package or an endpoint",
    )
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="annotated .jsonl or .jsonl.gz files")
    parser.add_argument("--gold-entities", action="store_true", help="score relations between the given entities")
    parser.add_argument(
        "--thresholds",
        default="0.5,0.5",
        help="entity,relation, or dev:FILE to choose them there, or labels:FILE to choose one for each label",
    )
    parser.add_argument("--limit", type=int, help="at most so many documents of each file")
    parser.add_argument(
        "--join",
        type=int,
        default=1,
        metavar="N",
        help="score N texts at a time as one long text, also those of dev:FILE and labels:FILE (default: 1)",
    )
    parser.add_argument(
        "--own-labels",
        type=int,
        metavar="N",
        help="ask of each text the labels that it has and N others of each kind, not all labels of the file at once",
    )
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--passage-words", type=int, help=f"for relex_core: {PASSAGE_HELP}")
    parser.add_argument("--endpoint", default="http://127.0.0.1:8000/v1", help="for --predictor openai")
    parser.add_argument("--per-label", action="store_true", help="print a table of labels for each file")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    from relex_core.evaluation import SCORING_FLOOR, predict_file, report
    from relex_core.tuning import parse_thresholds
    from relex_core.types import Thresholds

    _check(arguments)
    predictor = load_predictor(
        arguments.predictor, arguments.checkpoint, arguments.batch_size, arguments.endpoint, arguments.passage_words
    )
    thresholds = parse_thresholds(
        arguments.thresholds, predictor, arguments.gold_entities, arguments.join, arguments.own_labels
    )
    print(f"{predictor.name}; thresholds {thresholds.entity} / {thresholds.relation} ({arguments.thresholds})")
    for label, value in (*thresholds.entities, *thresholds.relations):
        print(f"    {label} {value}")
    print(f"{'file':28}{'entities P/R/F1':>22}{'95%':>14}{'relations P/R/F1':>22}{'95%':>14}{'+types':>8}{'docs/s':>8}")
    floor = Thresholds(min(thresholds.entity, SCORING_FLOOR.entity), min(thresholds.relation, SCORING_FLOOR.relation))
    reports: list[Report] = []
    for path in arguments.data:
        run = predict_file(
            predictor, path, arguments.gold_entities, arguments.limit, floor, arguments.join, arguments.own_labels
        )
        found = report(run, thresholds)
        reports.append(found)
        print(row(found), flush=True)
        if arguments.per_label:
            print_labels(found)
        if arguments.json:
            written = json.dumps(result(predictor.name, arguments.thresholds, reports), indent=1, ensure_ascii=False)
            with output(arguments.json, "--json") as part:
                part.write_text(written + "\n", "utf-8")
    if arguments.join == 1 and arguments.own_labels is None:
        print_paper(reports)
    if unreadable := getattr(predictor, "unreadable", 0):
        print(f"{unreadable:,} answers could not be read: they count as nothing found.")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Before the model is loaded and an hour of scoring: options have usable values, each annotated file begins with
    a record, and the output can be written. Raises ConfigError or InputError."""
    from relex_core.datasets import iterate_gold
    from relex_core.tuning import development_file

    for option in ("limit", "batch_size", "join", "own_labels"):
        if (value := getattr(arguments, option)) is not None and value < 1:
            name = option.replace("_", "-")
            raise ConfigError(expected=f"--{name} of at least 1", found=str(value), change="Correct it.", value=value)
    development = development_file(arguments.thresholds)
    annotated = [*arguments.data, *([development] if development else [])]
    for path in annotated:
        if next(iterate_gold(path), None) is None:
            raise InputError(
                expected="at least one record",
                found=f"an empty file {path}",
                change="Give another file.",
                value=str(path),
            )
    if arguments.json:
        predictions = [Path(arguments.checkpoint)] if arguments.predictor == "predictions" else []
        check_output(arguments.json, [*annotated, *predictions], "--json")


def result(predictor: str, thresholds: str, reports: Iterable[Report]) -> dict[str, Any]:
    """What `--json` writes, which the app reads; `thresholds` say how they were chosen."""
    return {
        "predictor": predictor,
        "thresholds": thresholds,
        "files": [found.to_json() for found in reports],
        "paper": dict(PAPER.values()),
        "differences": DIFFERENCES,
    }


def load_predictor(
    kind: str, checkpoint: str, batch_size: int = 8, endpoint: str = "", passage_words: int | None = None
) -> Predictor:
    """The predictor of that kind. Raises CheckpointError, InputError or ConfigError (a missing package)."""
    try:
        if kind == "gliner":
            from relex_core.adapters.gliner_package import GlinerPackage

            return GlinerPackage(checkpoint, batch_size)
        if kind == "gliner2":
            from relex_core.adapters.gliner2_package import Gliner2Package

            return Gliner2Package(checkpoint)
        if kind == "glirel":
            from relex_core.adapters.glirel_package import GlirelPackage

            return GlirelPackage(checkpoint)
    except ImportError as error:
        raise ConfigError(
            expected=f"the package {kind}",
            found=str(error),
            change=f"Install it with pip install {kind}.",
            value=kind,
        ) from error
    if kind == "openai":
        from relex_core.adapters.openai_endpoint import OpenAiEndpoint

        return OpenAiEndpoint(endpoint, checkpoint)
    if kind == "predictions":
        from relex_core.adapters.predictions_file import PredictionsFile

        return PredictionsFile(checkpoint)
    path = locate(checkpoint)
    from relex_core.adapters.own import Own
    from relex_core.inference import Extractor

    return Own(Extractor.load(path, passage_words=passage_words), batch_size)


def row(found: Report) -> str:
    """One line of the table."""
    data = found.to_json()
    cells = []
    for key in ("entities", "relations"):
        figures = data[key]
        cells.append(f"{figures['precision']:.3f} {figures['recall']:.3f} {figures['f1']:.3f}".rjust(22))
        cells.append("{:.3f}-{:.3f}".format(*figures["f1_95"]).rjust(14))
    typed = f"{data['relations_with_types']['f1']:.3f}"
    return f"{data['data'][:27]:28}{''.join(cells)}{typed:>8}{data['documents_per_second']:8.1f}"


def print_labels(found: Report) -> None:
    """Precision, recall, F1 and support of each label."""
    data = found.to_json()
    for key, kind in (("entities", "entity"), ("relations", "relation")):
        for label, figures in sorted(data[key]["by_label"].items(), key=lambda entry: -entry[1]["support"]):
            numbers = f"{figures['precision']:.3f} {figures['recall']:.3f} {figures['f1']:.3f}"
            print(f"    {kind:10}{label[:40]:42}{numbers}{figures['support']:7,}")


def print_paper(reports: list[Report]) -> None:
    """The paper's figures for the data sets that were scored, and how the protocols differ."""
    shown = False
    for prefix, (name, figures) in PAPER.items():
        ours = [found.relations.f1 for found in reports if found.run.name.startswith(prefix)]
        if ours:
            shown = True
            published = ", ".join(f"{who} {value}" for who, value in figures.items())
            print(f"{name}: here {100 * sum(ours) / len(ours):.1f} (mean of {len(ours)}); as published: {published}")
    if shown:
        print("Differences of protocol:", *DIFFERENCES, sep="\n  - ")
