"""What depends on what is already in the lake: duplicates by key, and the row numbers of new entities.

It is done against one data version, and again inside the publish lock if another publish came between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from coterie.catalog.schemas import DatasetKind
from coterie.engines.duckdb import Engine, parquet, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.lake.service import Lake

ENTITIES = "entities"
_UNCOMPARED = ("_seq", "_batch")  # what tells nothing of a row's content


@dataclass(frozen=True)
class StagedTable:
    """A staged file of one dataset.

    entities : (kind of entity, lake column with its keys).
    keyed : rows have a key, by which duplicates are found.
    replaces : earlier rows are closed by this batch, and so are not compared.
    """

    table: str
    kind: DatasetKind
    path: Path
    rows: int
    entities: Sequence[tuple[str, str]]
    keyed: bool = False
    replaces: bool = False


class Fresh(NamedTuple):
    """Staged files without duplicates."""

    path: Path
    rows: int
    duplicates: int


class Numbered(NamedTuple):
    """The staged rows of the table `entities`, None where there are none; how many entities the batch has and adds."""

    path: Path | None
    entities: int
    new: int


def without_duplicates(engine: Engine, lake: Lake, staged: StagedTable, base: int, target: Path) -> Fresh:
    """The staged file, or one written to `target` that lacks the rows whose key came earlier.

    Of events and others the first row of a key counts, in the file and across batches. Of records a row is a duplicate if
    it says what the latest row of its key said: a changed record is a new state.
    """
    if not staged.keyed:
        return Fresh(staged.path, staged.rows, 0)
    files = lake.files(staged.table, base)
    earlier = scan(files) if files.paths and not staged.replaces else None
    source = parquet(staged.path, numbered=True)
    columns = [name for name, _ in engine.columns(f"SELECT * FROM {source}") if name != "file_row_number"]
    kept = _changed_states(source, columns, earlier) if staged.kind is DatasetKind.RECORDS else _first(source, earlier)
    names = ", ".join(map(quote_name, columns))
    duplicates = staged.rows - int(engine.value(f"SELECT count(*) FROM {kept}"))
    if not duplicates:
        return Fresh(staged.path, staged.rows, 0)
    rows = engine.copy_parquet(f"SELECT {names} FROM {kept} ORDER BY file_row_number", target)
    return Fresh(target, rows, duplicates)


def _first(source: str, earlier: str | None) -> str:
    known = f" AND NOT EXISTS (FROM {earlier} AS e WHERE e._key = s._key)" if earlier else ""
    place = "row_number() OVER (PARTITION BY _key ORDER BY file_row_number)"
    return f"(SELECT * FROM (SELECT *, {place} AS _place FROM {source}) AS s WHERE _key IS NULL OR (_place = 1{known}))"


def _changed_states(source: str, columns: Sequence[str], earlier: str | None) -> str:
    """Rows that differ from the row before them of the same key, the earlier batches' latest row standing first."""
    compared = [c for c in columns if c not in _UNCOMPARED]
    state = "struct_pack(" + ", ".join(f"{quote_name(c)} := {quote_name(c)}" for c in compared) + ")"
    rows = f"SELECT *, {state} AS _state, 1 AS _new FROM {source}"
    if earlier is not None:
        latest = f"SELECT DISTINCT ON (_key) * FROM {earlier} ORDER BY _key, _batch DESC, _seq DESC"
        matching = f"SELECT l.* FROM ({latest}) AS l SEMI JOIN {source} AS s ON l._key = s._key"
        rows += f" UNION ALL BY NAME SELECT *, {state} AS _state, 0 AS _new, -1 AS file_row_number FROM ({matching})"
    previous = "lag(_state) OVER (PARTITION BY _key ORDER BY _new, file_row_number)"
    marked = f"SELECT *, {previous} AS _previous FROM ({rows})"
    return f"(SELECT * FROM ({marked}) WHERE _new = 1 AND _state IS DISTINCT FROM _previous)"


