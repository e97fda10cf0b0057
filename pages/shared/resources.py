"""What all visitors of one server share: the only file with cached resources."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from db import naming
from db.alike import Likely
from db.alike import alike as likely
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE
from db.corpus import Corpus, Source
from db.corpus_reading import read as read_corpus
from db.naming import Names
from db.store import Store
from pages.shared import checkpoints, state
from pages.shared.jobs import Jobs
from pages.shared.presets import PRESETS
from pages.shared.readings import Readings
from pages.shared.samples import SAMPLES
from pages.shared.synchronising import Synchroniser
from relex_core.errors import RelexError
from relex_core.evaluation import Predictor
from relex_core.types import Thresholds

LOG = "RELEX_LOG"
"""Environment variable with the level from which the model reports to the server's log, such as debug."""


MODELS = 4
"""How many checkpoints are kept in memory; the one that was used longest ago goes first."""


def checkpoint() -> str:
    """The checkpoint that this tab works with: what the address names, if it is here, else what everybody begins with.

    A tab keeps its own until somebody changes it there. An address never fetches anything.
    """
    if not state.checkpoint():
        named = state.checkpoint_address()
        state.set_checkpoint(named if named in checkpoints.names() else checkpoints.default(store()))
    return state.checkpoint()


def _close(readings: Readings) -> None:
    readings.service.close()


@st.cache_resource(show_spinner="Loading the model", max_entries=MODELS, on_release=_close)
def readings(version: str) -> Readings:
    """The model service of a checkpoint and all that it has read. Raises CheckpointError, ConfigError, InputError."""
    # imported here, so that a page without a model does not wait for torch
    from relex_core.inference import Extractor
    from relex_core.service import ModelService

    _report(os.environ.get(LOG, "warning"))
    opened = Readings(ModelService(Extractor.load(checkpoints.locate(version))))
    # the next sample is one click away: read them all while nobody waits
    threading.Thread(target=_read_samples, args=(opened,), name="samples", daemon=True).start()
    _set_aside()
    return opened


def _set_aside() -> None:
    """What is in memory now is not looked through for garbage again until another checkpoint is opened.

    Streamlit collects all garbage after each run of a page. With the modules of torch and of the model in memory that
    took a quarter of a second, in which the process answered nobody.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def predictor(checkpoint: str) -> Predictor:
    """A checkpoint of its own for an evaluation, so that it never waits for people nor they for it."""
    from relex_core.evaluate_command import load_predictor

    return load_predictor("relex_core", checkpoints.locate(checkpoint))


def _report(level: str) -> None:
    log = logging.getLogger("relex_core")
    log.setLevel(level.upper())
    if not log.handlers:
        log.addHandler(logging.StreamHandler())


def warm() -> None:
    """Load the checkpoint ahead of the first visitor; what is wrong with it, the visitor will be told."""
    with suppress(RelexError):
        readings(checkpoints.default(store()))


def _read_samples(readings: Readings) -> None:
    # a model that is released meanwhile refuses or cancels what waits
    with suppress(RelexError, CancelledError):
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


@st.cache_resource(max_entries=4, show_spinner=False)
def alike(
    project: str, source: Source, thresholds: Thresholds, model_version: str, stamp: tuple[int, ...]
) -> list[Likely]:
    """Names in that graph that may be of one thing."""
    return likely(corpus(project, source, thresholds, model_version, stamp))


def names(project: str) -> Names:
    """Which names are of one thing in a project, read when somebody has decided about one; none where there is no
    project yet. Raises NotFound."""
    return _names(project, naming.made(store(), project)) if project else Names()


@st.cache_resource(max_entries=32, show_spinner=False)
def _names(project: str, stamp: tuple[int, int, int]) -> Names:
    del stamp  # part of the key
    return naming.of(store(), project)


@st.cache_resource
def jobs() -> Jobs:
    """The background work of this server."""
    return Jobs()


@st.cache_resource
def synchroniser() -> Synchroniser:
    """What keeps linked projects and Argilla in step."""
    return Synchroniser(store(), jobs(), argilla_environment)


def argilla_environment() -> Mapping[str, str]:
    """Argilla's address and key as whoever runs the server set them: in its environment, else in Streamlit's secrets.
    Read each time and kept nowhere."""
    found = {name: os.environ[name] for name in (URL_VARIABLE, KEY_VARIABLE) if os.environ.get(name)}
    with suppress(StreamlitSecretNotFoundError):
        return {**{name: str(st.secrets[name]) for name in (URL_VARIABLE, KEY_VARIABLE) if name in st.secrets}, **found}
    return found


def keep_in_step(stop: threading.Event) -> None:
    """Rounds with Argilla until `stop` is set; what is wrong with the database, visitors are told."""
    with suppress(RelexError):
        synchroniser().watch(stop)
