"""Audiences by SQL: one SELECT that returns keys, checked word by word and run in a process of its own.

Three walls, each enough by itself against writing: the statement is parsed, every part of it must be on a white list, and
what runs is written anew from the parsed tree; the engine may read the lake's folder and nothing else, its configuration
locked; the process may write no file at all, and is ended when its time is over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import CoterieError, Failed, Refused, did_you_mean
from coterie.kit.moments import now
from coterie.lake.tables import TableFiles
from coterie.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from sqlglot import exp

    from coterie.engines.duckdb import Engine
    from coterie.index.standing import Standing
    from coterie.rules.vocabulary import TagInfo
    from coterie.tags.context import TagContext
    from coterie.tags.views import View
    from coterie.tags.vocabulary import CatalogVocabulary

_TAGS, _UNIVERSE = "tags", "universe"
_OWN = "with "  # before the names of tables made by WITH
_MIB = 1024 * 1024
# Address space that the interpreter and its libraries take beyond what the engine may use.
_OWN_SPACE_MB = 4096
_CHECK_MB = 256
_COLUMNS = "Correct it. The columns of each view are told by `docs/rules.md`, under SQL."
_FOUND = b"found "  # before what the process of its own tells of its answer
_EXAMPLES, _LONGEST_EXAMPLE = 3, 60


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What a SELECT may be made of: names of sqlglot's kinds of nodes. What is not here is refused, whatever it does.
_PARTS = frozenset(
    [
        "Select",
        "Union",
        "Except",
        "Intersect",
        "Subquery",
        "With",
        "CTE",
        "From",
        "Join",
        "Where",
        "Group",
        "Having",
        "Order",
        "Ordered",
        "Limit",
        "Offset",
        "Qualify",
        "Distinct",
        "Table",
        "TableAlias",
        "Alias",
        "Column",
        "Identifier",
        "Star",
        "Literal",
        "Boolean",
        "Null",
        "Paren",
        "Tuple",
        "Var",
        "Cube",
        "Rollup",
        "GroupingSets",
        "And",
        "Or",
        "Not",
        "EQ",
        "NEQ",
        "GT",
        "GTE",
        "LT",
        "LTE",
        "Is",
        "In",
        "Between",
        "Like",
        "ILike",
        "Exists",
        "Any",
        "All",
        "NullSafeEQ",
        "NullSafeNEQ",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "IntDiv",
        "Mod",
        "Neg",
        "DPipe",
        "Case",
        "If",
        "Coalesce",
        "Nullif",
        "Cast",
        "TryCast",
        "DataType",
        "DataTypeParam",
        "Interval",
        "Window",
        "WindowSpec",
        "Filter",
        "WithinGroup",
        "IgnoreNulls",
        "Extract",
    ]
)
# Left out although harmless: what reads a clock, draws, approximates, or depends on the order of rows, as `first` does.
_FUNCTIONS = _words(
    """
    Count CountIf Sum Avg Min Max Median Quantile PercentileCont PercentileDisc Stddev StddevPop StddevSamp Variance VariancePop
    ArgMax ArgMin LogicalAnd LogicalOr Corr CovarPop CovarSamp
    RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue
    Abs Ceil Floor Round Trunc Sqrt Cbrt Ln Log Exp Pow Sign Greatest Least IsNan
    Lower Upper Length Trim Substring Concat ConcatWs Left Right Replace StartsWith EndsWith Contains StrPosition Reverse
    RegexpLike RegexpExtract RegexpReplace SplitPart TimeToStr MD5 Array Bracket Slice ArrayContains ArrayOverlaps
    TimestampTrunc DateTrunc DateDiff LastDay DateFromParts TimeToUnix AtTimeZone ToDays Dayname Monthname
    Year Quarter Month Week WeekOfYear Day Hour Minute Second DayOfWeek DayOfWeekIso DayOfYear DayOfMonth
    """
)
_ANONYMOUS = _words("AS_OF STRLEN LIST_HAS_ALL DATE_PART DATE_SUB DATESUB WEEKDAY YEARWEEK TIMEZONE")
_TYPES = frozenset(
    [
        "VARCHAR",
        "TEXT",
        "CHAR",
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "HUGEINT",
        "INT128",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMPTZ",
    ]
)
_CLOCKS = frozenset({"CurrentDate", "CurrentTimestamp", "CurrentTime", "CurrentDatetime", "Now"})
_SHAPE = "Write one SELECT, such as SELECT entity FROM tags WHERE age >= 18."


class Checked(NamedTuple):
    """A SELECT that may be run.

    sql : written anew, every name in quotes.
    views : the views it reads, as they are spelled in the workspace.
    named : the column names it uses, in small letters; columns : the same, None where a star takes all.
    """

    sql: str
    views: tuple[str, ...]
    named: frozenset[str]
    columns: frozenset[str] | None


def checked_select(text: str, names: Iterable[str], *, place: str = "sql") -> Checked:
    """Parse a text and refuse all but one SELECT over the views `names` with known functions.

    >>> checked_select("select entity from Orders -- all of them", ["orders"]).sql
    'SELECT "entity" FROM "orders" AS "Orders"'
    >>> checked_select("SELECT * FROM read_csv('people.csv')", ["orders"])
    Traceback (most recent call last):
    coterie.errors.Refused: `sql_refused` at `sql`: A table of a file or function cannot be read here. There is: orders.

    Raises Refused `sql_refused`: with what it is about, and what may stand there.
    """
    tree = _parsed(text, place)
    known = {name.lower(): name for name in names}
    own = {node.alias.lower() for node in tree.walk() if type(node).__name__ == "CTE"}
    views: dict[str, None] = {}
    for node in tree.walk():
        _check_part(node, place)
        if type(node).__name__ == "Table":
            _rename(node, known, own, views, place)
        elif type(node).__name__ == "CTE":
            _alias(node, f"{_OWN}{node.alias.lower()}")
    stars = [n for n in tree.walk() if type(n).__name__ == "Star" and type(n.parent).__name__ != "Count"]
    named = frozenset(n.name.lower() for n in tree.walk() if type(n).__name__ == "Column")
    text = tree.sql(dialect="duckdb", identify=True, comments=False)
    return Checked(text, tuple(views), named, None if stars else named)


def _parsed(text: str, place: str) -> exp.Expr:
    import logging

    from sqlglot import ErrorLevel, exp, parse
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of statements that are refused here anyway
    try:
        trees = parse(text, dialect="duckdb", error_level=ErrorLevel.RAISE)
        found = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    except SqlglotError as error:
        said = str(error).splitlines()[0].split(". Line")[0]
        raise Refused("sql_refused", f"The SQL cannot be read: {said}.", place=place, fix=_SHAPE) from None
    except RecursionError:
        raise Refused("sql_refused", "The SQL is nested too deeply.", place=place, fix="Nest less deeply.") from None
    if len(found) != 1:
        said = "There is no statement." if not found else f"There are {len(found)} statements."
        raise Refused("sql_refused", said, place=place, fix=_SHAPE)
    inner = found[0]
    while isinstance(inner, exp.Subquery | exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.Select | exp.SetOperation):
        said = f"{type(found[0]).__name__.upper()} is no SELECT."
        raise Refused("sql_refused", said, place=place, fix=_SHAPE)
    return found[0]


def _check_part(node: exp.Expr, place: str) -> None:
    kind = type(node).__name__
    if kind == "With" and node.args.get("recursive"):
        said, fix = "WITH RECURSIVE may never end.", "Leave RECURSIVE out."
        raise Refused("sql_refused", said, place=place, fix=fix)
    if kind == "DataType" and node.this.name not in _TYPES:
        said = f"{node.sql(dialect='duckdb')} is no type to cast to here."
        raise Refused("sql_refused", said, place=place, fix=f"There is: {', '.join(sorted(_TYPES))}.")
    if kind in _PARTS or kind in _FUNCTIONS or (kind == "Anonymous" and node.name.upper() in _ANONYMOUS):
        return
    said = node.sql(dialect="duckdb", comments=False)
    said = said if len(said) <= 60 else f"{said[:57]}..."
    if kind in _CLOCKS or node.name.upper() in ("NOW", "TODAY"):
        fix = "Write as_of(), the moment of the question."
        raise Refused("sql_refused", f"`{said}` would make the count unrepeatable.", place=place, fix=fix)
    if kind == "RawString":
        said = f"{said} stands between dollar signs."
        raise Refused("sql_refused", said, place=place, fix="Write text between single quotes.")
    if type(node.parent).__name__ == "Table":
        raise Refused("sql_refused", "A table of a file or function cannot be read here.", place=place, fix=None)
    raise Refused("sql_refused", f"`{said}` is not on offer here.", place=place, fix="`docs/rules.md` says what is.")


def _rename(node: exp.Expr, known: Mapping[str, str], own: set[str], views: dict[str, None], place: str) -> None:
    """A table by the view's own spelling, under the name that was written.

    Tables made by WITH get names of their own: outside their reach, one that is called as a table of the engine is called would
    be that table.
    """
    from sqlglot import exp

    name = node.name
    plain = isinstance(node.this, exp.Identifier) and not node.args.get("db") and not node.args.get("catalog")
    fix = f"There is: {', '.join(list(known.values())[:8])}."
    if not plain:
        raise Refused("sql_refused", "A table of a file or function cannot be read here.", place=place, fix=fix)
    if name.lower() in own:
        view = f"{_OWN}{name.lower()}"
    elif name.lower() in known:
        view = known[name.lower()]
        views[view] = None
    else:
        fix = did_you_mean(name, known.values()) or fix
        raise Refused("sql_refused", f'There is no view "{name}".', place=place, fix=fix)
    if view != name:
        if not node.alias:
            _alias(node, name)
        node.set("this", exp.to_identifier(view))


def _alias(node: exp.Expr, name: str) -> None:
    from sqlglot import exp

    alias = node.args.get("alias") or exp.TableAlias()
    alias.set("this", exp.to_identifier(name))
    node.set("alias", alias)


@dataclass(frozen=True)
class Answer:
    """Whom a SELECT found.

    rows : row numbers (int64, rising, each once) of the entities whose keys it returned.
    unmatched : different keys that it returned and that are nobody's; examples : the first few of them.
    """

    rows: np.ndarray
    unmatched: int
    examples: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """The memory it takes, about."""
        return 256 + int(self.rows.nbytes)

    def table(self) -> pa.Table:
        """The row numbers as a table with the column `row`."""
        import pyarrow as pa

        return pa.table({"row": pa.array(self.rows, pa.int64())})


@dataclass(frozen=True)
class Job:
    """What the process of its own does.

    views : SQL by name, in the order in which they are made; `universe` (row, entity) among them.
    folder : the only one it may read.
    """

    select: str
    views: Mapping[str, str]
    folder: str
    as_of: str
    zone: str
    memory_mb: int


def run_select(
    select: str,
    views: Mapping[str, str],
    *,
    folder: Path,
    as_of: datetime,
    zone: ZoneInfo,
    settings: Settings,
    place: str = "sql",
) -> Answer:
    """The entities whose keys a checked SELECT returns.

    views : SQL of the views it reads, by name, and of `universe` with the columns `row` and `entity`.
    folder : where the files of the views lie.

    Raises Refused `sql_refused`: the engine cannot run it. Failed `sql_stopped`: it ran into its limits.
    """
    import numpy as np

    memory_mb, seconds = settings.number("sql_memory_mb"), settings.number("sql_seconds")
    job = Job(select, views, str(folder), quote_value(as_of), zone.key, memory_mb)
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH")}
    command = [sys.executable, "-P", "-m", __name__]
    try:
        done = subprocess.run(
            command, input=json.dumps(vars(job)).encode(), capture_output=True, timeout=seconds, env=kept, check=False
        )
    except subprocess.TimeoutExpired:
        fix = "Ask for less, or raise the setting `sql_seconds`."
        raise Failed("sql_stopped", f"The SQL ran for over {seconds} s.", place=place, fix=fix) from None
    head, _, body = done.stdout.partition(b"\n")
    if done.returncode == 0 and head.startswith(_FOUND):
        found = json.loads(head.removeprefix(_FOUND))
        return Answer(np.frombuffer(body, dtype=np.int64), found["unmatched"], tuple(found["examples"]))
    raise _told(head, done.returncode, memory_mb, place)


def _told(head: bytes, code: int, memory_mb: int, place: str) -> CoterieError:
    try:
        found = json.loads(head)
    except ValueError:  # ended by the system
        found = {"code": "out_of_memory", "message": f"ended with {code}"}
    if found["code"] == "out_of_memory":
        fix = "Ask for less, or raise the setting `sql_memory_mb`."
        return Failed("sql_stopped", f"The SQL needs more than {memory_mb} MiB of memory.", place=place, fix=fix)
    return Refused("sql_refused", found["message"], place=place, fix=found.get("fix") or _COLUMNS)


def check(vocabulary: CatalogVocabulary, text: str, *, place: str = "sql") -> Checked:
    """Check a SELECT against a workspace's views."""
    datasets = [d.name for d in vocabulary.datasets.values() if d.name.lower() not in (_TAGS, _UNIVERSE)]
    return checked_select(text, [_UNIVERSE, _TAGS, *datasets], place=place)


