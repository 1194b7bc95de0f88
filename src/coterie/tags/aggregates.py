"""Aggregates as SQL: the columns of state they need, one scan for all of a dataset, and their values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from coterie.catalog.schemas import Aggregate, Condition, Dataset, TagDefinition, ValueType
from coterie.engines.sql import quote_value
from coterie.errors import NotFound, Refused
from coterie.kit.moments import before
from coterie.rules.expressions import Resolved, parse_expression
from coterie.rules.fields import find_field, joins_sql
from coterie.rules.spans import read_span
from coterie.rules.vocabulary import Vocabulary
from coterie.rules.where import where_sql
from coterie.tags.measures import MEASURES, Clock, How, Input, Need, both
from coterie.tags.sources import Span

ALIAS = "e"
AT = f'{ALIAS}."_at"'
_SOME_CLOCK = Clock(datetime(2024, 6, 30, tzinfo=UTC), ZoneInfo("UTC"))  # to compare spans of different units
_EXACT_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Window(NamedTuple):
    """Which rows count, relative to the as-of: all up to it, or those of (as-of - start, as-of - end]."""

    start: str | None = None
    end: str | None = None

    def span(self, clock: Clock) -> Span:
        """The moments it covers."""
        start = None if self.start is None else before(clock.as_of, self.start, clock.zone)
        end = clock.as_of if self.end is None else before(clock.as_of, self.end, clock.zone)
        return Span(start, end)

    def sql(self, clock: Clock, at: str) -> str | None:
        """The condition on rows that are already known to be not after the as-of."""
        if self.start is None:
            return None
        return self.span(clock).sql(at)


class Source(NamedTuple):
    """Rows that are aggregated in one scan; `end` is which end of an edge is the entity."""

    dataset: str
    end: str = "entity"

    @property
    def key(self) -> str:
        """The name in records."""
        return self.dataset if self.end == "entity" else f"{self.dataset}:{self.end}"


@dataclass(frozen=True)
class StateColumn:
    """One column of a state; its name is a digest of all that determines its values but data version and as-of.

    text : the argument is text.
    """

    name: str
    how: How
    argument: str | None
    condition: str | None
    window: Window
    context: tuple[str, ...] = ()
    text: bool = False


@dataclass(frozen=True)
class CompiledAggregate:
    """An aggregate tag: the columns it needs by role, the lookups it joins, its value as SQL from those columns."""

    tag: TagDefinition
    source: Source
    columns: Mapping[str, StateColumn]
    lookups: tuple[str, ...]
    given: Input
    clock: Clock

    def value_sql(self, alias: str) -> str:
        """The tag's value, where `alias` is the state's."""
        assert isinstance(self.tag.spec, Aggregate)
        roles = {role: f"{alias}.{c.name}" for role, c in self.columns.items()}
        return MEASURES[self.tag.spec.measure].value(roles, self.given, self.clock)

    @property
    def moves(self) -> bool:
        """Whether the value changes with the as-of alone."""
        assert isinstance(self.tag.spec, Aggregate)
        return MEASURES[self.tag.spec.measure].moves


def compile_aggregate(
    tag: TagDefinition, vocabulary: Vocabulary, clock: Clock, fingerprint: str, *, place: str = "tag"
) -> CompiledAggregate:
    """An aggregate as SQL at one as-of.

    fingerprint : stands for the dataset's definition and for what its lookups hold.
    Raises Refused: a field does not exist, types do not fit, a span cannot be read.
    """
    spec = tag.spec
    assert isinstance(spec, Aggregate)
    compiler = _Compiler(vocabulary.dataset(spec.dataset), vocabulary, clock)
    given = compiler.input(spec, place)
    window = read_window(spec, place)
    columns = {
        need.role: _column(need, window, (fingerprint, clock.zone.key), given.type)
        for need in MEASURES[spec.measure].needs(given, clock)
    }
    lookups = tuple(sorted(compiler.lookups))
    return CompiledAggregate(tag, Source(spec.dataset, spec.end), columns, lookups, given, clock)


def aggregate_type(spec: Aggregate, vocabulary: Vocabulary, clock: Clock, *, place: str = "tag") -> ValueType:
    """The type of an aggregate's values. Raises Refused where it cannot be computed so."""
    given = _Compiler(vocabulary.dataset(spec.dataset), vocabulary, clock).input(spec, place)
    return MEASURES[spec.measure].gives(given.type)


