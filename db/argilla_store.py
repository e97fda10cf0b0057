"""Annotations in an Argilla server: one dataset for each project and label set, one record for each document.

The server is the team's copy, never the truth: whatever is here can be sent again, and sending again changes
nothing that is there. A label set that changes becomes a new dataset, because Argilla fixes labels when a
dataset is published; the old dataset stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.argilla_client import PAGE, ArgillaClient, ServerDown
from db.argilla_records import ENTITIES, RELATIONS, TEXT, Json, schema_hash
from relex_core.errors import NotFound, SchemaError, StoreError, quote
from relex_core.types import Schema, sha256

LISTED = 10
"""Records that the server lists in the time that it takes to ask for one."""

MAX_LABELS = 500
"""Most labels of a span question (the server's default limit)."""

_GUIDE = """Mark entities in the text. Relations stand as JSON in the second question; each names two marks by
their offsets and label, and one of these types: {types}.

    {{"v": 1, "relations": [{{"head": {{"start": 0, "end": 3, "label": "..."}}, "tail": {{...}}, "type": "..."}}]}}
"""


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of dataset asks: the end of its name, its guidelines, its questions as the server takes them."""

    suffix: str
    guide: Callable[[Schema], str]
    questions: Callable[[Schema], tuple[Json, ...]]


def question(name: str, title: str, settings: Json, required: bool = True) -> Json:
    return {"name": name, "title": title, "required": required, "settings": settings}


def options(names: Iterable[str]) -> list[Json]:
    return [{"value": name, "text": name} for name in names]


def _document_questions(schema: Schema) -> tuple[Json, ...]:
    if not 1 <= len(schema.entity_labels) <= MAX_LABELS:
        raise SchemaError(
            expected=f"1 to {MAX_LABELS} entity labels, as an Argilla dataset needs",
            found=str(len(schema.entity_labels)),
            change="Change the label set before sending the project to Argilla.",
        )
    labels = options(label.name for label in schema.entity_labels)
    spans = {"type": "span", "field": TEXT, "options": labels, "allow_overlapping": True}
    json_text = {"type": "text", "use_markdown": False}
    return question(ENTITIES, "Entities", spans), question(RELATIONS, "Relations (JSON)", json_text, required=False)


def _document_guide(schema: Schema) -> str:
    return _GUIDE.format(types=", ".join(label.name for label in schema.relation_labels))


DOCUMENTS = Form("", _document_guide, _document_questions)


@dataclass(frozen=True, slots=True)
class Sent:
    """One response that is to be sent: by external id of its record and id of its user."""

    record: str
    user_id: str
    status: str
    values: Json


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that the server did not take, and why."""

    record: str
    error: StoreError


def dataset_name(project: str, schema: Schema) -> str:
    """Readable, in the server's characters, and another one for another project or label set.

    >>> dataset_name("My project", Schema.of(["person"]))
    'My project-cc42-91f1a6eb4ca6'
    """
    stem = re.sub(r"[^A-Za-z0-9 _-]+", "", project).strip(" _-")[:80] or "project"
    return f"{stem}-{sha256(project)[:4]}-{schema_hash(schema)}"


@dataclass(slots=True)
class ArgillaStore:
    """The dataset of one project and label set. `open` finds it or makes it, and learns the `users` (ids by name) and
    their `names` (by id). `ids` are those of records that were read or written, by external id."""

    client: ArgillaClient
    project: str
    schema: Schema
    form: Form = DOCUMENTS
    id: str = ""
    questions: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return dataset_name(self.project, self.schema) + self.form.suffix

    @property
    def target(self) -> str:
        """Names the dataset among all servers: what the outbox remembers deliveries by."""
        return f"{self.client.settings.address} {self.client.settings.workspace} {self.name}"

    def open(self) -> None:
        """Check the key, find the workspace, find or make the dataset. Raises ServerDown, StoreError, SchemaError."""
        workspace = self._enter()
        if not self._found(workspace):
            self.id = self._make(workspace)
        items = self.client.call("GET", f"/datasets/{self.id}/questions")["items"]
        self.questions = {question["name"]: question["id"] for question in items}
        self._check_questions(items)

    def find(self) -> bool:
        """Like `open` for a dataset that is only read; False if there is none."""
        return self._found(self._enter())

    def _enter(self) -> str:
        me = self.client.call("GET", "/me")
        if me["role"] not in ("owner", "admin"):
            raise StoreError(
                expected="the key of an Argilla owner or admin",
                found=f"the key of {quote(me['username'])}, whose role is {me['role']}",
                change="An annotator's key cannot write for others: set the key of an owner or admin.",
            )
        workspace = self._workspace()
        self.users = self._users(me, workspace)
        self.names = {id: name for name, id in self.users.items()}
        return workspace

    def _found(self, workspace: str) -> bool:
        known = self.client.call("GET", "/me/datasets", workspace_id=workspace)["items"]
        found = [dataset for dataset in known if dataset["name"] == self.name]
        for unfinished in (dataset for dataset in found if dataset["status"] != "ready"):
            self.client.call("DELETE", f"/datasets/{unfinished['id']}")  # the program ended while it was made
        ready = [dataset for dataset in found if dataset["status"] == "ready"]
        self.id = ready[0]["id"] if ready else ""
        return bool(ready)

    def _workspace(self) -> str:
        name = self.client.settings.workspace
        found = {item["name"]: item["id"] for item in self.client.call("GET", "/me/workspaces")["items"]}
        if name not in found:
            raise NotFound(
                expected=f"the Argilla workspace {quote(name)}",
                found=", ".join(quote(known) for known in sorted(found)[:8]) or "no workspace at all",
                change="Choose one of these, or make the workspace in Argilla.",
                value=name,
            )
        return str(found[name])

    def _users(self, me: Json, workspace: str) -> dict[str, str]:
        path = "/users" if me["role"] == "owner" else f"/workspaces/{workspace}/users"
        users = self.client.call("GET", path)["items"]
        return {user["username"]: user["id"] for user in [*users, me]}

    def _make(self, workspace: str) -> str:
        questions = self.form.questions(self.schema)
        body: Json = {"name": self.name, "workspace_id": workspace, "allow_extra_metadata": True}
        body["guidelines"] = self.form.guide(self.schema)[:10_000]
        id = self.client.call("POST", "/datasets", body)["id"]
        text = {"name": TEXT, "title": "Text", "required": True, "settings": {"type": "text", "use_markdown": False}}
        self.client.call("POST", f"/datasets/{id}/fields", text)
        for asked in questions:
            self.client.call("POST", f"/datasets/{id}/questions", asked)
        for name, title in (("document", "Document"), ("source", "Source")):
            metadata = {"name": name, "title": title, "settings": {"type": "terms"}, "visible_for_annotators": True}
            self.client.call("POST", f"/datasets/{id}/metadata-properties", metadata)
        self.client.call("PUT", f"/datasets/{id}/publish")
        return str(id)

    def _check_questions(self, items: Sequence[Json]) -> None:
        if _labels(items) != _labels(self.form.questions(self.schema)):
            raise StoreError(
                expected=f"the Argilla dataset {quote(self.name)} as it was made, with the questions for its label set",
                found="other questions or labels",
                change="Rename that dataset in Argilla; a new one will be made.",
            )

    def put_records(self, items: Sequence[Json]) -> list[Refused]:
        """Make or update records by external id; responses stay. Gives those that were refused. Raises ServerDown."""
        return self._bulk(items)

    def put_answers(self, answers: Sequence[Sent]) -> list[Refused]:
        """Make or replace responses of users to records that are there. Raises ServerDown."""
        items: dict[str, Json] = {}
        for sent in answers:
            item = items.setdefault(sent.record, {"external_id": sent.record, "responses": []})
            item["responses"].append({"user_id": sent.user_id, "status": sent.status, "values": sent.values})
        return self._bulk(list(items.values()))

    def _bulk(self, items: Sequence[Json]) -> list[Refused]:
        refused: list[Refused] = []
        for at in range(0, len(items), PAGE):
            refused += self._put(items[at : at + PAGE])
        return refused

    def _put(self, items: Sequence[Json]) -> list[Refused]:
        # a batch is taken as a whole or not at all: halving it finds the records that spoil it
        try:
            put = self.client.call("PUT", f"/datasets/{self.id}/records/bulk", {"items": list(items)})
        except ServerDown:
            raise
        except StoreError as error:
            if error.value != 422:
                raise
            if len(items) == 1:
                return [Refused(str(items[0]["external_id"]), error)]
            half = len(items) // 2
            return self._put(items[:half]) + self._put(items[half:])
        self.ids |= {str(item["external_id"]): str(item["id"]) for item in put["items"]}
        return []

    def records(self) -> Iterator[Json]:
        """All records with their suggestions and responses. Raises ServerDown or StoreError."""
        for item in self.client.pages(f"/datasets/{self.id}/records", include="responses,suggestions"):
            self.ids[str(item.get("external_id"))] = str(item["id"])
            yield item

    def these(self, names: Collection[str]) -> Iterator[Json]:
        """Records as they are now, by external id; one that is gone is left out. Raises ServerDown or StoreError."""
        known = {name: self.ids[name] for name in names if name in self.ids}
        if len(self.ids) <= LISTED * len(known):
            yield from (item for item in self.records() if item.get("external_id") in known)
            return
        for id in known.values():
            try:
                yield self.client.call("GET", f"/records/{id}")
            except StoreError as error:
                if error.value != 404:
                    raise

    def progress(self) -> Json:
        """{"total", "completed", "pending"} as the server counts."""
        progress: dict[str, Any] = self.client.call("GET", f"/datasets/{self.id}/progress")
        return progress


def _labels(questions: Iterable[Json]) -> dict[str, set[str]]:
    return {q["name"]: {option["value"] for option in q["settings"].get("options") or ()} for q in questions}