def check_columns(context: TagContext, standing: Standing, checked: Checked, *, place: str = "sql") -> None:
    """Let the engine find the columns and types of a checked SELECT, over views with no rows.

    Tags that were never built have no type yet: then all is found when it is run.
    Raises Refused `sql_refused`: an unknown column, a wrong type, not one column and none named entity.
    """
    from coterie.engines.duckdb import Engine, scan

    words, record = standing.vocabulary, standing.record
    built = {} if record is None else {f: dict(t.columns) for f, t in record.families.items()}
    if any(t.name not in built.get(t.family, {}) for t in _tags_read(words, checked)):
        return
    views = _views(
        words,
        checked,
        universe='SELECT NULL::BIGINT AS "row", NULL::VARCHAR AS entity WHERE false',
        families=lambda names: {n: scan(_no_rows(built[n])) for n in names},
        dataset=lambda dataset: scan(_no_rows(dict(context.lake.files(dataset.table).columns))),
    )
    with Engine.open(Settings({"threads": 1, "memory_limit_mb": _CHECK_MB}, {})) as engine:
        try:
            _open_views(engine, views, quote_value(now()), context.zone.key)
            _key_column(engine, checked.sql)
        except CoterieError as error:
            raise Refused(error.code, error.message, place=place, fix=error.fix) from None
        except Exception as error:  # the engine's own words: the names of columns and types are people's
            raise Refused("sql_refused", _engine_words(error), place=place, fix=_COLUMNS) from None


