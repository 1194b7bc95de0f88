"""JSON lines: one object a line. Nested objects become columns `a.b`; lists of plain values stay lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.ingest.readers.delimited import plain_utf8
from coterie.ingest.readers.dialect import refuse_duplicates
from coterie.ingest.readers.files import CHUNK_BYTES, LONGEST_LINE, BytesLater
from coterie.ingest.readers.options import ReadOptions
from coterie.ingest.readers.source import Source, SourceColumn, TextFacts
from coterie.ingest.readers.staging import RAW_CHARACTERS, RowStage
from coterie.kit.progress import Progress

_MOST_COLUMNS = 2_000
_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
_BLANK = "(line IS NULL OR trim(line) = '')"


def open_json(path: Path, options: ReadOptions, engine: Engine, work: Path, progress: Progress | None) -> Source:
    """Open JSON lines, or a file that is one JSON array of objects.

    Raises Refused: no line holds an object; there are more than 2,000 different keys.
    """
    plain, digest = plain_utf8(path, options.encoding, work, progress)
    if _first_character(plain) == "[":
        digest = digest or BytesLater(plain, "").result().digest
        plain = _array_to_lines(plain, path.name, work)
    return _open_lines(path, plain, digest, engine, work, progress)


def _first_character(plain: Path) -> str:
    with plain.open(encoding="utf-8") as handle:
        return handle.read(4096).lstrip("\ufeff \t\r\n")[:1]


def _array_to_lines(plain: Path, label: str, work: Path) -> Path:
    """Write an array of objects as lines. It is held in memory whole, as JSON has to be."""
    try:
        items = json.loads(plain.read_text(encoding="utf-8-sig"), parse_float=str, parse_int=str)
    except ValueError as error:
        fix = "Write one JSON object a line."
        raise Refused("unknown_format", f"The file is no JSON: {error}.", place=label, fix=fix) from None
    target = work / "array.jsonl"
    with target.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    return target


def _open_lines(
    path: Path, plain: Path, digest: str | None, engine: Engine, work: Path, progress: Progress | None
) -> Source:
    later = BytesLater(plain, "")
    lines = _lines(plain)
    try:
        found = _structure(engine, lines)
    except Exception as error:
        if "CSV" not in str(error):
            raise
        facts = later.result()
        if facts.bad_utf8_at is not None and plain == path:
            other, known = plain_utf8(path, None, work, progress, judged=True)
            return _open_lines(path, other, known, engine, work, progress)
        lines = parquet(_stage_lines(plain, path.name, work))
        found = _structure(engine, lines)
    if not found.objects:
        fix = "Write one JSON object a line."
        raise Refused("no_rows", "No line of the file holds a JSON object.", place=path.name, fix=fix)
    columns = list(_flatten(found.keys))
    _refuse_wide(columns, path.name)
    broken = _broken(engine, lines, work) if found.broken else None
    return _source(path, plain, lines, columns, found.broken, broken, lambda: digest or later.result().digest)


def _lines(plain: Path) -> str:
    # JSON text holds no control characters, so this delimiter and this quote never occur in a good line.
    return (
        f"(SELECT replace(line, chr(65279), '') AS line FROM read_csv({quote_value(str(plain))}, "
        "columns = {'line': 'VARCHAR'}, auto_detect = false, delim = '\x01', quote = '', escape = '', header = false))"
    )


def _stage_lines(plain: Path, label: str, work: Path) -> Path:
    """Lines of a file that the engine refuses: line ends of both kinds, or very long lines."""
    stage = RowStage(work, 1)
    with plain.open(encoding="utf-8") as handle:
        number = 0
        while line := handle.readline(LONGEST_LINE):
            number += 1
            if len(line) >= LONGEST_LINE:
                message = f"Line {number:,} is longer than {LONGEST_LINE // CHUNK_BYTES} MiB."
                raise Refused("line_too_long", message, place=f"{label}:{number}", fix="Write one object a line.")
            stage.add(number, [line.strip()])
    stage.close()
    renamed = work / "lines.parquet"
    stage.path.rename(renamed)
    return renamed


class _Structure(NamedTuple):
    """What the lines hold: objects, lines that are none (blank ones left out), and the keys of all objects with their kinds."""

    objects: int
    broken: int
    keys: dict[str, Any]


def _structure(engine: Engine, lines: str) -> _Structure:
    """Read all lines once. Objects of the same keys are counted together, so that a file larger than memory is no burden."""
    name = "c0 AS line" if lines.startswith("read_parquet") else "line"
    kind = (
        f"CASE WHEN {_OBJECT} THEN coalesce(TRY(json_structure(line))::VARCHAR, '{{}}') WHEN NOT {_BLANK} THEN '' END"
    )
    rows = f"SELECT {kind} AS kind, count(*) AS n FROM (SELECT {name} FROM {lines}) GROUP BY 1"
    objects = broken = 0
    keys: Any = {}
    for batch in engine.batches(f"SELECT * FROM ({rows}) WHERE kind IS NOT NULL ORDER BY n DESC, kind"):
        for text, n in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            objects, broken = (objects + n, broken) if text else (objects, broken + n)
            keys = _merged(keys, json.loads(text)) if text else keys
    return _Structure(objects, broken, keys if isinstance(keys, dict) else {})


def _merged(one: Any, other: Any) -> Any:
    """The kind of a key that has these two kinds, as `json_structure` tells them; `MIXED` where they do not go together.

    >>> _merged({"a": "NULL", "b": {"c": "UBIGINT"}}, {"a": ["VARCHAR"], "b": "JSON"})
    {'a': ['VARCHAR'], 'b': {'c': 'UBIGINT'}}
    >>> _merged({"a": "VARCHAR"}, {"a": {"b": "VARCHAR"}})
    {'a': 'MIXED'}
    """
    match one, other:
        case dict(), dict():
            return one | {key: _merged(one[key], kind) if key in one else kind for key, kind in other.items()}
        case list(), list():
            return [_merged(one[0], other[0])]
        case ("NULL", kind) | (kind, "NULL"):
            return kind
        case ("JSON", dict() as kind) | (dict() as kind, "JSON"):  # an empty object is "JSON"
            return kind
        case str(), str() if "MIXED" not in (one, other):
            return one
        case _:
            return "MIXED"


def _flatten(structure: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Paths to plain values, with the hint `texts` at lists of plain values."""
    for key, kind in structure.items():
        here = (*path, key)
        if isinstance(kind, Mapping) and kind:
            yield from _flatten(kind, here)
        else:
            yield here, "texts" if isinstance(kind, list) and isinstance(kind[0], str) else None


