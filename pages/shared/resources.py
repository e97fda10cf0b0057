"""What all visitors of one server share: the only file with cached resources."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress

import streamlit as st

from db.corpus import Corpus, Source
from db.corpus_reading import read as read_corpus
from db.store import Store
from pages.shared.jobs import Jobs
from pages.shared.presets import PRESETS
from pages.shared.readings import Readings
from pages.shared.samples import SAMPLES
from relex_core.errors import RelexError
from relex_core.evaluation import Predictor
from relex_core.types import Thresholds

CHECKPOINT = "RELEX_CHECKPOINT"
"""Environment variable that names the checkpoint to begin with: a name, a directory or a hub id."""


LOG = "RELEX_LOG"
"""Environment variable with the level from which the model reports to the server's log, such as debug."""


def checkpoint() -> str:
    return os.environ.get(CHECKPOINT, "mini")


@st.cache_resource(show_spinner="Loading the model")
def readings(version: str) -> Readings:
    """The model service of a checkpoint and all that it has read."""
    # imported here, so that a page without a model does not wait for torch
    from relex_core.inference import Extractor
    from relex_core.service import ModelService

    _report(os.environ.get(LOG, "warning"))
    opened = Readings(ModelService(Extractor.load(version)))
    # the next sample is one click away: read them all while nobody waits
    threading.Thread(target=_read_samples, args=(opened,), name="samples", daemon=True).start()
    return opened


def predictor(checkpoint: str) -> Predictor:
    """A checkpoint of its own for an evaluation, so that it never waits for people nor they for it."""
    from relex_core.evaluate_command import load_predictor

    return load_predictor("relex_core", checkpoint)


def _report(level: str) -> None:
    log = logging.getLogger("relex_core")
    log.setLevel(level.upper())
    if not log.handlers:
        log.addHandler(logging.StreamHandler())


def warm() -> None:
    """Load the checkpoint ahead of the first visitor; what is wrong with it, the visitor will be told."""
    with suppress(RelexError):
        readings(checkpoint())


def _read_samples(readings: Readings) -> None:
    for sample in SAMPLES:
        readings.ask(sample.document, PRESETS[sample.preset]).future.exception()


@st.cache_resource(show_spinner="Opening the database")
def store() -> Store:
    """The store of this server. Raises ConfigError or StoreError."""
    return Store.open()


@st.cache_resource(max_entries=4, show_spinner="Merging the marks of all documents")
def corpus(project: str, source: Source, thresholds: Thresholds, model_version: str, stamp: tuple[int, ...]) -> Corpus:
    """The graph of a project as it is at that `stamp`. Raises NotFound."""
    del stamp  # part of the key
    return read_corpus(store(), project, source, thresholds, model_version)


@st.cache_resource
def jobs() -> Jobs:
    """The background work of this server."""
    return Jobs()
