"""Tag columns as codes: for every row number the place of its value among the tag's different values, in their order.

One byte a row for up to 255 values, two for up to 65,535, else four; 0 is missing. Any condition on a tag is asked of
the different values alone, by the very SQL that compiled rules use, and the answer is looked up row by row: a condition
on ten million rows takes 2 to 30 ms, and every operator can be counted without code of its own. Multi-valued tags have
a bitmap for each value instead. Counts and distributions of any audience come from the same codes.

On disk a family is a folder: `codes.arrow` (a column a tag, compressed), `NAME.values.parquet` (the different values in
order), `NAME.lists` (the bitmaps of a multi-valued tag) and `facts.json`, which is written last.
"""

from __future__ import annotations

import json
import shutil
import struct
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name
from coterie.index.bitmaps import CHUNK_ROWS, from_packed, from_rows
from coterie.index.cache import Cache
from coterie.index.threads import POOL
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

Codes = npt.NDArray[np.unsignedinteger]
FORMAT = 1
MOST_VALUES = 4_000_000  # different values of a tag; names and e-mail addresses of many people are left to SQL
_BLOCK_ROWS = 16 * CHUNK_ROWS  # a block of codes and its flags stay in the processor's cache
_MOST_RUNS = 3  # runs of codes that are compared; more are looked up
_AS_TEXT = (ValueType.PATH,)  # a list has no order among values; its JSON text stands for it
_LISTS = (ValueType.TEXTS,)
_PRESENT = (ValueType.VECTOR,)  # of these only being there can be asked


@dataclass(frozen=True)
class ColumnFacts:
    """What a column is made as.

    kind : `codes`, `lists`, or `none` where there are too many different values.
    file : stem of its files; values : number of different values.
    """

    tag: str
    type: ValueType
    kind: str
    file: str
    values: int


