"""Where everybody is: of each step, entered = waiting + passed + exited(goal | left | stopped), at any moment.

Each number is counted from its own moves, or, of those who wait, from their own rows; none is what is left of the
others. So a move that is lost shows as a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from coterie.campaigns.journeys import moves
from coterie.campaigns.journeys.definition import Journey
from coterie.campaigns.journeys.state import ENTRY, EXITED, GOAL, LEFT, PASSED, REACHED, STOPPED, State
from coterie.errors import Failed
from coterie.kit.moments import show_moment

if TYPE_CHECKING:
    from coterie.tags.context import TagContext

_READS = 5  # tries to read lake and state with no publish in between
REASONS = (GOAL, LEFT, STOPPED)


def count(context: TagContext, journey: Journey, state: State) -> dict[str, Any]:
    """The funnel: a row for each step, and the journey as a whole.

    `ways` of a step : by what was decided, how many passed. `difference` : entered less waiting, passed and exited; 0.
    Raises Failed(`locked`): others publish all the time.
    """
    for _ in range(_READS):
        last = moves.last_flushed(context, journey.name, state)
        standing, logged = state.standing(last)
        found = moves.tally(context, journey.name)
        if moves.last_flushed(context, journey.name, state) == last:
            return _made(journey, standing, [*found, *logged])
    raise Failed("locked", "Moves come faster than they can be counted.", place=journey.name, fix="Ask again.")


def _made(
    journey: Journey, standing: Mapping[str, int], counted: Iterable[tuple[str, str, str | None, int]]
) -> dict[str, Any]:
    rows = list(counted)
    gone = {step for step, *_ in rows} - set(journey.steps)  # of earlier versions
    steps = [_step(journey, name, standing, rows) for name in (*journey.steps, *sorted(gone))]
    finished = sum(row["passed"] for row in steps if row["kind"] == "end")
    return {
        "journey": journey.name,
        "entered": sum(n for _, event, reason, n in rows if event == REACHED and reason == ENTRY),
        "inside": sum(standing.values()),
        "finished": finished,
        "exits": {reason: sum(row["exits"][reason] for row in steps) for reason in REASONS},
        "steps": steps,
        "difference": sum(abs(row["difference"]) for row in steps),
    }


def _step(
    journey: Journey, name: str, standing: Mapping[str, int], counted: Iterable[tuple[str, str, str | None, int]]
) -> dict[str, Any]:
    own = [(event, reason, n) for step, event, reason, n in counted if step == name]
    entered, passed = (sum(n for event, _, n in own if event == kind) for kind in (REACHED, PASSED))
    exits = {r: sum(n for event, reason, n in own if (event, reason) == (EXITED, r)) for r in REASONS}
    waiting, exited = standing.get(name, 0), sum(exits.values())
    step = journey.steps.get(name)
    ways: dict[str, int] = {}
    for event, reason, n in own:
        if event == PASSED and reason is not None:
            ways[reason] = ways.get(reason, 0) + n
    return {
        "step": name,
        "kind": "removed" if step is None else step.does.kind,
        "label": name if step is None else step.label or name,
        "to": {} if step is None else dict(step.branches),
        "entered": entered,
        "waiting": waiting,
        "passed": passed,
        "exited": exited,
        "exits": exits,
        "ways": ways,
        "difference": entered - waiting - passed - exited,
    }


def imagined(journey: Journey, state: State, entrants: int) -> dict[str, Any]:
    """What a dry run tells: `moments`, when how many reach each step, `messages`, those of them that send, and the funnel."""
    tz = ZoneInfo(journey.zone)
    reached: dict[tuple[float, str], int] = {}
    for _, _, _, step, event, _, _, at in state.entries(0, -1):
        if event == REACHED:
            reached[at, step] = reached.get((at, step), 0) + 1
    order = list(journey.steps)
    rows = [
        {"at": _shown(at, tz), "step": step, "kind": journey.steps[step].does.kind, "people": people}
        for (at, step), people in sorted(reached.items(), key=lambda r: (r[0][0], order.index(r[0][1])))
    ]
    standing, counted = state.standing(0)
    sends = [{k: v for k, v in row.items() if k != "kind"} for row in rows if row["kind"] == "send"]
    return {"entrants": entrants, "messages": sends, "moments": rows, **_made(journey, standing, counted)}


def path(context: TagContext, journey: Journey, state: State, entity: str, row: int | None) -> dict[str, Any]:
    """One person's way: every move, and where they are now; `step` is None where they are not in the journey."""
    told = moves.of_entity(context, journey.name, entity)
    there = None
    if row is not None:
        there, logged = state.of_row(row, moves.last_flushed(context, journey.name, state))
        told += logged
    tz = ZoneInfo(journey.zone)
    names = ("entry", "step", "event", "reason", "detail")
    shown = [{**dict(zip(names, t[:5], strict=True)), "at": _shown(t[5], tz)} for t in told]
    now: dict[str, str | None] = {"step": None, "since": None, "due": None}
    if there is not None:
        due = there["due"] if there["due"] else None
        now = {
            "step": there["step"],
            "since": _shown(there["since"], tz),
            "due": None if due is None else _shown(due, tz),
        }
    return {"journey": journey.name, "entity": entity, **now, "moves": shown}


def _shown(seconds: float, tz: ZoneInfo) -> str:
    return show_moment(datetime.fromtimestamp(seconds, UTC), tz)