def number_entities(
    engine: Engine, lake: Lake, staged: Sequence[tuple[Path, Sequence[tuple[str, str]]]], base: int, target: Path
) -> Numbered:
    """Number the entities that the staged files bring, and note those that were seen earlier than known.

    New keys get the next numbers of their kind, in the order of the keys, from 0. `first_seen` is the earliest `_at` of the
    batch, missing (always there) where any row of the entity is undated.
    """
    brought = _brought(engine, staged)
    if brought is None:
        return Numbered(None, 0, 0)
    files = lake.files(ENTITIES, base)
    nexts = "(SELECT NULL::VARCHAR AS kind, 0 AS next WHERE false)"
    if files.paths:
        nexts = f"(SELECT kind, max(row) + 1 AS next FROM {scan(files)} GROUP BY kind)"
        engine.execute(f"CREATE OR REPLACE TEMP TABLE brought AS {brought}")
        engine.execute(f"CREATE OR REPLACE TEMP TABLE matched AS {_matched(scan(files))}")
    else:
        nobody = "NULL::BIGINT AS row, NULL::TIMESTAMPTZ AS known_since, false AS known_always"
        engine.execute(f"CREATE OR REPLACE TEMP TABLE matched AS SELECT *, {nobody} FROM ({brought})")
    new = (
        "SELECT m.kind, m.key, coalesce(n.next, 0) + row_number() OVER (PARTITION BY m.kind ORDER BY m.key) - 1 AS row, "
        f"m.first_seen FROM matched AS m LEFT JOIN {nexts} AS n ON m.kind = n.kind WHERE m.row IS NULL"
    )
    earlier = (
        "SELECT kind, key, row, first_seen FROM matched WHERE row IS NOT NULL AND NOT known_always "
        "AND (first_seen IS NULL OR first_seen < known_since)"
    )
    rows = engine.copy_parquet(
        f"SELECT kind, key, row::BIGINT AS row, first_seen, NULL::BIGINT AS _batch FROM ({new} UNION ALL {earlier})",
        target,
    )
    entities, added = engine.row("SELECT count(*), count(*) FILTER (row IS NULL) FROM matched")
    engine.execute("DROP TABLE matched; DROP TABLE IF EXISTS brought")
    return Numbered(target if rows else None, entities, added)


def _brought(engine: Engine, staged: Sequence[tuple[Path, Sequence[tuple[str, str]]]]) -> str | None:
    """SQL: kind, key and first_seen of every entity in the staged files."""
    by_kind: dict[str, list[tuple[Path, str]]] = {}
    for path, entities in staged:
        for kind, column in entities:
            by_kind.setdefault(kind, []).append((path, column))
    parts = [_brought_of(engine, kind, columns) for kind, columns in sorted(by_kind.items())]
    return " UNION ALL ".join(parts) or None


def _brought_of(engine: Engine, kind: str, columns: Sequence[tuple[Path, str]]) -> str:
    parts, undated = [], False
    for path, column in columns:
        source = parquet(path)
        dated = "_at" in {name for name, _ in engine.columns(f"SELECT * FROM {source}")}
        undated = undated or not dated or bool(engine.value(f"SELECT count(*) > count(_at) FROM {source}"))
        moment = "_at" if dated else "NULL::TIMESTAMPTZ"
        parts.append(f"SELECT {quote_name(column)} AS key, {moment} AS moment FROM {source}")
    since = "CASE WHEN count(*) = count(moment) THEN min(moment) END" if undated else "min(moment)"
    rows = " UNION ALL ".join(parts)
    return f"SELECT {quote_value(kind)} AS kind, key, {since} AS first_seen FROM ({rows}) WHERE key IS NOT NULL GROUP BY key"


def _matched(entities: str) -> str:
    """SQL: the entities brought, with number and first sight of those known. An entity stands in the table once more for
    every batch that saw it earlier."""
    since = "min(first_seen) AS known_since, count(*) > count(first_seen) AS known_always"
    same = "e.kind = b.kind AND e.key = b.key"
    known = f"SELECT e.kind, e.key, min(e.row) AS row, {since} FROM {entities} AS e SEMI JOIN brought AS b ON {same} GROUP BY ALL"
    return f"SELECT b.*, e.row, e.known_since, e.known_always FROM brought AS b LEFT JOIN ({known}) AS e ON {same}"


def table_entities(kind: DatasetKind, entity_kind: str) -> list[tuple[str, str]]:
    """Which columns of a dataset hold keys of entities; the keys of a lookup are no entities."""
    if kind is DatasetKind.LOOKUP:
        return []
    both = [(entity_kind, "_entity")]
    return [*both, (entity_kind, "_target")] if kind is DatasetKind.EDGES else both


def reasons(engine: Engine, rejects: Path | None) -> Mapping[str, int]:
    """Rejected rows by reason, the commonest first."""
    if rejects is None:
        return {}
    query = f"SELECT reason, count(*) FROM {parquet(rejects)} GROUP BY reason ORDER BY 2 DESC, 1"
    return dict(engine.rows(query))
