"""Tag values as a frame or a file: `entity` first, then a column a tag."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.kit.disk import disk_errors
from coterie.tags.context import TagContext
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    import pandas as pd


def values(
    context: TagContext,
    tags: Sequence[str],
    as_of: datetime | None = None,
    *,
    data_version: int | None = None,
    entity_kind: str = "customer",
    floats: bool = False,
) -> pd.DataFrame:
    """The values of tags for every entity of the universe, in the order of row numbers.

    Column `entity` (text keys) first, then the tags in the order given. Exact decimals stay `Decimal`, whole numbers
    and booleans are nullable (`Int64`, `boolean`), moments are in UTC.
    floats : all numbers and booleans as float64, missing as NaN: what estimators take.
    Raises NotFound: a tag does not exist.
    """
    import pandas as pd
    import pyarrow as pa

    with context.engine.cursor() as engine:
        sql = _sql(context, engine, tags, as_of, data_version, entity_kind)
        table = engine.arrow(sql)
    if not floats:
        kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        frame: pd.DataFrame = table.to_pandas(types_mapper=kinds.get)
        return frame
    numbers = [pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean]
    for number, column in enumerate(table.schema):
        if any(test(column.type) for test in numbers):
            plain = table.column(number)
            if pa.types.is_boolean(column.type):
                plain = plain.cast(pa.int8())
            table = table.set_column(number, column.name, plain.cast(pa.float64(), safe=False))
    floating: pd.DataFrame = table.to_pandas()
    return floating


def write_values(
    context: TagContext,
    tags: Sequence[str],
    path: Path,
    as_of: datetime | None = None,
    *,
    data_version: int | None = None,
    entity_kind: str = "customer",
) -> int:
    """Write the values of tags to a .csv or .parquet file; returns the number of rows.

    CSV is for machines: UTF-8 without a mark, keys as imported, exact decimals with all digits, moments as ISO 8601 in
    the workspace's zone, several values parted by `; `, missing empty. Cells are not defused for spreadsheets.
    Raises Refused: another ending. NotFound: a tag does not exist.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        fix = "Use .csv or .parquet."
        raise Refused("bad_argument", f'"{path.suffix}" is no kind of file for values.', place="--to", fix=fix)
    if not path.parent.is_dir():
        raise Refused("bad_argument", "The folder does not exist.", place=str(path.parent), fix="Make it first.")
    staged = path.with_name(f".{path.name}.part")
    try:
        with context.engine.cursor() as engine, disk_errors():
            sql = _sql(context, engine, tags, as_of, data_version, entity_kind)
            write = engine.copy_parquet if ending == ".parquet" else functools.partial(_write_csv, context, engine)
            rows = write(sql, staged)
            staged.replace(path)
            return rows
    finally:
        staged.unlink(missing_ok=True)


def _sql(
    context: TagContext,
    engine: Engine,
    tags: Sequence[str],
    as_of: datetime | None,
    data_version: int | None,
    kind: str,
) -> str:
    vocabulary = CatalogVocabulary(context.catalog, context.zone, kind)
    found = {name: vocabulary.tag(name) for name in tags}
    families = list(dict.fromkeys(tag.family for tag in found.values()))
    View.at(context, kind, as_of, data_version, engine=engine).use(families=families)
    numbers = {family: f"f{number}" for number, family in enumerate(families)}
    columns = [f"{numbers[tag.family]}.{quote_name(name)}" for name, tag in found.items()]
    joins = "".join(
        f" LEFT JOIN {quote_name(f'family:{f}')} {alias} ON {alias}.row = u.row" for f, alias in numbers.items()
    )
    return f"SELECT {', '.join(['u.entity', *columns])} FROM universe u{joins} ORDER BY u.row"


def _write_csv(context: TagContext, engine: Engine, sql: str, path: Path) -> int:
    engine.execute(f"SET TimeZone = {quote_value(context.zone.key)}")  # moments are written with its offset
    columns = [f"{_csv(name, kind)} AS {quote_name(name)}" for name, kind in engine.columns(sql)]
    return engine.copy_csv(f"SELECT {', '.join(columns)} FROM ({sql})", path)


def _csv(name: str, kind: str) -> str:
    column = quote_name(name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        text = f"replace(CAST({column} AS VARCHAR), ' ', 'T')"
        return f"regexp_replace({text}, '([+-][0-9]{{2}})$', '\\1:00')"
    return f"array_to_string({column}, '; ')" if kind == "VARCHAR[]" else column
