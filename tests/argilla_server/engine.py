"""A search engine for the Argilla server that needs no Elasticsearch: every question goes to the database.

The server lets engines register under a name. This one keeps no index, so nothing can be stale; it loads the
records of a dataset to answer, which is enough for tests. Ranking and stemming are not those of Elasticsearch:
no test may depend on them. Kinds of filter that no test needs raise NotImplementedError instead of guessing.
"""

import re

from argilla_server.database import AsyncSessionLocal
from argilla_server.models import Record, Response
from argilla_server.search_engine.base import (
    AndFilter,
    MetadataFilterScope,
    ResponseFilterScope,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsFilter,
)
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

NAME = "database"


def _words(value):
    return set(re.findall(r"\w+", str(value).lower()))


def _wanted(record, condition):
    if condition is None:
        return True
    if isinstance(condition, AndFilter):
        return all(_wanted(record, part) for part in condition.filters)
    if not isinstance(condition, TermsFilter):
        raise NotImplementedError(f"{type(condition).__name__} is not needed by the tests")
    values = {getattr(value, "value", value) for value in condition.values}
    scope = condition.scope
    if isinstance(scope, ResponseFilterScope) and scope.property == "status":
        mine = [r for r in record.responses if scope.user is None or r.user_id == scope.user.id]
        return {r.status.value for r in mine} & values or ("pending" in values and not mine)
    if isinstance(scope, MetadataFilterScope):
        return (record.metadata_ or {}).get(scope.metadata_property) in values
    raise NotImplementedError(f"{type(scope).__name__} is not needed by the tests")


async def _tally(column, query):
    async with AsyncSessionLocal() as session:
        rows = (await session.execute(query.add_columns(column, func.count()).group_by(column))).all()
    counts = {status.value: count for status, count in rows}
    return {**counts, "total": sum(counts.values())}


@SearchEngine.register(NAME)
class DatabaseEngine(SearchEngine):
    @classmethod
    async def new_instance(cls):
        return cls()

    async def ping(self):
        return True

    async def info(self):
        return {"name": NAME, "version": {"number": "0"}}

    async def search(self, dataset, query=None, filter=None, sort=None, offset=0, limit=100, user_id=None):
        statement = select(Record).where(Record.dataset_id == dataset.id).options(selectinload(Record.responses))
        async with AsyncSessionLocal() as session:
            records = (await session.scalars(statement.order_by(Record.inserted_at, Record.id))).unique().all()
        asked = _words(getattr(query, "q", query) or "")
        found = [r for r in records if asked <= _words(r.fields) and _wanted(r, filter)]
        page = [SearchResponseItem(record_id=record.id, score=1.0) for record in found[offset : offset + limit]]
        return SearchResponses(items=page, total=len(found))

    async def get_dataset_progress(self, dataset):
        return await _tally(Record.status, select().where(Record.dataset_id == dataset.id))

    async def get_dataset_user_progress(self, dataset, user):
        answers = select().join(Record, Response.record_id == Record.id)
        return await _tally(
            Response.status, answers.where(Record.dataset_id == dataset.id, Response.user_id == user.id)
        )

    async def similarity_search(self, *args, **kwargs):
        raise NotImplementedError("vectors are not needed by the tests")

    async def compute_metrics_for(self, metadata_property):
        raise NotImplementedError("metrics of metadata are not needed by the tests")


def _no_index(name):
    async def nothing_to_do(self, *args, **kwargs):
        return None

    nothing_to_do.__name__ = name
    return nothing_to_do


# without an index, whatever would maintain one has nothing to do
for _name in tuple(DatabaseEngine.__abstractmethods__):
    setattr(DatabaseEngine, _name, _no_index(_name))
DatabaseEngine.__abstractmethods__ = frozenset()
