"""The difference of two snapshots of an audience, every person put down to the rule or to the data.

First the data changed, then the rule: between the two snapshots stands the older rule, asked at the newer as-of and
data version. Who came or went up to there did so because of the data (events, values, time passing), who came or went
from there on because of the rule. The parts add up to the whole by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from coterie.audiences.resolve import AUDIENCE, BLOCK, names_in
from coterie.audiences.service import Question, read_as
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_value
from coterie.errors import NotFound
from coterie.kit.moments import parse_moment
from coterie.rules.sentences import sentence

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pyroaring import BitMap

    from coterie.audiences.snapshots import Snapshot, Snapshots
    from coterie.index.service import Index

SAMPLE = 5


@dataclass(frozen=True)
class Causes:
    """Numbers of people by cause."""

    rule: int
    data: int


@dataclass(frozen=True)
class Samples:
    """Keys of some people by cause, in key order of row numbers; erased people have none."""

    rule: tuple[str, ...]
    data: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """What happened between two snapshots.

    before, after : ids of the snapshots; count_before, count_after : their sizes.
    entered, left : people by cause; count_before + entered - left = count_after.
    undone : people in both or in neither whom the data moved one way and the rule back.
    rule_changed : whether the two were made by different rules; rule_before, rule_after : these in words.
    reproduced : whether the newer rule, asked again, gives the newer snapshot; if not, tags, lists, audiences or
        blocks were redefined since, and the causes are told by what they are now. None where the rule is the same: all is data.
    samples_entered, samples_left : keys of some.
    """

    audience: str
    before: str
    after: str
    count_before: int
    count_after: int
    entered: Causes
    left: Causes
    undone: int
    rule_changed: bool
    rule_before: str
    rule_after: str
    reproduced: bool | None
    samples_entered: Samples
    samples_left: Samples

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def diff(index: Index, snapshots: Snapshots, name: str, before: str, after: str, *, language: str = "en") -> Diff:
    """The difference of two snapshots of an audience, by id (`NAME@2`) or number.

    Raises NotFound: no such snapshot. Refused: the older rule reads what does not exist any more.
    """
    older, newer = snapshots.get(name, before), snapshots.get(name, after)
    was, now = snapshots.members(older), snapshots.members(newer)
    history = History(index, snapshots)
    changed = history.whole(older) != history.whole(newer)
    between = history.members(older, at=newer) if changed else now
    came, went = now - was, was - now
    entered = {"data": came & between, "rule": came - between}
    left = {"data": went - between, "rule": went & between}
    vocabulary = index.standings.of(newer.entity_kind).vocabulary
    words = [sentence(read_as(s.rule, s.entity_kind), language, vocabulary) for s in (older, newer)]
    return Diff(
        audience=name,
        before=older.id,
        after=newer.id,
        count_before=len(was),
        count_after=len(now),
        entered=Causes(**{cause: len(rows) for cause, rows in entered.items()}),
        left=Causes(**{cause: len(rows) for cause, rows in left.items()}),
        undone=len(between - (was | now)) + len((was & now) - between),
        rule_changed=changed,
        rule_before=words[0],
        rule_after=words[1],
        reproduced=history.members(newer, at=newer) == now if changed else None,
        samples_entered=Samples(**{cause: history.keys(rows, newer.entity_kind) for cause, rows in entered.items()}),
        samples_left=Samples(**{cause: history.keys(rows, newer.entity_kind) for cause, rows in left.items()}),
    )


@dataclass(frozen=True)
class History:
    """Rules as they were when a snapshot was made, with those of the audiences and blocks that they name."""

    index: Index
    snapshots: Snapshots

    def whole(self, snapshot: Snapshot) -> Any:
        """The rule with every audience and block that it names written out as it was then."""
        return self._written(snapshot.rule, snapshot.created_at, always=True)

    def members(self, snapshot: Snapshot, at: Snapshot) -> BitMap:
        """Whom a snapshot's rule gives at another one's as-of and data version."""
        rule = read_as(self._written(snapshot.rule, snapshot.created_at, always=False), snapshot.entity_kind)
        as_of = datetime.fromisoformat(at.as_of)
        return Question(self.index, self.snapshots, rule, as_of, at.data_version).members()

    def keys(self, rows: BitMap, kind: str) -> tuple[str, ...]:
        """Keys of the first few rows."""
        some = list(rows[:SAMPLE])
        if not some:
            return ()
        files = self.index.context.lake.files("entities")
        where = f"kind = {quote_value(kind)} AND row IN ({', '.join(map(str, some))})"
        with self.index.engine() as engine:
            found = engine.rows(f"SELECT DISTINCT row, key FROM {scan(files)} WHERE {where} ORDER BY row")
        return tuple(key for _, key in found)

    def _written(self, rule: Any, moment: str, *, always: bool) -> Any:
        """A rule with audiences and blocks written out: all, or those alone that were changed since the moment."""
        if (named := _named(rule)) is not None:
            then = self._then(*named, moment)
            if then is None or not (always or self._moved(*named, then, moment)):
                return rule
            return self._written(then, moment, always=always)
        match rule:
            case Mapping():
                return {key: self._written(part, moment, always=always) for key, part in rule.items()}
            case list() | tuple():
                return [self._written(part, moment, always=always) for part in rule]
            case _:
                return rule

    def _then(self, kind: str, name: str, moment: str) -> Any:
        """The tree of an audience's or block's rule at a moment, None where it was not there."""
        at = datetime.fromisoformat(moment)
        found = [d for d in self.index.context.store.history(kind, name) if d.created_at <= at]
        return _tree(found[-1].body["rule"]) if found else None

    def _moved(self, kind: str, name: str, then: Any, moment: str) -> bool:
        """Whether an audience or a block, or one that it names, is another now than it was."""
        found = self.index.context.store.find(kind, name)
        if found is None or _tree(found.body["rule"]) != then:
            return True
        inner = [(k, n, self._then(k, n, moment)) for k in (AUDIENCE, BLOCK) for n in names_in(then, k)]
        return any(rule is not None and self._moved(k, n, rule, moment) for k, n, rule in inner)


def _named(rule: Any) -> tuple[str, str] | None:
    """The kind and name of the live audience or the block that a condition names."""
    match rule:
        case {"audience": str(name), **rest} if "snapshot" not in rest:
            return AUDIENCE, name
        case {"block": str(name)}:
            return BLOCK, name
        case _:
            return None


def _tree(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in rule.items() if k not in ("version", "entity", "$schema")}


def snapshot_on(snapshots: Snapshots, name: str, on: str, zone: ZoneInfo) -> Snapshot:
    """The newest snapshot of an audience that is not after a day or moment; a bare date is its whole day.

    Raises NotFound: the first snapshot is later. Refused: this is no moment.
    """
    moment = parse_moment(on, zone, place="--on")
    try:
        day = date.fromisoformat(on.strip())
        moment = parse_moment((day + timedelta(days=1)).isoformat(), zone) - timedelta(microseconds=1)
    except (ValueError, OverflowError):  # with a time of day
        pass
    known = snapshots.of(name)
    found = [s for s in known if datetime.fromisoformat(s.as_of) <= moment]
    if not found:
        fix = f"The first is of {known[0].as_of}." if known else f"Make one: coterie audience refresh {name}."
        raise NotFound("unknown_name", f'"{name}" has no snapshot up to {on}.', place="--on", fix=fix)
    return max(found, key=lambda s: (datetime.fromisoformat(s.as_of), s.number))