def answer(context: TagContext, view: View, checked: Checked, *, place: str = "sql") -> Answer:
    """The entities that a checked SELECT returns, at a view's as-of and data version."""
    from coterie.engines.duckdb import scan
    from coterie.tags.published import ensure
    from coterie.tags.vocabulary import CatalogVocabulary

    def families(names: list[str]) -> dict[str, str]:
        built = ensure(context, names, view.as_of, view.data_version, entity_kind=view.kind)
        return {name: scan(files) for name, files in built.items()}

    words = CatalogVocabulary(context.catalog, context.zone, view.kind)
    views = _views(
        words,
        checked,
        universe=view.universe_sql(),
        families=families,
        dataset=lambda dataset: view.dataset_sql(dataset.name),
    )
    folder, as_of = Path(context.lake.root), view.as_of
    return run_select(
        checked.sql, views, folder=folder, as_of=as_of, zone=context.zone, settings=context.settings, place=place
    )


def _views(
    words: CatalogVocabulary,
    checked: Checked,
    *,
    universe: str,
    families: Callable[[list[str]], Mapping[str, str]],
    dataset: Callable[[Dataset], str],
) -> dict[str, str]:
    """The views that a checked SELECT reads, in the order in which they are made, over SQL of relations of the lake."""
    views = {_UNIVERSE: universe}
    if _TAGS in checked.views:
        tags = _tags_read(words, checked)
        names = list(dict.fromkeys(t.family for t in tags))
        views |= {f"family:{name}": f"SELECT * FROM {relation}" for name, relation in families(names).items()}
        views[_TAGS] = tags_sql([t.name for t in tags], names)
    for name in checked.views:
        if name not in views:
            views[name] = dataset_sql(words.dataset(name), dataset(words.dataset(name)))
    return views


