"""One tick: who leaves, who comes in, and everybody who is due goes on, step after step in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from coterie.campaigns.events import EVENTS
from coterie.campaigns.journeys import waiting
from coterie.campaigns.journeys.definition import (
    NO,
    YES,
    Condition,
    End,
    Entry,
    Happened,
    Happening,
    Journey,
    Send,
    Split,
    Step,
    Wait,
)
from coterie.campaigns.journeys.messages import own_name
from coterie.campaigns.journeys.state import GOAL, LEFT, Batch, Move, Person, State
from coterie.campaigns.quiet import not_before
from coterie.errors import CoterieError
from coterie.kit.moments import before
from coterie.rules.spans import after

if TYPE_CHECKING:
    from coterie.campaigns.journeys.asking import Asking

# Facts, moments in seconds: the last tick; the last look for events to come in by, and the data version seen then; the start.
LOOKED, ENTERED, SEEN, STARTED = "looked", "entered", "seen", "started"
_ROUNDS = 2  # messages of a step in one tick: one that a killed tick left, and the one that is due
Deliver: TypeAlias = Callable[[Journey, Step, Batch], "list[Move] | None"]


@dataclass
class Ticked:
    """What a tick did.

    entered : people who came in. moved : by step, who went on. left : by reason, who left. errors : by step, why it could
    not be done; who stands there waits.
    """

    journey: str
    at: str
    entered: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Tick:
    """Moves the people of one journey on to a moment; its caller holds the state.

    deliver : sends a batch and tells how it went for each; None where it is still on its way.
    """

    def __init__(
        self,
        journey: Journey,
        state: State,
        asking: Asking,
        deliver: Deliver,
        *,
        entering: bool = True,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """entering : whether people come in. wanted : whether to go on; asked before each step."""
        self.journey, self.state, self.asking, self._deliver = journey, state, asking, deliver
        self.at, self._entering, self._wanted = asking.at.timestamp(), entering, wanted
        self.done = Ticked(journey.name, asking.at.isoformat())
        self._zone = ZoneInfo(journey.zone)
        self._members: set[int] | None = None

    def run(self) -> Ticked:
        """Do it. A clock that was set back moves nobody."""
        if self.at < float(self.state.fact(LOOKED, "0")):
            return self.done
        self._guarded("exit", self._leave)
        if "exit" in self.done.errors:  # nobody is sent anything who might have reached the goal
            return self.done
        if self._entering:
            self._guarded("entry", lambda: self.let_in(*self.entrants()))
        self.go_on()
        return self.done

    def go_on(self) -> None:
        """Everybody who is due, step after step."""
        for step in self.journey.steps.values():
            if self._wanted():
                self._guarded(step.id, partial(self._go_on, step))
        self.state.note(**{LOOKED: repr(self.at)})

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        """What cannot be done now is told, and keeps nobody else."""
        try:
            work()
        except CoterieError as error:
            self.done.errors[name] = error.as_dict()

    def _leave(self) -> None:
        """Who is erased, stands at a step that is no more, reached a goal, or is out of the audience."""
        for name in self.state.steps():
            if name not in self.journey.steps:
                batch = self.state.batch(name)
                rows = [*(p.row for p in self.state.at(name)), *([] if batch is None else batch.rows)]
                self._out(rows, LEFT, "step removed")
        people = self.state.everyone()
        known = self.asking.keys(p.row for p in people) if people else {}
        self._out([p.row for p in people if p.row not in known], LEFT, "erased")
        for n, goal in enumerate(self.journey.exit.goals):
            people = self.state.everyone()
            reached = self.asking.happened(goal, [(p.row, p.entered, self.at) for p in people], f"exit.goal[{n}]")
            self._out(reached, GOAL, goal.events)
        if self.journey.exit.left:
            members = self._audience()
            self._out([p.row for p in self.state.everyone() if p.row not in members], LEFT, "audience")

    def _out(self, rows: Iterable[int], reason: str, detail: str) -> None:
        chosen = list(rows)
        if chosen:
            self.state.leave(chosen, reason, detail, self.at)
            self.done.left[reason] = self.done.left.get(reason, 0) + len(chosen)

    def _audience(self) -> set[int]:
        """The members of the entry's audience now."""
        if self._members is None:
            self._members = set(self.asking.members({"audience": str(self.journey.entry.audience)}))
        return self._members

    def let_in(self, rows: Sequence[int], facts: Mapping[str, str]) -> None:
        """Let people in at the first step, and note the look."""
        if rows or facts:
            first = self.journey.first
            self.state.enter(rows, first, self.at, self._due(first, rows), dict(facts))
        self.done.entered += len(rows)

    def entrants(self) -> tuple[list[int], dict[str, str]]:
        """Who would come in now, and what is noted of the look."""
        entry, facts = self.journey.entry, {}
        if entry.event is None:
            self.asking.refuse_expired(str(entry.audience))
            rows: Iterable[int] = self._audience()
        else:
            rows = self._newcomers(entry, entry.event)
            facts = {SEEN: str(self.asking.data_version), ENTERED: repr(self.at)}
        again = entry.again
        ended = None if again is None else before(self.asking.at, str(again), self._zone).timestamp()
        return self.state.eligible(rows, ended), facts

    def _newcomers(self, entry: Entry, event: Happening) -> list[int]:
        started = _moment(float(self.state.fact(STARTED, repr(self.at))))
        since = max(before(self.asking.at, str(entry.late), self._zone), started)
        looked = _moment(float(self.state.fact(ENTERED, "0")))
        return self.asking.newcomers(event, since, looked, int(self.state.fact(SEEN, "0")))

    def _go_on(self, step: Step) -> None:
        match step.does:
            case Send():
                self._send(step)
            case Happened() as does:
                self._look(step, does)
            case Wait():
                self._move(step, [Move(p.row, "next") for p in self._due_at(step)])
            case Condition() as does:
                self._judge(step, does)
            case Split() as does:
                self._split(step, does)
            case End():
                pass  # nobody stands there
            case _ as other:
                assert_never(other)

    def _due_at(self, step: Step) -> list[Person]:
        return self.state.at(step.id, due=self.at)

    def _look(self, step: Step, does: Happened) -> None:
        """Who did it goes on at once; who did not when the time is over."""
        people = self.state.at(step.id)
        over = {p.row for p in self._due_at(step)}
        ends = {s: after(_moment(s), does.within, self._zone).timestamp() for s in {p.since for p in people}}
        spans = [(p.row, p.since, min(self.at, ends[p.since])) for p in people]
        seen = self.asking.happened(does.event, spans, f"steps.{step.id}")
        moves = [Move(p.row, YES if p.row in seen else NO) for p in people if p.row in seen or p.row in over]
        self._move(step, moves)

    def _judge(self, step: Step, does: Condition) -> None:
        people = self._due_at(step)
        if not people:
            return
        if does.rule is not None:
            yes = set(self.asking.members(does.rule))
        else:
            fields = (("campaign", own_name(self.journey.name, str(does.of))), ("event", str(does.receipt)))
            where = {"all": [{"field": field, "op": "eq", "value": value} for field, value in fields]}
            spans = [(p.row, p.entered, self.at) for p in people]
            yes = set(self.asking.happened(Happening(EVENTS.name, where), spans, f"steps.{step.id}"))
        self._move(step, [Move(p.row, YES if p.row in yes else NO) for p in people])

    def _split(self, step: Step, does: Split) -> None:
        """Shares by a hash of the key, so that the same customer takes the same branch whenever it is."""
        import numpy as np

        from coterie.experiments.assignment import draws

        people = self._due_at(step)
        keys = self.asking.keys(p.row for p in people) if people else {}
        rows, names = sorted(keys), list(does.shares)
        place = draws(f"journey|{self.journey.name}|{step.id}", [keys[row].encode() for row in rows])[:, 0]
        codes = np.searchsorted(np.cumsum(list(does.shares.values()))[:-1], place, side="right").tolist()
        self._move(step, [Move(r, names[c], f"{does.shares[names[c]]:g}") for r, c in zip(rows, codes, strict=True)])

    def _send(self, step: Step) -> None:
        for _ in range(_ROUNDS):
            batch = self.state.batch(step.id)
            if batch is None:
                rows = self._awake(self._due_at(step))
                if not rows:
                    return
                batch = self.state.claim(step.id, rows, self.at)
            moves = self._deliver(self.journey, step, batch)
            if moves is None:
                return
            self._move(step, moves, batch)

    def _awake(self, people: Sequence[Person]) -> list[int]:
        """Who may be sent something now; those in quiet hours stay until they are over."""
        quiet = self.journey.quiet
        if quiet is None or not people:
            return [p.row for p in people]
        zones = self._zones(p.row for p in people)
        ends = {zone: not_before(quiet, zone.key, self.asking.at) for zone in set(zones.values())}
        until = {row: end.timestamp() for row, zone in zones.items() if (end := ends[zone]) is not None}
        if until:
            self.state.hold(until)
        return [p.row for p in people if p.row not in until]

    def _move(self, step: Step, moves: Sequence[Move], batch: Batch | None = None) -> None:
        """Let people go on: one commit for each step that they go to."""
        groups: dict[str, list[Move]] = {}
        for move in moves:
            groups.setdefault(step.to(move.outcome), []).append(move)
        for to, group in groups.items():
            due = self._due(to, [m.row for m in group])
            made = [m._replace(due=due[m.row]) for m in group]
            ends = isinstance(self.journey.steps[to].does, End)
            self.state.move(step.id, to, made, self.at, ends=ends, batch=None if batch is None else batch.number)
        if moves:
            self.done.moved[step.id] = self.done.moved.get(step.id, 0) + len(moves)

    def _due(self, to: str, rows: Sequence[int]) -> dict[int, float]:
        """Until when people wait at a step that they come to now."""
        does, at = self.journey.steps[to].does, self.asking.at
        if isinstance(does, Happened):
            return dict.fromkeys(rows, after(at, does.within, self._zone).timestamp())
        if not isinstance(does, Wait):
            return dict.fromkeys(rows, 0.0)
        zones = self._zones(rows)
        until = {zone: waiting.due(does, at, zone).timestamp() for zone in set(zones.values())}
        return {row: until[zone] for row, zone in zones.items()}

    def _zones(self, rows: Iterable[int]) -> dict[int, ZoneInfo]:
        """The zone of each: their own, where the journey names a tag for it, else the journey's."""
        wanted = list(rows)
        tag = self.journey.zone_of
        own: Mapping[int, ZoneInfo] = self.asking.zones(wanted, tag) if tag is not None and wanted else {}
        return {row: own.get(row, self._zone) for row in wanted}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
