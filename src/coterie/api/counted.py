"""Values of a tag or a field with how many have each: for pickers, searched and paged by the engine."""

from __future__ import annotations

from typing import Any

from coterie.api.door import Door
from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import unknown_name
from coterie.kit.plain import plain
from coterie.rules.fields import find_field, joins_sql
from coterie.tags.records import Builds
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

_BINS = 20
_ORDERED = NUMERIC | {ValueType.DATE, ValueType.MOMENT}
_LISTS = frozenset({ValueType.TEXTS})


def tag_values(door: Door, name: str, kind: str | None, search: str, limit: int) -> dict[str, Any]:
    """The commonest values of a tag in the published build, and how many different ones there are."""
    tag = door.ws.catalog.tag(name, kind)
    if door.mask.hides(name):
        return {"values": [], "total": 0, "exact": True, "hidden": True}
    source = _built(door, name, tag.family, tag.entity_kind)
    if source is None:
        return {"values": [], "total": 0, "exact": True, "built": False}
    with door.ws.engine.cursor() as engine:
        return _counted(engine, _unnested(quote_name(name), tag.type, f"FROM {source}"), search, limit)


def field_values(door: Door, dataset: str, name: str, search: str, limit: int) -> dict[str, Any]:
    """The commonest values of a field, which may be `LOOKUP.FIELD`, among the rows of the newest data."""
    found = door.ws.catalog.dataset(dataset)
    vocabulary = CatalogVocabulary(door.ws.catalog, door.ws.zone, found.entity_kind)
    if name not in {f.name for f in found.fields} and "." not in name:
        raise unknown_name("field", name, [f.name for f in found.fields])
    ref = find_field(found, name, vocabulary, name)
    holder = vocabulary.dataset(ref.lookup) if ref.lookup else found
    if door.mask.of_dataset(holder).hides(name):
        return {"values": [], "total": 0, "exact": True, "hidden": True}
    with door.ws.engine.cursor() as engine:
        view = View.at(door.ws.tag_context, found.entity_kind, engine=engine)
        lookups = {ref.lookup} if ref.lookup else set()
        view.use(datasets=[dataset, *lookups])
        joins = joins_sql(found, lookups, vocabulary, "e")
        source = f"FROM {quote_name(f'dataset:{dataset}')} AS e{joins}"
        return _counted(engine, _unnested(ref.sql("e"), ref.type, source), search, limit)


def distribution(door: Door, name: str, kind: str) -> dict[str, Any] | None:
    """How a tag's values are distributed: a histogram of numbers and times, else the commonest values."""
    tag = door.ws.catalog.tag(name, kind)
    source = _built(door, name, tag.family, kind)
    if source is None or door.mask.hides(name):
        return None
    with door.ws.engine.cursor() as engine:
        return spread(engine, source, name, tag.type, people=_people(door, kind))


def spread(engine: Engine, source: str, name: str, type_: ValueType, *, people: int) -> dict[str, Any]:
    """The distribution of a column of a relation; `missing` is counted among so many people."""
    column = quote_name(name)
    present = int(engine.value(f"SELECT count({column}) FROM {source}"))
    told: dict[str, Any] = {"present": present, "missing": max(people - present, 0)}
    if type_ in _ORDERED:
        return told | _histogram(engine, source, column, type_)
    if type_ is ValueType.VECTOR:
        return told | {"kind": "values", "rows": []}
    found = _counted(engine, _unnested(column, type_, f"FROM {source}"), "", _BINS)
    return told | {"kind": "values", "rows": found["values"], "distinct": found["total"]}


def _histogram(engine: Engine, source: str, column: str, type_: ValueType) -> dict[str, Any]:
    times = type_ not in NUMERIC
    value = f"epoch({column})" if times else f"CAST({column} AS DOUBLE)"
    facts = f"SELECT min({value}), max({value}), avg({value}), count(DISTINCT {column}) FROM {source}"
    low, high, mean, distinct = engine.row(f"{facts} WHERE {column} IS NOT NULL")
    told = {"kind": "moments" if times else "histogram", "distinct": distinct, "rows": []}
    if low is None:
        return told
    width = (high - low) / _BINS or 1.0
    place = f"least(CAST(floor(({value} - {low!r}) / {width!r}) AS INTEGER), {_BINS - 1})"
    counts = dict(engine.rows(f"SELECT {place} AS bin, count(*) FROM {source} WHERE {column} IS NOT NULL GROUP BY bin"))
    bins = range(_BINS if high > low else 1)
    rows = [{"low": low + i * width, "high": min(low + (i + 1) * width, high), "count": counts.get(i, 0)} for i in bins]
    shown = {"min": low, "max": high, "mean": mean, "rows": rows}
    return {**told, **(_as_moments(shown) if times else shown)}


def _as_moments(shown: dict[str, Any]) -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta

    def moment(seconds: float) -> str:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")

    rows = [{**row, "low": moment(row["low"]), "high": moment(row["high"])} for row in shown["rows"]]
    return {"rows": rows, **{key: moment(shown[key]) for key in ("min", "max", "mean")}}


def _built(door: Door, name: str, family: str, kind: str) -> str | None:
    """The relation of a tag's values in the published build; None where it is not in it."""
    record = Builds(door.ws.store, kind).published()
    table = None if record is None else record.families.get(family)
    if table is None or name not in [column for column, _ in table.columns]:
        return None
    files = table.files(door.ws.lake)
    return None if files is None else scan(files)


def _people(door: Door, kind: str) -> int:
    record = Builds(door.ws.store, kind).published()
    return 0 if record is None else record.entities


def _unnested(column: str, type_: ValueType, source: str) -> str:
    """SQL of one value a row: items of lists, paths as `a > b`."""
    if type_ in _LISTS:
        return f"SELECT unnest({column}) AS v {source}"
    shown = f"array_to_string({column}, ' > ')" if type_ is ValueType.PATH else column
    shown = f"strftime({shown}, '%Y-%m-%dT%H:%M:%SZ')" if type_ is ValueType.MOMENT else shown
    return f"SELECT {shown} AS v {source}"


def _counted(engine: Engine, values: str, search: str, limit: int) -> dict[str, Any]:
    where = "WHERE v IS NOT NULL"
    if search:
        where += f" AND contains(lower(CAST(v AS VARCHAR)), lower({quote_value(search)}))"
    grouped = f"SELECT v, count(*) AS n FROM ({values}) {where} GROUP BY v"
    total = int(engine.value(f"SELECT count(*) FROM ({grouped})"))
    rows = engine.rows(f"SELECT v, n FROM ({grouped}) ORDER BY n DESC, v LIMIT {limit}")
    return {"values": [{"value": plain(v), "count": n} for v, n in rows], "total": total, "exact": True}