def read_window(spec: Aggregate, place: str) -> Window:
    """The window of an aggregate."""
    if spec.within is not None and spec.between is not None:
        raise Refused(
            "bad_definition", "Both `within` and `between` stand there.", place=place, fix="Keep one of them."
        )
    if spec.within is not None:
        return Window(str(read_span(spec.within, f"{place}.within")))
    if spec.between is None:
        return Window()
    start, end = (str(read_span(s, f"{place}.between")) for s in spec.between)
    covered = Window(start, end).span(_SOME_CLOCK)
    if covered.start is None or covered.end is None or covered.start >= covered.end:
        fix = f'Write the longer span first: ["{end}", "{start}"].'
        raise Refused(
            "bad_definition", f"Nothing lies between {start} and {end} ago.", place=f"{place}.between", fix=fix
        )
    return Window(start, end)


class Fold(NamedTuple):
    """One result of a scan: the column folded over the rows that satisfy `kept` (None: all), under a name of its
    own.

    lane : instead, the numbers of rows of some of the column's few texts, packed into one sum.
    """

    column: StateColumn
    name: str
    kept: str | None
    lane: int | None = None


def full_fold(column: StateColumn, clock: Clock) -> Fold:
    """The column over all rows of its window."""
    return Fold(column, column.name, both(column.condition, column.window.sql(clock, AT)))


# Few texts, by the expression that gives them, in the order of their hashes: their places stand for them within a scan.
Codes: TypeAlias = Mapping[str, Sequence[str]]
MAX_CODES = 32
# Numbers of rows of a text are below 2^31, so that four of them fit into one HUGEINT, and one sum counts four texts.
LANE_BITS, LANES = 31, 4


def code_sql(value: str, texts: Sequence[str]) -> str:
    """The place of a text, from 0; missing where it is missing.

    >>> code_sql("x", ["a", "b"])
    "CASE x WHEN 'a' THEN 0 WHEN 'b' THEN 1 END"
    """
    return f"CASE {value} {' '.join(f'WHEN {quote_value(t)} THEN {i}' for i, t in enumerate(texts))} END"


def scan_sql(folds: Sequence[Fold], source: str, joins: str = "", codes: Codes = MappingProxyType({})) -> str:
    """One scan of `source` that gives all results, a row an entity (`_entity`); an expression is computed once a
    row."""
    inner, coded = _Inner("x"), _Inner("k")
    outer = [f"{_folded(fold, inner, coded, codes)} AS {fold.name}" for fold in folds]
    rows = f"SELECT {ALIAS}._entity{inner.sql()} FROM {source} AS {ALIAS}{joins}"
    if coded:
        rows = f"SELECT *{coded.sql()} FROM ({rows})"
    return f"SELECT {', '.join(['_entity', *outer])} FROM ({rows}) WHERE _entity IS NOT NULL GROUP BY _entity"


