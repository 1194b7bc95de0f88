"""A later file of the same dataset: new columns come in, missing ones stay empty, and numbers and dates widen where they must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine, duckdb_type, scan
from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.ingest.columns import ColumnType, column_sql
from coterie.ingest.mapping import ImportSpec
from coterie.ingest.plan import ORDERED, Planned, Role, as_planned, physical_name
from coterie.ingest.propose import Typed
from coterie.ingest.readings import in_zone
from coterie.kit.disk import disk_errors
from coterie.lake.service import Lake

_NUMBERS = (ValueType.INTEGER, ValueType.DECIMAL, ValueType.NUMBER)
_EXACT_WHOLE = 2**53  # beyond, a float skips whole numbers


def refuse_other_kind(spec: ImportSpec, earlier: Dataset | None) -> None:
    """Raise Refused where the name is taken by a dataset of another kind."""
    if earlier is None:
        return
    if earlier.kind is not spec.kind or earlier.entity_kind != spec.entity_kind:
        message = f'"{spec.name}" holds {earlier.kind.value} of the entity kind {earlier.entity_kind}.'
        fix = "Choose another --name, or import with the same --as and --entity-kind."
        raise Refused("kind_changed", message, place="--name", fix=fix)


def lay_out(
    lake: Lake, typed: Sequence[Typed], earlier: Dataset | None, spec: ImportSpec, *, closing: bool
) -> tuple[tuple[Planned, ...], tuple[tuple[str, str], ...]]:
    """The lake column of every draft, and the dataset's columns that the source lacks.

    closing : earlier rows are closed; a column of another type then gets a lake column of its own.
    """
    files = lake.files(f"data/{spec.name}")
    have = {name: duckdb_type(kind) for name, kind in files.columns}
    taken = set(have)
    known = {f.name: f for f in earlier.fields} if earlier else {}
    planned = []
    for draft, kind, style in typed:
        if draft.role is not None:
            planned.append(as_planned(draft, kind, draft.role.value, style))
            continue
        field = known.get(draft.name)
        column = _column(draft.name, kind, field, have, taken, closing=closing)
        taken.add(column)
        planned.append(as_planned(draft, kind, column))
    own = {p.column for p in planned} | ({Role.ENTITY.value} if spec.entity == "@row" else set())
    own |= {"_batch"} | ({"_seq"} if spec.kind in ORDERED else set())
    absent = tuple((n, t) for n, t in have.items() if n not in own)
    return tuple(planned), absent


def _column(
    name: str, kind: ColumnType, field: Field | None, have: dict[str, str], taken: set[str], *, closing: bool
) -> str:
    if field is not None and field.column not in set(Role):
        same = _normal(have.get(field.column, kind.sql)) == _normal(kind.sql)
        if same or not closing:
            return field.column
    if name in have and field is None and name not in set(Role) and _normal(have[name]) == _normal(kind.sql):
        return name  # left by a batch whose definition was lost
    return physical_name(name, taken)


def _normal(sql_type: str) -> str:
    return sql_type.replace(" ", "").replace("TIMESTAMPWITHTIMEZONE", "TIMESTAMPTZ")


def common_type(known: Field, found: ColumnType) -> ColumnType | None:
    """The type that holds what the dataset has and what the file brings, without loss; None where only text would.

    >>> common_type(Field("n", ValueType.INTEGER, "n"), ColumnType(ValueType.DECIMAL, scale=4)).type
    <ValueType.DECIMAL: 'decimal'>
    """
    if known.type in _NUMBERS and found.type in _NUMBERS:
        wider = max(known.type, found.type, key=_NUMBERS.index)
        scale = max(known.scale or 0, found.scale or 0) if wider is ValueType.DECIMAL else None
        return replace(found, type=wider, scale=scale)
    if {known.type, found.type} == {ValueType.DATE, ValueType.MOMENT}:
        return replace(found, type=ValueType.MOMENT)
    return replace(found, type=known.type) if known.type is found.type else None


def type_changed(known: Field, found: ColumnType, share: str) -> Refused:
    """The error for a column whose new values are of a type that the dataset's cannot be widened to."""
    message = f"{known.name} is {known.type.value} in this dataset; {share} of the new values are not, they are {found.type.value}."
    fix = "Correct the file; or import it with --replace, or under another --name."
    return Refused("type_changed", message, place=known.name, fix=fix)