def _refuse_wide(columns: list[tuple[tuple[str, ...], str | None]], label: str) -> None:
    if len(columns) > _MOST_COLUMNS:
        message = f"The objects have {len(columns):,} different keys; at most {_MOST_COLUMNS:,} can be columns."
        fix = "Write one object for each row, with the same keys."
        raise Refused("unknown_format", message, place=label, fix=fix)
    refuse_duplicates([".".join(p) for p, _ in columns], label)


def _pointer(path: tuple[str, ...]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def _source(
    path: Path,
    plain: Path,
    lines: str,
    columns: list[tuple[tuple[str, ...], str | None]],
    rejected: int,
    broken: Path | None,
    digest: Any,
) -> Source:
    pointers = quote_value([_pointer(p) for p, _ in columns])
    cells = ", ".join(f"v[{i + 1}] AS c{i}" for i in range(len(columns)))
    name = "c0 AS line" if lines.startswith("read_parquet") else "line"
    values = f"json_extract_string(line, {pointers}) AS v"
    numbered = f"(SELECT {name}, row_number() OVER () AS _row FROM {lines})"
    return Source(
        path.name,
        tuple(
            SourceColumn(".".join(p) or f"column_{i + 1}", f"c{i}", hint=hint) for i, (p, hint) in enumerate(columns)
        ),
        f"(SELECT {cells} FROM (SELECT {values} FROM (SELECT {name} FROM {lines}) WHERE {_OBJECT}))",
        f"(SELECT {cells}, _row FROM (SELECT {values}, _row FROM {numbered} WHERE {_OBJECT}))",
        "_row",
        lambda: TextFacts(digest()),
        size_bytes=plain.stat().st_size,
        rejects=broken,
        rejected=rejected,
        extras={"form": "json"},
    )


def _broken(engine: Engine, lines: str, work: Path) -> Path:
    """Write the lines that hold no JSON object, blank lines left out."""
    target = work / "broken.parquet"
    name = "c0 AS line" if lines.startswith("read_parquet") else "line"
    numbered = f"(SELECT {name}, row_number() OVER () AS _row FROM {lines})"
    raw = f"to_json({{'line': left(line, {RAW_CHARACTERS})}})::VARCHAR"
    select = f"_row AS line, NULL::VARCHAR AS \"column\", NULL::VARCHAR AS value, 'bad_json' AS reason, {raw} AS raw"
    engine.copy_parquet(f"SELECT {select} FROM {numbered} WHERE NOT ({_OBJECT}) AND NOT {_BLANK}", target)
    return target