@dataclass(frozen=True)
class PairGroup:
    """Columns made of the same values of the same rows, each value with its number of rows."""

    columns: tuple[StateColumn, ...]

    @property
    def name(self) -> str:
        """A digest of what the pairs are."""
        first = self.columns[0]
        text = repr((first.argument, first.condition, first.window, self.hashed, first.context))
        return f"p_{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def hashed(self) -> bool:
        """Whether only the number of different values is asked, so that hashes will do.

        Two values of one entity have the same 64-bit hash with a chance under 1 in 10^13 at a thousand values.
        """
        return all(c.how is How.DISTINCT for c in self.columns)

    @property
    def value(self) -> str:
        """What is kept of a value."""
        argument = self.columns[0].argument
        return f"hash({argument})" if self.hashed else str(argument)

    def scan_sql(self, source: str, kept: str | None, joins: str = "", *, number: str = "count(*)") -> str:
        """One scan that gives `_entity`, `value` and `n` for the rows that satisfy `kept` and the columns'
        condition."""
        first = self.columns[0]
        where = both(kept, first.condition, f"{first.argument} IS NOT NULL", f"{ALIAS}._entity IS NOT NULL")
        return (
            f"SELECT {ALIAS}._entity, {self.value} AS value, ({number})::BIGINT AS n"
            f" FROM {source} AS {ALIAS}{joins} WHERE {where} GROUP BY ALL"
        )

    def counts(self, texts: Sequence[str], kept: str | None) -> list[Fold]:
        """Where the values are few texts: the number of rows of each, as results of a scan with other columns."""
        first = self.columns[0]
        lanes = range(-(-len(texts) // LANES))
        return [Fold(first, f"{self.name}_{lane}", both(kept, first.condition), lane) for lane in lanes]

    def unpacked_sql(self, table: str, texts: Sequence[str]) -> str:
        """`row` and the number of rows of each text (`n0`, `n1`, ...), from the table of a scan with those counts."""
        counts = []
        for place in range(len(texts)):
            packed, shift = f"coalesce({self.name}_{place // LANES}, 0)", LANE_BITS * (place % LANES)
            counts.append(f"(({packed} >> {shift}) & {2**LANE_BITS - 1})::BIGINT AS n{place}")
        return f"SELECT row, {', '.join(counts)} FROM {table}"

    def unpivoted_sql(self, table: str, texts: Sequence[str]) -> str:
        """The pairs, from the table of a scan with those counts."""
        values = [f"hash({quote_value(t)})" if self.hashed else quote_value(t) for t in texts]
        counts = [f"n{place}" for place in range(len(texts))]
        both_lists = f"unnest([{', '.join(values)}]) AS value, unnest([{', '.join(counts)}]) AS n"
        return (
            f"SELECT row, value, n FROM (SELECT row, {both_lists} FROM ({self.unpacked_sql(table, texts)})) WHERE n > 0"
        )

    def counted_sql(self, table: str, texts: Sequence[str]) -> str:
        """The columns, from the table of a scan with those counts; what `folded_sql` gives of the pairs."""
        places = range(len(texts))
        least_first = sorted(places, key=lambda place: texts[place])
        arms = " ".join(f"WHEN most = n{place} THEN {quote_value(texts[place])}" for place in least_first)
        made = {
            How.DISTINCT: " + ".join(f"(n{place} > 0)::BIGINT" for place in places),
            How.MODE: f"CASE {arms} END",
        }
        columns = ", ".join(f"{made[c.how]} AS {c.name}" for c in self.columns)
        most = f"greatest({', '.join(f'n{place}' for place in places)})"
        return f"SELECT row, {columns} FROM (SELECT *, {most} AS most FROM ({self.unpacked_sql(table, texts)})) WHERE most > 0"

    def folded_sql(self, pairs: str) -> str:
        """The columns, a row each `row` of `pairs`. Of values equally frequent the least is taken."""
        made = {How.DISTINCT: "count(*)::BIGINT", How.MODE: "min({'n': -n, 'value': value}).value"}
        columns = ", ".join(f"{made[c.how]} AS {c.name}" for c in self.columns)
        return f"SELECT row, {columns} FROM {pairs} WHERE n > 0 GROUP BY row"


def pair_groups(columns: Iterable[StateColumn]) -> list[PairGroup]:
    """The columns of pairs, those of the same values together."""
    groups: dict[object, list[StateColumn]] = {}
    for column in columns:
        if column.how.pairs:
            groups.setdefault((column.argument, column.condition, column.window), []).append(column)
    return [PairGroup(tuple(g)) for g in groups.values()]


def joins_of(compiled: Iterable[CompiledAggregate], vocabulary: Vocabulary) -> str:
    """The joins that all these aggregates of one dataset need."""
    found = list(compiled)
    if not found:
        return ""
    lookups = {lookup for c in found for lookup in c.lookups}
    return joins_sql(vocabulary.dataset(found[0].source.dataset), lookups, vocabulary, ALIAS)


class _Inner:
    """Expressions computed once a row, however many aggregates use them; their names begin with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def name(self, sql: str) -> str:
        return self._names.setdefault(sql, f"{self._prefix}{len(self._names)}")

    def sql(self) -> str:
        return "".join(f", {sql} AS {name}" for sql, name in self._names.items())


_FUNCTIONS = {How.COUNT: "count", How.ADD: "sum", How.LEAST: "min", How.MOST: "max"}
_TIMED = {How.FIRST: "min", How.LAST: "max"}
_TWO_TO_64 = "18446744073709551616::HUGEINT"


def _folded(fold: Fold, inner: _Inner, coded: _Inner, codes: Codes) -> str:
    """One result, of the rows' expressions `inner` and of those that are made of their codes, `coded`."""
    argument, how = fold.column.argument, fold.column.how
    kept = "" if fold.kept is None else f" FILTER (WHERE {inner.name(fold.kept)})"
    if fold.lane is not None:
        assert argument is not None, "numbers of rows are of something"
        code = inner.name(code_sql(argument, codes[argument]))
        return f"sum({coded.name(_lane_sql(code, fold.lane, len(codes[argument])))}){kept}"
    if how in _TIMED:
        assert argument is not None, "first and last are of something"
        if argument in codes:
            moment, code = inner.name(f"epoch_us({AT})"), inner.name(code_sql(argument, codes[argument]))
            return _coded(f"{_TIMED[how]}({coded.name(f'{moment} * {MAX_CODES} + {code}')}){kept}", codes[argument])
        known = inner.name(str(both(fold.kept, f"{argument} IS NOT NULL")))
        return _timed(_TIMED[how], argument, f" FILTER (WHERE {known})", inner)
    return f"{_FUNCTIONS[how]}({'*' if argument is None else inner.name(argument)}){kept}"


def _timed(extreme: str, value: str, kept: str, inner: _Inner) -> str:
    """The moment and value of the first or last row. Rows of one moment, such as the lines of an order, are told apart by
    the hashes of their values, so that the answer does not depend on which is read first; ordering by the values
    themselves takes twice as long."""
    at = inner.name(AT)
    key = inner.name(f"epoch_us({AT})::HUGEINT * {_TWO_TO_64} + hash({value})")
    moment, found = f"{extreme}({at}){kept}", f"arg_{extreme}({inner.name(value)}, {key}){kept}"
    return f"CASE WHEN {moment} IS NOT NULL THEN {{'at': {moment}, 'hash': hash({found}), 'value': {found}}} END"


def _coded(found: str, texts: Sequence[str]) -> str:
    """The same for few texts: moment and place are one number, whose extreme `found` costs an eighth."""
    place = f"{found} & {MAX_CODES - 1}"
    text = f"CASE {place} {' '.join(f'WHEN {i} THEN {quote_value(t)}' for i, t in enumerate(texts))} END"
    moment = f"make_timestamptz({found} >> {MAX_CODES.bit_length() - 1})"
    return f"CASE WHEN {found} IS NOT NULL THEN {{'at': {moment}, 'hash': hash({text}), 'value': {text}}} END"


def _lane_sql(code: str, lane: int, codes: int) -> str:
    """What a row adds to the sum that counts the texts of a lane.

    >>> _lane_sql("x", 1, 6)
    'CASE x WHEN 4 THEN 1::HUGEINT WHEN 5 THEN 2147483648::HUGEINT END'
    """
    places = range(lane * LANES, min(codes, (lane + 1) * LANES))
    return f"CASE {code} {' '.join(f'WHEN {p} THEN {2 ** (LANE_BITS * (p % LANES))}::HUGEINT' for p in places)} END"


def _column(need: Need, window: Window, context: tuple[str, str], kind: ValueType | None) -> StateColumn:
    parts = repr((need.how, need.argument, need.condition, window, context))
    name = f"c_{hashlib.sha256(parts.encode()).hexdigest()[:16]}"
    is_text = kind is ValueType.TEXT
    return StateColumn(name, need.how, need.argument, need.condition, window, context, is_text)


class _Compiler:
    """Turns the expressions and conditions of one dataset's aggregates into SQL, and notes the lookups they need."""

    def __init__(self, dataset: Dataset, vocabulary: Vocabulary, clock: Clock) -> None:
        self.dataset, self.vocabulary, self.clock = dataset, vocabulary, clock
        self.lookups: set[str] = set()

    def input(self, spec: Aggregate, place: str) -> Input:
        """What a measure is taken of, as SQL, with its type and decimals. Raises Refused: the measure does not take it."""
        rule = MEASURES[spec.measure]
        value = kind = None
        if spec.of is not None:
            if not rule.takes:
                fix = "Say with `where` which rows count, and with `among` of which rows."
                raise Refused("bad_definition", f"`{spec.measure}` takes no `of`.", place=f"{place}.of", fix=fix)
            value, kind = self.expression(spec.of, f"{place}.of")
            if kind not in rule.takes:
                takes = ", ".join(sorted(rule.takes))
                said = f"`{spec.measure}` does not take values of type {kind}."
                raise Refused("bad_definition", said, place=f"{place}.of", fix=f"It takes: {takes}.")
        elif rule.takes and not rule.optional:
            fix = "Name a field, or write an expression such as Quantity * Price."
            raise Refused("bad_definition", f"`{spec.measure}` needs `of`.", place=place, fix=fix)
        self.check(spec, place)
        return Input(
            at=AT,
            value=value,
            type=kind,
            where=self.condition(spec.where, f"{place}.where"),
            among=self.condition(spec.among, f"{place}.among"),
            half_life_us=_half_life(spec, place),
        )

    def check(self, spec: Aggregate, place: str) -> None:
        if spec.measure.value == "share" and spec.where is None:
            raise Refused("bad_definition", "`share` needs `where`.", place=place, fix="Say which rows count.")
        if spec.among is not None and spec.measure.value != "share":
            fix = "Put the condition under `where`."
            raise Refused("bad_definition", "`among` belongs to `share` alone.", place=f"{place}.among", fix=fix)
        if spec.end != "entity" and self.dataset.kind.value != "edges":
            said = f'"{self.dataset.name}" holds no edges.'
            raise Refused("bad_definition", said, place=f"{place}.end", fix="Leave `end` out.")

    def expression(self, text: str, place: str) -> tuple[str, ValueType]:
        return parse_expression(text, place=place).sql(self.resolve, zone=self.clock.zone.key)

    def resolve(self, name: str) -> Resolved:
        try:
            found = find_field(self.dataset, name, self.vocabulary, "of")
        except Refused as error:
            # Expressions take only NotFound for an unknown name, and add their own place.
            raise NotFound(error.code, error.message, fix=error.fix) from None
        if found.lookup is not None:
            self.lookups.add(found.lookup)
        sql = found.sql(ALIAS)
        return (sql, found.type, found.scale) if found.type is ValueType.DECIMAL else (sql, found.type)

    def condition(self, given: Condition | None, place: str) -> str | None:
        """Which rows count, as SQL; None for all. Raises Refused: the condition has a mistake."""
        if given is None:
            return None
        if not isinstance(given, str):
            sql, lookups = where_sql(
                given, self.dataset, self.vocabulary, ALIAS, place, as_of=self.clock.as_of, tz=self.clock.zone
            )
            self.lookups |= set(lookups)
            return sql
        sql, kind = self.expression(given, place)
        if kind is not ValueType.BOOLEAN:
            fix = "Compare it: amount > 0."
            raise Refused("bad_definition", f"A condition is true or false, and this is {kind}.", place=place, fix=fix)
        return sql


def _half_life(spec: Aggregate, place: str) -> int | None:
    if spec.measure.value != "decayed_sum":
        if spec.half_life is not None:
            fix = "Leave it out, or use the measure decayed_sum."
            raise Refused(
                "bad_definition", "`half_life` belongs to `decayed_sum`.", place=f"{place}.half_life", fix=fix
            )
        return None
    if spec.half_life is None:
        raise Refused("bad_definition", "`half_life` is missing.", place=place, fix='Write one, such as "30d".')
    span = read_span(spec.half_life, f"{place}.half_life")
    if span.unit not in _EXACT_UNITS:
        fix = f'Write it in days: "{span.count * (30 if span.unit == "m" else 365)}d".'
        raise Refused("bad_definition", "A half-life has an exact length.", place=f"{place}.half_life", fix=fix)
    return span.count * _EXACT_UNITS[span.unit] // timedelta(microseconds=1)
