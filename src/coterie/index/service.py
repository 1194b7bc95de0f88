"""The index of one workspace: the members of any condition as a bitmap, cached by what the answer depends on.

How an answer flows: a bound rule -> the key of each condition (what it asks, and the versions of all it reads) -> the
bitmap from the cache; else from the tag's column; else, for events and other sets, from SQL -> set algebra.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pyroaring import BitMap

from coterie.catalog.schemas import ValueType
from coterie.engines.duckdb import Engine, scan
from coterie.errors import CoterieError
from coterie.index.cache import Cache
from coterie.index.standing import Standing, Standings
from coterie.kit.disk import disk_errors
from coterie.kit.progress import Progress
from coterie.rules.binding import BoundLeaf, BoundNode
from coterie.rules.leaves.events import BoundEvents
from coterie.rules.leaves.tag import BoundTag
from coterie.tags.context import TagContext
from coterie.tags.records import BuiltTable
from coterie.tags.views import View

if TYPE_CHECKING:  # NumPy costs a single command a tenth of a second, and SQL answers that
    from coterie.index.bitmaps import Bits
    from coterie.index.columns import Column, FamilyColumns
    from coterie.index.sets import Members

T = TypeVar("T")
Prepare = Callable[[Engine, str], Iterable[str]]
_SMALL_ROWS = 300_000  # columns of families up to this are made at once when a question needs them
_MOST_KNOWN = 100_000
_LEFT, _LEFT_SECONDS = "left", 600.0  # a file that tells since when columns are those of no published build
_MIB = 1024 * 1024
# Conditions that cost a query over events or everyone. Their keys hold all that they depend on; an answer of SQL is kept in
# memory only, with what is to be said of it.
_KEPT_ON_DISK = frozenset({"events", "sequence", "neighbours", "rank"})


class _Known(NamedTuple):
    """What was found out of a set and a universe: whether it lies within, and the size of what does."""

    inside: bool
    size: int


class Index:
    """Bitmaps of conditions and columns of tags.

    folder : where columns and costly bitmaps are kept; all of it can be deleted and is made again.
    watched : the SQLite files of metadata and journal.
    live : whether the process lives long enough for them to pay; a single command is answered by SQL.

    Any number of threads may use it at the same time.
    """

    def __init__(self, context: TagContext, folder: Path, *, live: bool = True, watched: Sequence[Path] = ()) -> None:
        self.context, self._folder, self._live = context, folder, live
        self.standings = Standings(context, watched if live else ())
        self._cache: Cache[Any] = Cache(context.settings.number("index_memory_mb") * _MIB, _size_bytes)
        self._families: dict[tuple[str, str, int], FamilyColumns] = {}
        # Without a lock: the garbage collector gives engines back too, in the middle of anything, also of a `borrow`.
        self._engines: deque[tuple[Engine, Iterable[str]]] = deque()
        self._building: set[Path] = set()
        self._known: dict[Hashable, _Known] = {}  # of sets and a universe
        self._lock, self._views = threading.Lock(), threading.RLock()

    @property
    def memory_bytes(self) -> int:
        """Memory that bitmaps and columns take."""
        return self._cache.bytes

    @property
    def disk_bytes(self) -> int:
        """Disk space that it takes."""
        return sum(f.stat().st_size for f in self._folder.rglob("*") if f.is_file())

    def borrow(self) -> Engine:
        """A connection for one thread's use, to be given back with `give`; what temporary views it has is another's."""
        try:
            engine, left = self._engines.pop()
        except IndexError:
            return self.context.engine.cursor()
        for name in dict.fromkeys(left):
            engine.unregister(name)
        return engine

    def give(self, engine: Engine, left: Iterable[str] = ()) -> None:
        """Give a borrowed connection back; `left` are tables registered on it, which the next one forgets."""
        self._engines.append((engine, left))

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """A borrowed connection for the block."""
        engine = self.borrow()
        try:
            yield engine
        finally:
            self.give(engine)

    def use(self, view: View, engine: Engine, families: Iterable[str], datasets: Iterable[str]) -> None:
        """Make a view's relations on a connection, building families where they are not there."""
        with self._views:
            View(self.context, engine, view.kind, view.as_of, view.data_version).use(
                families=families, datasets=datasets
            )

    def ready(self, root: BoundNode, standing: Standing, as_of: datetime, data_version: int) -> bool:
        """Whether a rule can be answered from here now: every tag it reads has its column, or one is made in no time.

        Where not, the columns are made in the background, and the question is one for SQL.
        """
        if not self._live:
            return False
        tags = [found for _, leaf in root.leaves() if isinstance(found := _as_tag(leaf, standing), BoundTag)]
        wanted = dict.fromkeys(leaf.families[0] for leaf in tags)
        if not wanted:
            return True
        record = standing.record
        if record is None or not standing.current or (record.as_of, record.data_version) != (as_of, data_version):
            return False
        columns = {f: self._columns(f, record.families[f]) for f in wanted if f in record.families}
        missing = [f for f in wanted if columns.get(f) is None]
        for family in missing:
            if family not in record.families:
                return False
            if record.families[family].rows > _SMALL_ROWS:
                self._build_behind(standing, missing)
                return False
            self._build(standing, family, record.families[family], None)
            columns[family] = self._columns(family, record.families[family])
        return all(_has(columns[leaf.families[0]], leaf.name) for leaf in tags)

    def warm(self, kind: str = "customer", progress: Progress | None = None) -> int:
        """Make the columns of all families of the published build; returns how many were made."""
        standing = self.standings.of(kind)
        families = {} if standing.record is None else standing.record.families
        made = 0
        for family, built in families.items():
            if self._columns(family, built) is None:
                made += self._build(standing, family, built, progress)
        self._sweep()
        return made

    def warm_behind(self) -> None:
        """Make all columns that are missing in the background."""
        for kind in {t.entity_kind for t in self.context.catalog.tags().values()}:
            standing = self.standings.of(kind)
            if standing.record is not None:
                missing = [f for f, built in standing.record.families.items() if self._columns(f, built) is None]
                self._build_behind(standing, missing)

    def forget_sets(self, *, disk: bool = False) -> None:
        """Drop the bitmaps of conditions; columns and universes stay."""
        self._cache.drop(lambda key: isinstance(key, tuple) and key[0] in ("rows", "within", "answer"))
        if disk:
            _remove(self._folder / "leaves")

    def remembered(self, key: tuple[str, Hashable], make: Callable[[], T]) -> T:
        """What was made before under a key, else made now; once, even if many ask. It is None or has `nbytes`."""
        found: T = self._cache.get(key, make)
        return found

    def column(self, tag: str, kind: str = "customer", standing: Standing | None = None) -> Column | None:
        """The column of a tag in the published build; None where there is none."""
        standing = standing or self.standings.of(kind)
        found = standing.vocabulary.definitions.get(tag)
        if found is None or standing.record is None or found.family not in standing.record.families:
            return None
        columns = self._columns(found.family, standing.record.families[found.family])
        column = None if columns is None else columns.columns.get(tag)
        return None if column is None or column.facts.kind == "none" else column

    def universe(self, view: View) -> BitMap:
        """Everyone at the view's as-of and data version."""

        def make() -> BitMap:
            from coterie.index.bitmaps import from_rows
            from coterie.kit.numbers import rows_of

            with self.engine() as engine:
                rows = from_rows(rows_of(engine.arrow(f"SELECT row FROM ({view.universe_sql()})")))
            rows.run_optimize()
            return rows

        found: BitMap = self._cache.get(("universe", view.kind, view.as_of, view.data_version), make)
        return found

    def universe_bits(self, view: View) -> Bits:
        """The same as bits."""
        from coterie.index.bitmaps import bits_of, n_words

        def make() -> Bits:
            everyone = self.universe(view)
            return bits_of(everyone, n_words(everyone.max() + 1 if everyone else 0))

        found: Bits = self._cache.get(("everyone", view.kind, view.as_of, view.data_version), make)
        return found

    def members(self, leaf: BoundLeaf, view: View, standing: Standing, prepare: Prepare) -> Members:
        """Who passes a condition, within the universe.

        prepare : lets an engine see what the condition's SQL names besides views, such as snapshots; gives their names.
        """
        from coterie.index.sets import Members

        leaf = _as_tag(leaf, standing)
        inverted = leaf.operator.missing if isinstance(leaf, BoundTag) else leaf.source().inverted
        key = self._key(leaf, view, standing)

        def make() -> Bits:
            from coterie.index.bitmaps import bits_of

            words = len(self.universe_bits(view))
            if isinstance(leaf, BoundTag):
                return self._of_column(leaf, standing, words)
            return bits_of(self._kept(key, leaf, view, prepare), words)

        rows: Bits = self._cache.get(("rows", key), make)
        place = (view.kind, view.as_of, view.data_version, key)
        known = self._known.get(place)
        if known is None:
            known = self._look(rows, self.universe_bits(view), place)
        within = rows if known.inside else self._within(rows, self.universe_bits(view), place)
        return Members(within, inverted, known.size)

    def _look(self, rows: Bits, everyone: Bits, place: Hashable) -> _Known:
        from coterie.index.bitmaps import bits_size

        inside = len(rows) == len(everyone) and not (rows & ~everyone).any()
        known = _Known(inside, bits_size(rows if inside else self._within(rows, everyone, place)))
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known[place] = known
        return known

    def _within(self, rows: Bits, everyone: Bits, place: Hashable) -> Bits:
        """The rows within the universe. Most sets are within it anyway, and are not held twice."""

        def make() -> Bits:
            from coterie.index.bitmaps import bits_of_packed

            return bits_of_packed(rows.view("u1"), len(everyone)) & everyone

        found: Bits = self._cache.get(("within", place), make)
        return found

    def _key(self, leaf: BoundLeaf, view: View, standing: Standing) -> Hashable:
        families = tuple(self._identity(f, standing, view) for f in leaf.families)
        if isinstance(leaf, BoundTag):
            return ("tag", families, leaf.asked)
        if leaf.fact[0] == "snapshot":
            return leaf.fact
        batches = tuple((d, standing.last_batch(d, view.data_version)) for d in sorted(leaf.datasets))
        moment = view.as_of if leaf.datasets or leaf.of_universe else None
        version = view.data_version if leaf.of_universe or not (leaf.datasets or families) else None
        return (leaf.key, families, batches, moment, version, view.kind)

    def _identity(self, family: str, standing: Standing, view: View) -> Hashable:
        record = standing.record
        same = record is not None and (record.as_of, record.data_version) == (view.as_of, view.data_version)
        if record is None or not same or not standing.current or family not in record.families:
            return (family, view.as_of, view.data_version, standing.definitions)
        return (family, record.families[family].identity)

    def _of_column(self, leaf: BoundTag, standing: Standing, words: int) -> Bits:
        column = self._column(leaf, standing)
        assert column is not None, "`ready` was asked before"
        with self.engine() as engine:
            return tag_bits(leaf, column, engine, words)

    def _column(self, leaf: BoundTag, standing: Standing) -> Column | None:
        record = standing.record
        assert record is not None
        columns = self._columns(leaf.families[0], record.families[leaf.families[0]])
        column = None if columns is None else columns.columns.get(leaf.name)
        return None if column is None or column.facts.kind == "none" else column

    def _kept(self, key: Hashable, leaf: BoundLeaf, view: View, prepare: Prepare) -> BitMap:
        """The rows of a condition on events or sets: from disk, else by SQL and kept there."""
        file = self._folder / "leaves" / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.roaring"
        with suppress(OSError, ValueError):
            content = file.read_bytes()
            os.utime(file)
            return BitMap.deserialize(content)
        rows = self._by_sql(leaf, view, prepare)
        if leaf.fact[0] in _KEPT_ON_DISK:
            with disk_errors():
                _write(file, rows.serialize())
            self._bound_disk()
        return rows

    def _by_sql(self, leaf: BoundLeaf, view: View, prepare: Prepare) -> BitMap:
        with self.engine() as engine:
            self.use(view, engine, leaf.families, leaf.datasets)
            names = prepare(engine, leaf.rows_sql())
            rows = sql_rows(leaf, engine)
            for name in names:
                engine.unregister(name)
        return rows

    def _columns(self, family: str, built: BuiltTable) -> FamilyColumns | None:
        """The columns of a built family, None where they were not made, or another process swept them away."""
        from coterie.index.columns import FamilyColumns

        key = (family, built.identity, built.version)
        found = self._families.get(key)
        if found is None or not found.folder.is_dir():
            found = FamilyColumns.open(self._family_folder(family, built), self._cache)
            if found is not None:
                self._families[key] = found
                self._forget_swept()
        return found

    def _forget_swept(self) -> None:
        """Give back what columns hold whose files another process swept away; else memory would grow with each build."""
        gone = [key for key, family in list(self._families.items()) if not family.folder.is_dir()]
        found = [self._families.pop(key, None) for key in gone]
        columns = [column for family in found if family is not None for column in family.columns.values()]
        if columns:
            with self.engine() as engine:
                for column in columns:
                    column.forget(engine)

    def _family_folder(self, family: str, built: BuiltTable) -> Path:
        content = f"{family}\0{built.identity}\0{built.version}"
        return self._folder / "columns" / hashlib.sha256(content.encode()).hexdigest()[:32]

    def _build(self, standing: Standing, family: str, built: BuiltTable, progress: Progress | None) -> bool:
        from coterie.index.columns import build_columns

        files = built.files(self.context.lake)
        if files is None:
            return False
        types = {t.name: t.type for t in standing.vocabulary.definitions.values() if t.family == family}
        tags = [(name, types[name]) for name, _ in files.columns if name in types]
        folder = self._family_folder(family, built)
        with self.engine() as first, self.engine() as second, disk_errors():
            build_columns((first, second), scan(files), tags, folder, progress)
        return True

    def _build_behind(self, standing: Standing, families: Iterable[str]) -> None:
        record = standing.record
        assert record is not None
        wanted = {f: record.families[f] for f in families if f in record.families}
        folders = {self._family_folder(f, b) for f, b in wanted.items()}
        with self._lock:
            if folders & self._building:
                return
            self._building |= folders

        def work() -> None:
            try:
                with suppress(CoterieError):  # a full disk: SQL goes on answering
                    for family, built in wanted.items():
                        self._build(standing, family, built, None)
            finally:
                with self._lock:
                    self._building -= folders

        threading.Thread(target=work, name="index", daemon=True).start()

    def _sweep(self) -> None:
        """Delete columns of builds that have not been the published ones for some time.

        A question that began before a publish, in this process or another, still reads those of its own build.
        """
        kinds = {t.entity_kind for t in self.context.catalog.tags().values()}
        records = [r for r in (self.standings.of(k).record for k in kinds) if r is not None]
        kept = {self._family_folder(f, b) for r in records for f, b in r.families.items()}
        for folder in (self._folder / "columns").glob("[!.]*"):
            left = folder / _LEFT
            if folder in kept:
                left.unlink(missing_ok=True)
                continue
            with suppress(OSError):  # another process sweeps, too
                if not left.exists():
                    left.touch()
                elif time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                    _remove(folder)

    def _bound_disk(self) -> None:
        most = self.context.settings.number("index_disk_mb") * _MIB
        files = sorted((self._folder / "leaves").glob("*.roaring"), key=lambda f: f.stat().st_mtime)
        total = sum(f.stat().st_size for f in files)
        for file in files:
            if total <= most:
                return
            total -= file.stat().st_size
            file.unlink(missing_ok=True)


