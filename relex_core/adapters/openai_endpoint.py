"""A language model behind an OpenAI-compatible chat endpoint, asked for entities and relations as JSON.

Only the standard library is used. The key is read from OPENAI_API_KEY. Answers that are not JSON count as nothing
found, and are counted in `unreadable`; names that do not stand in the text, and labels that were not asked for, are
left out. Busy endpoints (429, 5xx, no answer in time) are asked again, `TRIES` times in all.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from relex_core.errors import ConfigError, InputError, quote
from relex_core.types import Document, Entity, EntityLabel, Extraction, Relation, RelationLabel, Schema, Thresholds

TRIES = 4
WAIT = 2.0
"""Seconds before an endpoint is asked once more, doubled each time, unless it says how long (Retry-After)."""

LONGEST = 60.0

INSTRUCTION = (
    "Extract entities and relations from the text. Use only these entity types: {entities}. "
    "Use only these relation labels, each directed from head to tail: {relations}. "
    'Answer with JSON alone: {{"entities": [{{"text": "...", "type": "..."}}], '
    '"relations": [{{"head": "...", "tail": "...", "label": "..."}}]}}. '
    "Copy entity texts exactly as they stand in the text; head and tail are entity texts."
)


class OpenAiEndpoint:
    """`url` is the base, such as http://127.0.0.1:8000/v1. Everything it says has the score 1."""

    def __init__(self, url: str, model: str, timeout: float = 120.0) -> None:
        self.host = _host(url)
        self.name = f"{model} at {self.host}"
        self.url = url.rstrip("/") + "/chat/completions"
        self.model = model
        self.timeout = timeout
        self.unreadable = 0

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        """Raises InputError if the endpoint does not answer."""
        instruction = INSTRUCTION.format(
            entities="; ".join(label.prompt for label in schema.visible_entities),
            relations="; ".join(label.prompt for label in schema.visible_relations),
        )
        for number, document in enumerate(documents):
            known = given[number] if given is not None else None
            text = document.text
            if known is not None:
                text += "\n\nThe entities are: " + "; ".join(f"{e.text(document)} ({e.label})" for e in known)
            answer = self._ask(instruction, text)
            entities, relations = self._read(answer, document, schema, known)
            yield Extraction(document, schema, entities, relations, self.name, floor)

    def _ask(self, instruction: str, text: str) -> dict[str, Any]:
        body = {
            "model": self.model,
            "temperature": 0,
            "messages": [{"role": "system", "content": instruction}, {"role": "user", "content": text}],
        }
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '').strip()}",
        }
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)  # noqa: S310
        try:
            content = self._open(request)["choices"][0]["message"]["content"]
        except (OSError, HTTPException, ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise InputError(
                expected=f"an answer from {self.host}",
                found=quote(f"{error}{_detail(error)}", 160),
                change="Check --endpoint, the model's name and OPENAI_API_KEY.",
            ) from error
        try:
            # a refusal has no content
            answer = json.loads(content[content.index("{") : content.rindex("}") + 1])
        except (ValueError, AttributeError, TypeError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self.unreadable += 1
            return {}
        return answer

    def _open(self, request: urllib.request.Request) -> Any:
        for turn in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:  # noqa: S310
                    return json.load(response)
            except (OSError, HTTPException) as error:
                pause = _pause(error, turn)
                if pause is None or turn == TRIES - 1:
                    raise
                time.sleep(pause)
        raise AssertionError

    def _read(
        self, answer: dict[str, Any], document: Document, schema: Schema, given: tuple[Entity, ...] | None
    ) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
        """Names become their first free place in the text, of a whole word if there is one.

        A name that stands for several entities means the nearest pair of these as an end of a relation.
        """
        types, names = _names(schema.visible_entities), _names(schema.visible_relations)
        entities = list(given or ())
        taken: set[tuple[int, int]] = set()
        for item in _items(answer, "entities") if given is None else ():
            span = _place(document.text, str(item.get("text", "")), taken)
            label = _asked_for(types, str(item.get("type", "")).strip())
            if span is not None and label is not None:
                taken.add(span)
                entities.append(Entity.suggested(*span, label, 1.0))
        by_text: dict[str, list[Entity]] = {}
        for entity in entities:
            by_text.setdefault(entity.text(document), []).append(entity)
        edges: dict[tuple[str, str, str], Relation] = {}
        for item in _items(answer, "relations"):
            heads, tails = (by_text.get(str(item.get(end, "")), []) for end in ("head", "tail"))
            pairs = [(abs(h.start - t.start), h, t) for h in heads for t in tails if h.id != t.id]
            name = _asked_for(names, str(item.get("label", "")).strip())
            if pairs and name is not None:
                _, head, tail = min(pairs, key=lambda pair: (pair[0], pair[1].start))
                edge = Relation(head.id, tail.id, name, 1.0)
                edges.setdefault(edge.key, edge)
        ordered = tuple(sorted(entities, key=lambda e: e.span)) if given is None else given
        return ordered, tuple(edges.values())


def _names(labels: Sequence[EntityLabel] | Sequence[RelationLabel]) -> dict[str, str]:
    """Names by what is prompted; in small letters too, where no other label is prompted so."""
    exact = {label.prompt: label.name for label in labels}
    return {prompt.casefold(): name for prompt, name in exact.items()} | exact


def _asked_for(names: Mapping[str, str], said: str) -> str | None:
    """The label that an answer names, in whichever case it does; None if it was not asked for."""
    return names.get(said) or names.get(said.casefold())


def _place(text: str, name: str, taken: set[tuple[int, int]]) -> tuple[int, int] | None:
    """The first place of a name that no other has: as whole words, else inside a word."""
    if not name.strip():
        return None
    found = [(m.start(), m.start() + len(name)) for m in re.finditer(f"(?={re.escape(name)})", text)]
    free = [span for span in found if not any(a < span[1] and span[0] < b for a, b in taken)]
    whole = [span for span in free if not (_inside(text, span[0]) or _inside(text, span[1]))]
    return next(iter(whole or free), None)


def _inside(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _host(url: str) -> str:
    """Host and port. Raises ConfigError for what is no address, or has a password in it."""
    found = quote(url)
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.username is None:
            return parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        if parts.username is not None:
            found = f"one with a name before {quote(parts.hostname or '')}"
    except ValueError:
        pass
    raise ConfigError(
        expected="an http or https address",
        found=found,
        change="Give --endpoint one such as http://127.0.0.1:8000/v1, and a key in OPENAI_API_KEY.",
    )


def _pause(error: OSError | HTTPException, turn: int) -> float | None:
    """Seconds until the same question may be answered; None if it is of no use to ask again."""
    wait: float = min(LONGEST, WAIT * 2**turn)
    if isinstance(error, urllib.error.HTTPError):
        asked = str(error.headers.get("Retry-After") or "")
        busy = error.code == 429 or error.code >= 500
        return (min(LONGEST, float(asked)) if asked.isdecimal() else wait) if busy else None
    # no answer in time, or one that broke off
    reason = getattr(error, "reason", error)
    return wait if isinstance(reason, TimeoutError | ConnectionResetError | HTTPException) else None


def _detail(error: BaseException) -> str:
    """What the endpoint says of an error, such as that a model is unknown."""
    if not isinstance(error, urllib.error.HTTPError):
        return ""
    return ": " + error.read(400).decode("utf-8", "replace")


def _items(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = answer.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
