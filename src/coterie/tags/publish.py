"""Publishing what was computed elsewhere as tags: frames with a value per entity, and uploaded lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.catalog.definitions import read_name
from coterie.catalog.schemas import (
    COLUMN_TYPES,
    Dataset,
    DatasetKind,
    Field,
    ListMember,
    Published,
    TagDefinition,
    ValueType,
)
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.lake.service import Staged
from coterie.tags.build import build
from coterie.tags.context import TagContext
from coterie.tags.published import default_as_of
from coterie.tags.records import Builds

if TYPE_CHECKING:
    import pyarrow as pa

ENTITY = "entity"
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)  # a list holds at any as-of; its newest upload counts
_UNKNOWN_SHOWN = 10
_MOST_DIGITS = 18  # of exact decimals; columns with a value of more become floating numbers


@dataclass(frozen=True)
class Publication:
    """What a publish did.

    tags : the tags that now have its values.
    matched : rows of known entities; unmatched : rows of others, which are left out, and `examples` of them.
    already : the very same was published before, and nothing was done.
    """

    name: str
    tags: tuple[str, ...]
    matched: int
    unmatched: int
    examples: tuple[str, ...]
    data_version: int
    already: bool

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def publish_frame(
    context: TagContext,
    frame: Any,
    name: str,
    as_of: datetime | str | None = None,
    *,
    entity_kind: str = "customer",
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> Publication:
    """Publish a frame as tags: `NAME` if it has one column of values, else `NAME.COLUMN` for each.

    frame : pandas, Polars or Arrow, a row an entity; the column `entity` (or the index, in pandas) has the keys.
    as_of : the moment its values hold from; by default that of the published build. At an as-of the newest publish up
        to it counts, whole: who is not in it has no value.
    about : by column, `label`, `description`, `category`, `unit`, `owner`, `levels` of its tag.

    Raises Refused: no such column, an entity twice, infinity, values of a type that no tag has, a name that is taken.
    """
    from coterie.ingest.readers.columnar import arrow_table

    read_name(name, "name")
    table = arrow_table(_with_entity(frame))
    if ENTITY not in table.column_names:
        fix = "Name the column with the keys `entity`, or make it the index."
        raise Refused("bad_argument", "The frame has no column `entity`.", place="frame", fix=fix)
    moment = default_as_of(context, entity_kind) if as_of is None else context.moment(as_of, place="as_of")
    return _publish(context, table, name, moment, entity_kind, about or {})


def upload_list(
    context: TagContext, name: str, file: Path, column: str, *, entity_kind: str = "customer"
) -> dict[str, Any]:
    """Upload the keys in a file's column as the tag `list.NAME`, true for those on it; a newer upload replaces it.

    file : CSV, TSV, JSON lines, Excel or Parquet. Returns matched and unmatched (different keys), and examples.
    Raises Refused: the file or column cannot be read.
    """
    from coterie.ingest.readers.opening import open_source
    from coterie.ingest.readers.options import ReadOptions

    read_name(name, "name")
    with context.lake.staging() as folder, context.engine.cursor() as engine:
        source = open_source(str(file), ReadOptions(), engine, folder, None)
        found = source.column(column)
        if found is None:
            names = ", ".join(c.name for c in source.columns[:8])
            fix = f"There is: {names}."
            raise Refused("missing_column", f'The file has no column "{column}".', place=column, fix=fix)
        key = f"trim({found.text})"
        keys = f"SELECT DISTINCT {key} AS entity, true AS member FROM {source.relation}"
        table = engine.arrow(f"{keys} WHERE nullif({key}, '') IS NOT NULL ORDER BY entity")
    made = _publish(context, table, f"list.{name}", _ALWAYS, entity_kind, {}, listed=name)
    report = {"list": name, "matched": made.matched, "unmatched": made.unmatched}
    return report | {"examples": list(made.examples), "data_version": made.data_version}


def _with_entity(frame: Any) -> Any:
    """A pandas frame whose index has the keys."""
    if hasattr(frame, "iloc") and hasattr(frame, "reset_index"):
        if not hasattr(frame, "columns"):  # a Series
            frame = frame.to_frame(frame.name if frame.name is not None else "value")
        if ENTITY not in frame.columns:
            return frame.rename_axis(ENTITY).reset_index()
    return frame


def _publish(
    context: TagContext,
    table: pa.Table,
    name: str,
    as_of: datetime,
    kind: str,
    about: Mapping[str, Mapping[str, Any]],
    *,
    listed: str | None = None,
) -> Publication:
    with context.engine.cursor() as engine, context.lake.staging() as folder:
        engine.register("published_frame", table)
        dataset = _dataset(context, engine, name, kind)
        path = folder / "rows.parquet"
        rows, unmatched, examples = _write(context, engine, dataset, as_of, path)
        content = hashlib.sha256(path.read_bytes() + f"\0{name}\0{as_of.isoformat()}".encode()).hexdigest()
        facts = {"as_of": as_of.isoformat(), "read": table.num_rows, "accepted": rows, "rejected": unmatched}
        facts["content"] = content
        digest = _batch_hash(context, name, content)
        context.catalog.save_dataset(dataset)
        done = context.lake.publish(digest, lambda _: Staged({dataset.table: [path]}, facts), dataset=name)
    tags = [_list_tag(listed, kind)] if listed else _tags(dataset, about)
    context.catalog.save_tags(tags)
    _extend_build(context, kind)
    names = tuple(t.name for t in tags)
    return Publication(name, names, rows, unmatched, tuple(examples), done.data_version, done.already)


def _batch_hash(context: TagContext, name: str, content: str) -> str:
    """What was published last is known again; what was published before something else came is published anew."""
    last = context.lake.batches(name)[-1:]
    if last and last[0].facts.get("content") == content:
        return last[0].batch_hash
    before = last[0].batch_hash if last else ""
    return hashlib.sha256(f"{content}\0{before}".encode()).hexdigest()


def _extend_build(context: TagContext, kind: str) -> None:
    """Bring the published build up to the newest data, so that the new tags count at once; it reads only what came."""
    published = Builds(context.store, kind).published()
    if published is not None:
        build(context, entity_kind=kind, as_of=published.as_of)


def _dataset(context: TagContext, engine: Engine, name: str, kind: str) -> Dataset:
    """The dataset of scores, with the fields that it had and those of the frame."""
    known = context.catalog.datasets().get(name)
    if known is not None and (known.kind is not DatasetKind.SCORES or known.entity_kind != kind):
        said = f'"{name}" is a dataset with {known.kind} of {known.entity_kind}s already.'
        raise Refused("bad_argument", said, place="name", fix="Publish under another name.")
    fields = {f.name: f for f in known.fields} if known is not None else {}
    for column, native in engine.columns("SELECT * FROM published_frame"):
        if column == ENTITY:
            continue
        if column.startswith("_"):
            raise Refused("bad_column", f'"{column}" begins with "_".', place=column, fix="Rename the column.")
        made = _field(engine, column, native)
        if column in fields and (fields[column].type, fields[column].scale) != (made.type, made.scale):
            made = _widened(fields[column], made)
        fields[column] = made
    if not fields:
        raise Refused(
            "bad_argument", "The frame has no column with values.", place="frame", fix="Add one beside `entity`."
        )
    return Dataset(name, DatasetKind.SCORES, tuple(fields.values()), kind, entity=ENTITY)


def _field(engine: Engine, column: str, native: str) -> Field:
    base = native.split("(")[0].split("[")[0]
    if base == "DECIMAL" and not native.endswith("]"):
        scale = int(native[8:-1].split(",")[1])
        if scale <= _MOST_DIGITS and not _overflows(engine, column, scale):
            return Field(column, ValueType.DECIMAL, column, scale)
        return Field(column, ValueType.NUMBER, column)
    kind = _NATIVE.get(native) or _NATIVE.get(base if not native.endswith("]") else native)
    if kind is None:
        fix = "Publish numbers, texts, true or false, dates, moments, or lists of texts."
        raise Refused("bad_column", f'"{column}" is of type {native}.', place=column, fix=fix)
    return Field(column, kind, column)


def _overflows(engine: Engine, column: str, scale: int) -> bool:
    """Whether a value of the frame is too large for an exact decimal. What the column's type would allow is of no
    matter: Polars declares 38 digits for every decimal."""
    value = quote_name(column)
    fits = f"TRY_CAST({value} AS DECIMAL({_MOST_DIGITS}, {scale})) IS NOT NULL"
    return bool(engine.value(f"SELECT count(*) FROM published_frame WHERE {value} IS NOT NULL AND NOT {fits}"))


_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_MOMENTS = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_NATIVE: Mapping[str, ValueType] = {
    **dict.fromkeys(_WHOLE, ValueType.INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE", "UBIGINT", "HUGEINT"), ValueType.NUMBER),
    "BOOLEAN": ValueType.BOOLEAN,
    "VARCHAR": ValueType.TEXT,
    "ENUM": ValueType.TEXT,
    "DATE": ValueType.DATE,
    "VARCHAR[]": ValueType.TEXTS,
    **dict.fromkeys(_MOMENTS, ValueType.MOMENT),
}


def _widened(known: Field, made: Field) -> Field:
    """A column keeps the type it was first published with; whole numbers may come into one of floating numbers."""
    if known.type is ValueType.NUMBER and made.type in (ValueType.INTEGER, ValueType.DECIMAL):
        return known
    exact = known.type is ValueType.DECIMAL and made.type in (ValueType.INTEGER, ValueType.DECIMAL)
    if exact and (made.scale or 0) <= (known.scale or 0):
        return known
    said = f'"{known.name}" was published as {known.type} before, and is {made.type} now.'
    raise Refused("bad_column", said, place=known.name, fix="Convert it, or publish under another name.")


def _write(
    context: TagContext, engine: Engine, dataset: Dataset, as_of: datetime, path: Path
) -> tuple[int, int, list[str]]:
    """Write the rows of known entities; returns their number, that of the others, and keys of some of those."""
    present = {name for name, _ in engine.columns("SELECT * FROM published_frame")}
    _refuse_too_large(engine, [f for f in dataset.fields if f.name in present])
    columns = [f"{_column(f, f.name in present, context)} AS {quote_name(f.column)}" for f in dataset.fields]
    files = context.lake.files("entities")
    known = "SELECT NULL::VARCHAR AS key WHERE false"
    if files.columns:
        known = f"SELECT DISTINCT key FROM {scan(files)} WHERE kind = {quote_value(dataset.entity_kind)}"
    # A key that a spreadsheet or a float column wrote as 17850.0 is 17850, unless there is an entity 17850.0.
    text = "CAST(f.entity AS VARCHAR)"
    whole = f"CASE WHEN regexp_full_match({text}, '-?[0-9]+\\.0+') THEN regexp_replace({text}, '\\.0+$', '') END"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE matched AS WITH known AS ({known})"
        f" SELECT coalesce(k.key, w.key) AS _entity, {text} AS given, {', '.join(columns)} FROM published_frame f"
        f" LEFT JOIN known k ON k.key = {text} LEFT JOIN known w ON k.key IS NULL AND w.key = {whole}"
    )
    _refuse_twice(engine)
    _refuse_infinite(engine, dataset)
    listed = ", ".join(quote_name(f.column) for f in dataset.fields)
    at = f"{quote_value(as_of)} AS _at, NULL::BIGINT AS _batch"
    rows = engine.copy_parquet(
        f"SELECT _entity, {listed}, {at} FROM matched WHERE _entity IS NOT NULL ORDER BY _entity", path
    )
    unmatched = engine.value("SELECT count(*) FROM matched WHERE _entity IS NULL")
    some = engine.rows(f"SELECT given FROM matched WHERE _entity IS NULL ORDER BY given LIMIT {_UNKNOWN_SHOWN}")
    return rows, unmatched, [str(row[0]) for row in some]


def _column(field: Field, present: bool, context: TagContext) -> str:
    kind = _lake_type(field)
    value = f"f.{quote_name(field.name)}"
    if not present:
        return f"NULL::{kind}"
    match field.type:
        case ValueType.MOMENT:
            zone = quote_value(context.zone.key)
            naive = f"timezone({zone}, {value}::TIMESTAMP)"
            return f"CASE WHEN typeof({value}) = 'TIMESTAMP WITH TIME ZONE' THEN {value}::TIMESTAMPTZ ELSE {naive} END"
        case ValueType.NUMBER:
            return f"CASE WHEN NOT isnan({value}::DOUBLE) THEN {value}::DOUBLE END"
        case _:
            return f"CAST({value} AS {kind})"


def _lake_type(field: Field) -> str:
    return f"DECIMAL({_MOST_DIGITS}, {field.scale})" if field.type is ValueType.DECIMAL else COLUMN_TYPES[field.type]


def _refuse_too_large(engine: Engine, fields: list[Field]) -> None:
    """A column that was published with more digits after the point has room for fewer before it."""
    for field in fields:
        if field.type is ValueType.DECIMAL and _overflows(engine, field.name, field.scale or 0):
            digits = _MOST_DIGITS - (field.scale or 0)
            said = f'"{field.name}" holds a number of more than {digits} digits before the point.'
            fix = "Round it, or publish under another name."
            raise Refused("bad_column", said, place=field.name, fix=fix)


def _refuse_twice(engine: Engine) -> None:
    twice = engine.rows(
        "SELECT _entity FROM matched WHERE _entity IS NOT NULL GROUP BY _entity HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    )
    if twice:
        said = f'The entity "{twice[0][0]}" stands in the frame more than once.'
        raise Refused("duplicate_entity", said, place="frame", fix="Give one row an entity.")


def _refuse_infinite(engine: Engine, dataset: Dataset) -> None:
    for field in (f for f in dataset.fields if f.type is ValueType.NUMBER):
        if engine.value(f"SELECT coalesce(bool_or(isinf({quote_name(field.column)})), false) FROM matched"):
            said = f'"{field.name}" holds infinity.'
            raise Refused("bad_column", said, place=field.name, fix="Make it missing, or a number.")


def _tags(dataset: Dataset, about: Mapping[str, Mapping[str, Any]]) -> list[TagDefinition]:
    one = len(dataset.fields) == 1
    made = []
    for field in dataset.fields:
        said = about.get(field.name, {})
        made.append(
            TagDefinition(
                name=dataset.name if one else f"{dataset.name}.{field.name}",
                type=field.type,
                spec=Published(dataset.name, field.name),
                family=dataset.name,
                entity_kind=dataset.entity_kind,
                label=dict(said.get("label", {})),
                description=dict(said.get("description", {})),
                category=tuple(said.get("category", ())),
                unit=said.get("unit"),
                owner=said.get("owner"),
                levels={str(k): dict(v) for k, v in said.get("levels", {}).items()},
            )
        )
    return made


def _list_tag(listed: str, kind: str) -> TagDefinition:
    label = {"en": f"On the list {listed}", "zh": f"名单：{listed}"}
    name = f"list.{listed}"
    return TagDefinition(name, ValueType.BOOLEAN, ListMember(listed), name, kind, label, category=("list",))