def _tags_read(words: CatalogVocabulary, checked: Checked) -> list[TagInfo]:
    if _TAGS not in checked.views:
        return []
    return [words.tag(n) for n in words.tag_names() if checked.columns is None or n.lower() in checked.columns]


def _no_rows(columns: Mapping[str, str]) -> TableFiles:
    return TableFiles("", (), tuple(columns.items()), 0, 0)


def tags_sql(names: Iterable[str], families: Iterable[str]) -> str:
    """The view `tags`: everyone in the universe with the tags asked for.

    >>> tags_sql(["age"], ["profile"])
    'SELECT u.entity, "age" FROM "universe" AS u LEFT JOIN "family:profile" USING ("row")'
    """
    columns = ", ".join(["u.entity", *map(quote_name, names)])
    joins = "".join(f' LEFT JOIN {quote_name(f"family:{family}")} USING ("row")' for family in families)
    return f'SELECT {columns} FROM "universe" AS u{joins}'


def dataset_sql(dataset: Dataset, rows: str) -> str:
    """The view of a dataset: its fields under their names, `entity`, and `moment` where its rows have a time.

    rows : SQL of the relation with the lake's columns.
    """
    columns = {"entity": "_entity"}
    if dataset.time is not None:
        columns["moment"] = "_at"
    if dataset.kind is DatasetKind.EDGES:
        columns |= {"target": "_target", "weight": "_weight"}
    taken = {name.lower() for name in columns}
    columns |= {f.name: f.column for f in dataset.fields if f.name.lower() not in taken}
    listed = ", ".join(f"{quote_name(column)} AS {quote_name(name)}" for name, column in columns.items())
    return f"SELECT {listed} FROM {rows}"