def tag_bits(leaf: BoundTag, column: Column, engine: Engine, words: int) -> Bits:
    """Who passes a condition on a tag; where a missing value passes, who does not, since a column need not hold everyone."""
    from coterie.index.bitmaps import bits_of, bits_of_packed

    if leaf.type is ValueType.TEXTS:
        return bits_of(_of_lists(leaf, column), words)
    passing = column.passing(engine, lambda value: leaf.operator.sql(value, leaf.operand))
    if leaf.operator.missing:
        passing = ~passing
        passing[0] = False
    return bits_of_packed(column.packed(passing), words)


def sql_rows(leaf: BoundLeaf, engine: Engine) -> BitMap:
    """The rows of a condition's source by SQL, over views that were made before."""
    from coterie.index.bitmaps import from_rows
    from coterie.index.counted import counted_rows
    from coterie.kit.numbers import rows_of

    if isinstance(leaf, BoundEvents) and leaf.counted:
        return counted_rows(leaf, engine)
    source = leaf.distinct_source()
    where = f" WHERE {source.condition}" if source.condition else ""
    rows = f'SELECT {source.row} AS "row" {source.relation}{where}'
    return from_rows(rows_of(engine.arrow(f'SELECT "row"::BIGINT AS "row" FROM ({rows}) WHERE "row" IS NOT NULL')))