class Column:
    """A tag's codes and different values, read when needed and kept as long as the cache has room."""

    def __init__(self, facts: ColumnFacts, folder: Path, rows: int, cache: Cache[Any]) -> None:
        self.facts, self.rows, self._folder, self._cache = facts, rows, folder, cache
        self._showing = threading.Lock()
        self._table: str | None = None  # of its values, on the engine

    @property
    def codes(self) -> Codes:
        """Codes by row number: unsigned integers, shape (n_rows,); 0 is missing, k the k-th value."""
        name = self.facts.file
        codes: Codes = self._cache.get((self._folder, name), lambda: _read_codes(self._folder / "codes.arrow", name))
        return codes

    @cached_property
    def values(self) -> pa.Array:
        """The different values in order; of paths their JSON text. Shape (n_values,)."""
        import pyarrow.parquet as pq

        return pq.read_table(self._values_file)["v"].combine_chunks()

    @property
    def lists(self) -> Mapping[str, BitMap]:
        """Of a multi-valued tag: who has each value."""
        file = self._folder / f"{self.facts.file}.lists"
        found: Mapping[str, BitMap] = self._cache.get(file, lambda: dict(_read_lists(file)))
        return found

    @property
    def present(self) -> BitMap:
        """Who has a value; an empty list is one."""
        if self.facts.kind == "lists":
            return self.lists[_PRESENT_KEY]
        wanted = np.ones(self.facts.values + 1, bool)
        wanted[0] = False
        return self.of_codes(wanted)

    def passing(self, engine: Engine, condition: Callable[[str], str]) -> npt.NDArray[np.bool_]:
        """Which values pass a condition, given as SQL of the value; shape (n_values + 1,) by code, missing never.

        engine : a connection of the calling thread, on the database that all columns share.
        """
        if self.facts.type in _PRESENT:
            flags = [bool(engine.value(f"SELECT coalesce({condition('[1.0]::FLOAT[]')}, false)"))]
            return np.array([False, *flags[: self.facts.values]])
        value = "CAST(from_json(v, '[\"VARCHAR\"]') AS VARCHAR[])" if self.facts.type in _AS_TEXT else "v"
        shown = quote_name(self._show(engine))
        asked = f"SELECT coalesce({condition(value)}, false) AS passes FROM {shown} ORDER BY code"
        return np.concatenate([[False], engine.arrow(asked)["passes"].to_numpy()])

    def of_codes(self, wanted: npt.NDArray[np.bool_]) -> BitMap:
        """Who has one of the wanted codes; wanted : shape (n_values + 1,), by code."""
        return from_packed(self.packed(wanted))

    def packed(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """The same as packed bits, the lowest of the first byte being row 0."""
        return packed(self.codes, wanted)

    def counts(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """How many of these rows have each code, shape (n_values + 1,); rows without a number here count as missing."""
        known = rows if len(rows) == 0 or rows[-1] < self.rows else rows[rows < self.rows]
        found = np.bincount(self.codes.take(known), minlength=self.facts.values + 1)
        found[0] += len(rows) - len(known)
        return found

    @cached_property
    def all_counts(self) -> npt.NDArray[np.int64]:
        """How many of all rows have each code."""
        return np.bincount(self.codes, minlength=self.facts.values + 1)

    def forget(self, engine: Engine) -> None:
        """Give the table of values back."""
        with self._showing:
            if self._table is not None:
                engine.execute(f"DROP TABLE IF EXISTS {quote_name(self._table)}")
                self._table = None

    @property
    def _values_file(self) -> Path:
        return self._folder / f"{self.facts.file}.values.parquet"

    def _show(self, engine: Engine) -> str:
        """Let the engine see the values: the name of a table with `code` from 1, and `v`."""
        with self._showing:
            if self._table is None:
                name = f"index:{uuid.uuid4().hex}"
                rows = f"SELECT file_row_number + 1 AS code, v FROM {parquet(self._values_file, numbered=True)}"
                engine.execute(f"CREATE TABLE {quote_name(name)} AS {rows}")
                self._table = name
        return self._table


_PRESENT_KEY = "\0present"  # no text in a tag has a NUL


class FamilyColumns:
    """The columns of one built family."""

    def __init__(self, folder: Path, rows: int, columns: Mapping[str, ColumnFacts], cache: Cache[Any]) -> None:
        self.folder, self.rows = folder, rows
        self.columns = {tag: Column(facts, folder, rows, cache) for tag, facts in columns.items()}

    @classmethod
    def open(cls, folder: Path, cache: Cache[Any]) -> FamilyColumns | None:
        """The columns in a folder, None where they are not there or of another format."""
        try:
            facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if facts.get("format") != FORMAT:
            return None
        columns = {c["tag"]: ColumnFacts(**{**c, "type": ValueType(c["type"])}) for c in facts["columns"]}
        return cls(folder, facts["rows"], columns, cache)

    @property
    def disk_bytes(self) -> int:
        """Size of its files."""
        return sum(f.stat().st_size for f in self.folder.iterdir())


def _read_codes(file: Path, name: str) -> Codes:
    import pyarrow as pa

    with pa.memory_map(str(file)) as source:
        place = pa.ipc.open_file(source).schema.get_field_index(name)
        options = pa.ipc.IpcReadOptions(included_fields=[place])
        reader = pa.ipc.open_file(source, options=options)
        batches = [reader.get_batch(i).column(0).to_numpy() for i in range(reader.num_record_batches)]
        codes: Codes = np.concatenate(batches)
    codes.flags.writeable = False
    return codes


def build_columns(
    engines: Sequence[Engine],
    relation: str,
    tags: Sequence[tuple[str, ValueType]],
    folder: Path,
    progress: Progress | None = None,
) -> None:
    """Make the columns of a family and keep them in `folder`, all or nothing.

    engines : connections that work side by side, a tag each.
    relation : SQL with `row` and a column a tag; rows differ, some numbers may be absent.
    """
    import pyarrow as pa

    progress = progress or Progress()
    staged = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    staged.mkdir(parents=True)
    try:
        place = _places(engines[0], relation)
        free = SimpleQueue[Engine]()
        for engine in engines:
            free.put(engine)

        def make(task: tuple[int, tuple[str, ValueType]]) -> tuple[ColumnFacts, Codes | None]:
            number, (tag, kind) = task
            engine = free.get()
            try:
                progress.check()
                return _column(engine, relation, tag, kind, f"c{number}", place, staged)
            finally:
                free.put(engine)

        made = []
        with progress.stage("Indexing", len(tags), "tags"), ThreadPoolExecutor(len(engines)) as pool:
            for done in pool.map(make, enumerate(tags)):
                made.append(done)
                progress.advance(1)
        coded = [(f.file, codes) for f, codes in made if codes is not None]
        schema = pa.schema([(name, pa.from_numpy_dtype(codes.dtype)) for name, codes in coded])
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with (
            pa.OSFile(str(staged / "codes.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, schema, options=options) as out,
        ):
            for start in range(0, max(place.rows, 1), _BLOCK_ROWS):
                arrays = [pa.array(codes[start : start + _BLOCK_ROWS]) for _, codes in coded]
                out.write_batch(pa.record_batch(arrays, schema=schema))
        facts = [{**vars(f), "type": f.type.value} for f, _ in made]
        body = {"format": FORMAT, "rows": place.rows, "columns": facts}
        (staged / "facts.json").write_text(json.dumps(body), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@dataclass(frozen=True)
class _Places:
    """Where the rows of a family stand.

    given : their numbers as they are read, None if they are 0, 1, 2, ...
    sorting : what a query adds to read them so; nothing where the files are in order, as builds write them, since
        sorting ten million rows takes longer than all else.
    """

    rows: int
    given: npt.NDArray[np.int64] | None
    sorting: str

    def dense(self, codes: Codes) -> Codes:
        """Codes of the given rows as codes of all."""
        if self.given is None:
            return codes
        spread = np.zeros(self.rows, codes.dtype)
        spread[self.given] = codes
        return spread


def _places(engine: Engine, relation: str) -> _Places:
    given = engine.arrow(f"SELECT row FROM {relation}")["row"].to_numpy()
    if len(given) == 0:
        return _Places(0, None, "")
    ordered = bool((np.diff(given) > 0).all())
    given = given if ordered else np.sort(given)
    dense = bool(given[-1] == len(given) - 1)
    return _Places(int(given[-1]) + 1, None if dense else given, "" if ordered else " ORDER BY row")


def _column(
    engine: Engine, relation: str, tag: str, kind: ValueType, name: str, place: _Places, folder: Path
) -> tuple[ColumnFacts, Codes | None]:
    column = quote_name(tag)
    if kind in _LISTS:
        values = _write_lists(engine, f"SELECT row, {column} AS v FROM {relation}", folder / f"{name}.lists")
        return ColumnFacts(tag, kind, "lists", name, values), None
    if kind in _AS_TEXT:
        column = f"CAST(to_json({column}) AS VARCHAR)"
    elif kind in _PRESENT:
        column = f"CASE WHEN {column} IS NOT NULL THEN 1 END"
    elif kind is ValueType.NUMBER:
        column = f"CASE WHEN NOT isnan({column}) THEN {column} END"
    read = engine.arrow(f"SELECT {column} AS v FROM {relation}{place.sorting}")["v"]
    codes, different = _coded(read)
    if len(different) > MOST_VALUES:
        return ColumnFacts(tag, kind, "none", name, len(different)), None
    _write_values(different, folder / f"{name}.values.parquet")
    return ColumnFacts(tag, kind, "codes", name, len(different)), place.dense(codes)


def _coded(column: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """Codes and the different values in order; texts by code point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(column) == 0:
        return np.zeros(0, np.uint8), pa.array([], column.type)
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    different = encoded.dictionary
    order = pc.array_sort_indices(different).to_numpy()
    width = np.uint8 if len(order) < 2**8 else np.uint16 if len(order) < 2**16 else np.uint32
    codes_of = np.zeros(len(order) + 1, width)  # by place in the dictionary; the last is of missing values
    codes_of[order] = np.arange(1, len(order) + 1)
    places = encoded.indices.fill_null(len(order)).to_numpy(zero_copy_only=False)
    return codes_of[places], different.take(pa.array(order))


def _write_values(values: pa.Array, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"v": values}), path, compression="zstd")


def _write_lists(engine: Engine, relation: str, path: Path) -> int:
    """A bitmap for each value of lists, and one of those who have a list: NUL-free text, sizes in front."""
    found = {_PRESENT_KEY: from_rows(_rows(engine, f"SELECT row FROM ({relation}) WHERE v IS NOT NULL"))}
    sql = f"SELECT row, item FROM (SELECT row, unnest(v) AS item FROM ({relation})) WHERE item IS NOT NULL"
    table = engine.arrow(sql)
    codes, values = _coded(table["item"])
    rows = table["row"].to_numpy()
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(1, len(values) + 2))
    for code, value in enumerate(values.to_pylist()):
        found[value] = from_rows(rows[order[cuts[code] : cuts[code + 1]]])
    with path.open("wb") as handle:
        for value, members in found.items():
            key, body = value.encode(), members.serialize()
            handle.write(struct.pack("<II", len(key), len(body)) + key + body)
    return len(values)


def _read_lists(path: Path) -> Iterator[tuple[str, BitMap]]:
    content, at = path.read_bytes(), 0
    while at < len(content):
        key, body = struct.unpack_from("<II", content, at)
        at += 8
        yield content[at : at + key].decode(), BitMap.deserialize(content[at + key : at + key + body])
        at += key + body


def _rows(engine: Engine, sql: str) -> npt.NDArray[np.integer]:
    rows: npt.NDArray[np.integer] = engine.arrow(sql)["row"].to_numpy()
    return rows


def packed(codes: Codes, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Which rows have one of the wanted codes, as packed bits, the lowest of the first byte being row 0.

    >>> packed(np.array([2, 0, 1, 2], np.uint8), np.array([False, False, True]))
    array([9], dtype=uint8)
    """
    found = np.zeros(-(-len(codes) // 8), np.uint8)
    test = _test(wanted, codes.dtype)

    def fill(start: int) -> None:
        flags = test(codes[start : start + _BLOCK_ROWS])
        found[start // 8 : (start + _BLOCK_ROWS) // 8] = np.packbits(flags, bitorder="little")

    starts = range(0, len(codes), _BLOCK_ROWS)
    list(POOL.map(fill, starts) if len(starts) > 1 else map(fill, starts))
    return found


def _test(wanted: npt.NDArray[np.bool_], kind: np.dtype[Any]) -> Callable[[Codes], npt.NDArray[np.bool_]]:
    """How flags come from codes: few runs of codes are compared, more are looked up."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    runs = [(kind.type(a), kind.type(b - a - 1)) for a, b in edges.reshape(-1, 2).tolist()]
    if len(runs) > _MOST_RUNS:
        return lambda codes: wanted[codes]

    def compare(codes: Codes) -> npt.NDArray[np.bool_]:
        flags = np.zeros(len(codes), bool)
        for first, more in runs:
            # Below the first the difference wraps around to beyond the last.
            flags |= codes == first if more == 0 else codes - first <= more
        return flags

    return compare