def _limit(memory_mb: int) -> None:
    """No file may be written, and the memory is bounded even where the engine's own limit does not count."""
    import resource

    space = (memory_mb + _OWN_SPACE_MB) * _MIB
    for kind, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, space)):
        resource.setrlimit(kind, (most, most))


def _answered(job: Job) -> bytes:
    from coterie.engines.duckdb import Engine

    # one thread: the order of rows, and so what LIMIT and sums of floating numbers give, is the same every time
    settings = Settings({"threads": 1, "memory_limit_mb": job.memory_mb}, {})
    with Engine.open(settings) as engine:
        engine.execute(f"SET allowed_directories = {quote_value([job.folder])}")
        _open_views(engine, job.views, job.as_of, job.zone)
        key = quote_name(_key_column(engine, job.select))
        found = quote_name(f"{_OWN}found")
        engine.execute(
            f"CREATE TEMP TABLE {found} AS SELECT DISTINCT CAST({key} AS VARCHAR) AS entity FROM ({job.select})"
        )
        rows = f'SELECT u."row"::BIGINT AS "row" FROM "universe" AS u SEMI JOIN {found} AS f USING (entity) ORDER BY 1'
        taken = _bytes_of(engine.arrow(rows)["row"])
        nobody = f'FROM {found} AS f ANTI JOIN "universe" AS u USING (entity) WHERE entity IS NOT NULL'
        told = {"unmatched": engine.value(f"SELECT count(*) {nobody}")}
        some = f"SELECT entity[:{_LONGEST_EXAMPLE}] {nobody} ORDER BY entity LIMIT {_EXAMPLES}"
        told["examples"] = [key for (key,) in engine.rows(some)]
        return _FOUND + json.dumps(told).encode() + b"\n" + taken


def _bytes_of(numbers: pa.ChunkedArray) -> bytes:
    """64-bit numbers without missing ones as bytes; `to_numpy` would load pandas, which takes .3 s."""
    parts = ((chunk.buffers()[1], chunk.offset * 8, len(chunk) * 8) for chunk in numbers.chunks if len(chunk))
    return b"".join(memoryview(buffer)[start : start + size] for buffer, start, size in parts)


def _open_views(engine: Engine, views: Mapping[str, str], as_of: str, zone: str) -> None:
    """Lock the engine up, and make the views and `as_of()`."""
    engine.execute(f"SET TimeZone = {quote_value(zone)}")
    engine.execute(f"CREATE MACRO as_of() AS {as_of}")
    for setting in ("enable_external_access = false", "lock_configuration = true"):
        engine.execute(f"SET {setting}")
    for name, sql in views.items():
        engine.execute(f"CREATE VIEW {quote_name(name)} AS {sql}")


def _key_column(engine: Engine, select: str) -> str:
    """The column of a SELECT that holds the keys."""
    names = [name for name, _ in engine.columns(select)]
    if "entity" in names or len(names) == 1:
        return "entity" if "entity" in names else names[0]
    said = f"It returns the columns {', '.join(names[:8])}."
    raise Refused("sql_refused", said, fix="Return one column, or one named entity.")


def _engine_words(error: Exception) -> str:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return said.split("Error: ")[-1]


def _main() -> None:
    job = Job(**json.loads(sys.stdin.buffer.read()))
    _limit(job.memory_mb)
    out: Any = sys.stdout.buffer
    try:
        out.write(_answered(job))
    except CoterieError as error:
        out.write(json.dumps({"code": error.code, "message": error.message, "fix": error.fix}).encode() + b"\n")
    except MemoryError:
        out.write(b'{"code": "out_of_memory"}\n')
    except Exception as error:  # the engine's own words, as above
        out.write(json.dumps({"code": "sql_refused", "message": _engine_words(error)}).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    _main()