def _has(columns: FamilyColumns | None, tag: str) -> bool:
    column = None if columns is None else columns.columns.get(tag)
    return column is not None and column.facts.kind != "none"


def _as_tag(leaf: BoundLeaf, standing: Standing) -> BoundLeaf:
    """Being on an uploaded list is a tag like any other."""
    if leaf.fact[0] != "list":
        return leaf
    tag = standing.vocabulary.definitions[f"list.{leaf.fact[1]}"]
    return BoundTag(("tag", tag.name), tag.type, leaf.operator, leaf.operand, families=(tag.family,))


def _of_lists(leaf: BoundTag, column: Column) -> BitMap:
    """The operators on multi-valued tags; `tests/index` compares each with SQL."""
    lists, present = column.lists, column.present
    given = [lists.get(v, BitMap()) for v in leaf.operand] if leaf.operand is not None else []
    match leaf.operator.key:
        case "any_of":
            return BitMap.union(*given)
        case "all_of":
            return BitMap.intersection(*given)
        case "none_of":
            return present - BitMap.union(*given)
        case "exists":
            return present
        case "not_exists":
            return present  # those who do not pass
        case other:
            raise AssertionError(f"{other} applies to no multi-valued tag")


def _size_bytes(value: Any) -> int:
    if isinstance(value, BitMap):
        f = value.get_statistics()
        return 64 + f["n_bytes_array_containers"] + f["n_bytes_run_containers"] + f["n_bytes_bitset_containers"]
    if isinstance(value, dict):
        return sum(_size_bytes(v) for v in value.values())
    return 64 if value is None else int(value.nbytes)  # bits and codes; None where only that it was done is known


def _write(file: Path, content: bytes) -> None:
    """Cached only, so no fsync: a file cut off by a power failure would not be read as a bitmap."""
    file.parent.mkdir(parents=True, exist_ok=True)
    staged = file.with_name(f".{uuid.uuid4().hex}")
    staged.write_bytes(content)
    staged.replace(file)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
