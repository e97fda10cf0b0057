"""The Settings screen's left side: where the database is, its backups, and whether it is whole."""

from __future__ import annotations

import html

import streamlit as st

from db import audit, backup_folder
from db.backup_folder import Kept
from db.status import Status, status
from db.store import Store
from pages.shared import resources, state, taking, upkeep
from pages.shared.messages import clock, guard, refuse, tell
from pages.shared.takeaways import Takeaway
from pages.shared.upkeep import CHECK, Checked
from pages.shared.wording import counted, plain, size
from relex_core.errors import RelexError

LISTED = 5


def database(store: Store) -> None:
    """Where it is and what it holds."""
    found = status(store.database)
    st.html(f'<p class="rx-title">Database</p>{_facts(found)}')
    if not found.newest:
        refuse("This database is of another version than the program. Stop the app and run: python -m db migrate")
    st.caption("Whoever starts the server chooses the database with RELEX_DATABASE_URL, or its folder with RELEX_DATA.")


def backups(store: Store) -> None:
    """One click to a backup, and the ones there are."""
    made = backup_folder.kept(store.database)
    with st.container(horizontal=True, vertical_alignment="center", key="line_backups"):
        st.html('<p class="rx-part">Backups</p>', width="stretch")
        st.button("Back up now", key="backup_now", type="primary", on_click=_backup, help="While everybody works on.")
    if refused := state.remembered("backup_refused"):
        refuse(str(refused))
        state.remember("backup_refused", "")
    if done := state.remembered("backup_done"):
        tell(str(done))
        state.remember("backup_done", "")
    if not made:
        st.caption("None yet. A backup is one file that holds everything; it is kept in the folder of the database.")
        return
    for kept in made[:LISTED]:
        _row(store, kept)
    rest = f"The newest {LISTED} of {len(made)} in {backup_folder.folder(store.database)}. " * (len(made) > LISTED)
    st.caption(f"{plain(rest)}To go back, stop the app and run: python -m db restore FILE --replace. "
               "What was there before is kept beside it.")  # fmt: skip


def integrity() -> None:
    """Start the check, follow it, read what it found."""
    job = resources.jobs().get("", CHECK)
    if job is not None and job.running:
        _checking()
        return
    with st.container(horizontal=True, vertical_alignment="center", key="line_check"):
        st.html('<p class="rx-part">Integrity</p>', width="stretch")
        st.button(
            "Check", key="check_start", on_click=_check, help="Computes all hashes anew and compares all indexes."
        )
    if job is None:
        st.caption("Texts, suggestions and decisions carry hashes; each decision also that of the one before.")
    elif job.error:
        refuse(job.error)
    elif isinstance(job.result, Checked):
        _result(job.result)
    else:
        st.caption(f"Stopped after {counted(job.done, 'document')}.")


@st.fragment(run_every=0.7)
def _checking() -> None:
    job = resources.jobs().get("", CHECK)
    if job is None or not job.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key="line_check"):
        st.progress(job.share, text=f"Checked {job.done:,} of {counted(job.total, 'document')}")
        st.button("Stop", key="check_stop", on_click=job.stop)


def _result(checked: Checked) -> None:
    if not checked.number:
        tell(f"{clock(checked.at)}: all {counted(checked.documents, 'document')} are there and fit their hashes.")
        return
    refuse(f"{clock(checked.at)}: {counted(checked.number, 'finding')} in {counted(checked.documents, 'document')}.")
    rows = [f"<li><b>{html.escape(f.where)}</b> {html.escape(f.what)}</li>" for f in checked.findings]
    st.html(f'<ul class="rx-findings">{"".join(rows)}</ul>')
    if checked.derived:
        st.caption(f"{checked.derived:,} of these can be built anew: python -m db check --repair")
    if checked.number > checked.derived:
        st.caption(f"{checked.number - checked.derived:,} cannot: go back to a backup.")


def _row(store: Store, kept: Kept) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"row_{kept.name.replace('.', '_')}"):
        when = html.escape(clock(kept.made_at))
        st.html(f'<p class="rx-line">{when}<span>{size(kept.size)}</span></p>', width="stretch")
        if st.button("Download", key=f"take_{kept.name}", help="Holds all texts and decisions of all projects."):
            path = backup_folder.path_of(store.database, kept.name)
            state.remember("backup_taken", Takeaway(path, kept.name))
    taken: Takeaway | None = state.remembered("backup_taken")
    if taken is not None and taken.name == kept.name:
        taking.hand(taken, key="backup_taken")


def _facts(found: Status) -> str:
    version = f"{found.version}, up to date" if found.newest else found.version
    rows = (
        ("Kept in", f"{found.where}"),
        ("Engine", found.engine),
        ("Size", size(found.size) + (f", {size(found.free)} free on the disk" if found.free is not None else "")),
        ("Holds", f"{counted(found.projects, 'project')}, {counted(found.documents, 'document')}, "
                  f"{counted(found.annotators, 'annotator')}"),
        ("Version", version),
    )  # fmt: skip
    cells = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f'<dl class="rx-facts">{cells}</dl>'


@guard()
def _backup() -> None:
    store = resources.store()
    try:
        made = backup_folder.keep(store.database, store.now())
    except RelexError as error:
        state.remember("backup_refused", str(error))
        return
    with store.database.write() as connection:
        audit.write(connection, store.now(), "backed up", by=state.annotator(), file=made.name)
    state.remember("backup_done", f"{size(made.size)} in {made.name}")


@guard()
def _check() -> None:
    upkeep.start_check(resources.store(), resources.jobs())
