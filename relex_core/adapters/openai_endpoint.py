"""A language model behind an OpenAI-compatible chat endpoint, asked for entities and relations as JSON.

Only the standard library is used. The key is read from OPENAI_API_KEY; answers that are not JSON, and names that
do not stand in the text, count as nothing found, and are counted in `unreadable`.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from relex_core.errors import ConfigError, InputError, quote
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds

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
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(expected="an http or https address", found=quote(url), change="Give --endpoint one.")
        self.name = f"{model} at {urlsplit(url).netloc}"
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
            "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}",
        }
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:  # noqa: S310
                content = json.load(response)["choices"][0]["message"]["content"]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(
                expected=f"an answer from {urlsplit(self.url).netloc}",
                found=quote(str(error), 160),
                change="Check --endpoint, the model's name and OPENAI_API_KEY.",
            ) from error
        try:
            answer = json.loads(content[content.index("{") : content.rindex("}") + 1])
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            self.unreadable += 1
            return {}
        return answer

    def _read(
        self, answer: dict[str, Any], document: Document, schema: Schema, given: tuple[Entity, ...] | None
    ) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
        """Names become their first free place in the text."""
        types = {label.prompt: label.name for label in schema.visible_entities}
        names = {label.prompt: label.name for label in schema.visible_relations}
        entities: dict[str, Entity] = {}
        for item in _items(answer, "entities") if given is None else ():
            text, label = str(item.get("text", "")), types.get(str(item.get("type", "")))
            start = document.text.find(text) if text else -1
            if start >= 0 and label is not None:
                entities.setdefault(text, Entity.suggested(start, start + len(text), label, 1.0))
        for entity in given or ():
            entities.setdefault(entity.text(document), entity)
        edges: dict[tuple[str, str, str], Relation] = {}
        for item in _items(answer, "relations"):
            head, tail = (entities.get(str(item.get(end, ""))) for end in ("head", "tail"))
            name = names.get(str(item.get("label", "")))
            if head is not None and tail is not None and head.id != tail.id and name is not None:
                edge = Relation(head.id, tail.id, name, 1.0)
                edges.setdefault(edge.key, edge)
        return given if given is not None else tuple(entities.values()), tuple(edges.values())


def _items(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = answer.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