def widen_lake(engine: Engine, lake: Lake, dataset: Dataset, wider: dict[str, ColumnType], zone: str) -> Dataset:
    """Give lake columns wider types: the same rows in new files. Returns the dataset's new definition.

    Raises Refused(`type_changed`): a value of the lake does not fit, such as a whole number that a float would change.
    """
    table = dataset.table
    with disk_errors(), lake.locked(), lake.staging() as folder:
        files = lake.whole(table)
        changes = {dataset_field(dataset, name).column: (name, kind) for name, kind in wider.items()}
        source = scan(files)
        for column, (name, kind) in changes.items():
            _refuse_loss(engine, source, column, name, kind)
        parts = [_widened(n, duckdb_type(t), changes, zone) for n, t in files.columns if n != "_batch"]
        path = folder / "wider.parquet"
        engine.copy_parquet(f"SELECT {', '.join(parts)}, _batch FROM {source}", path)
        lake.rewrite(table, [path])
    fields = tuple(
        replace(f, type=wider[f.name].type, scale=wider[f.name].scale) if f.name in wider else f for f in dataset.fields
    )
    return replace(dataset, fields=fields)


def dataset_field(dataset: Dataset, name: str) -> Field:
    """The field of that name, which exists."""
    field = dataset.field(name)
    assert field is not None, "only known fields are widened"
    return field


def _widened(column: str, have: str, changes: dict[str, tuple[str, ColumnType]], zone: str) -> str:
    quoted = quote_name(column)
    if column not in changes:
        return quoted
    kind = changes[column][1]
    if kind.type is ValueType.MOMENT:
        return f"{in_zone(f'CAST({quoted} AS TIMESTAMP)', zone)} AS {quoted}" if have == "DATE" else quoted
    return f"CAST({quoted} AS {column_sql(kind.type, kind.scale)}) AS {quoted}"


def _refuse_loss(engine: Engine, source: str, column: str, name: str, kind: ColumnType) -> None:
    quoted = quote_name(column)
    if kind.type is ValueType.NUMBER:
        lost = engine.value(f"SELECT count(*) FROM {source} WHERE abs({quoted}) > {_EXACT_WHOLE}")
    elif kind.type is ValueType.DECIMAL:
        lost = engine.value(
            f"SELECT count(*) FROM {source} WHERE {quoted} IS NOT NULL AND TRY_CAST({quoted} AS {kind.sql}) IS NULL"
        )
    else:
        return
    if lost:
        message = f"{name} would have to become {kind.type.value}, which {lost:,} of the dataset's values do not fit."
        fix = "Import the file under another --name, or with --replace."
        raise Refused("type_changed", message, place=name, fix=fix)


def joins(dataset: Dataset, others: dict[str, Dataset]) -> Dataset:
    """The dataset with its joins: lookups whose key column is called as one of its fields. Joins a person made stay.

    >>> from coterie.catalog.schemas import DatasetKind
    >>> deals = Dataset("deals", DatasetKind.RECORDS, (Field("product", ValueType.TEXT, "product"),))
    >>> joins(deals, {"products": Dataset("products", DatasetKind.LOOKUP, (), entity="product")}).joins
    {'products': 'product'}
    """
    if dataset.kind not in (DatasetKind.EVENTS, DatasetKind.RECORDS):
        return dataset
    names = {f.name for f in dataset.fields}
    found = {n: d.entity for n, d in others.items() if d.kind is DatasetKind.LOOKUP and d.entity in names}
    return replace(dataset, joins={**{n: e for n, e in found.items() if e is not None}, **dataset.joins})
