"""What a journey is: read from a file, checked, and kept as it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from coterie.campaigns.definition import Quiet
from coterie.campaigns.hits import PAGE_EVENTS, VISITED
from coterie.campaigns.journeys import graph
from coterie.campaigns.journeys.reading import journey_errors, wrong
from coterie.campaigns.reading import chosen, clock, listed, parts, text, whole
from coterie.campaigns.schedule import WEEKDAYS
from coterie.kit.moments import zone
from coterie.rules.spans import Span, read_span

NEXT = "next"  # the only way on from a step without branches
YES, NO = "yes", "no"
UNSENT = "unsent"  # of a message: who did not get it, but for those held out, who are as if they had
NOT_SENT = ("suppressed", "capped", "failed", "cancelled", "expired")
RECEIPTS = ("delivered", "opened", "clicked", "bounced", "unsubscribed")  # of a message, that conditions name
MESSAGE = ("channel", "content", "brand", "type", "category", "goals", "experiment", "cost")
LATE = Span(7, "d")
_MOST_STEPS = 100


@dataclass(frozen=True)
class Happening:
    """An event of a dataset, whose fields satisfy a tree of conditions."""

    events: str
    where: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Entry:
    """Who comes in: members of an audience, or those of whom an event came.

    again : after how long out of the journey somebody may come in again; None: never.
    late : how old an event may be when the journey learns of it; a welcome weeks after is worse than none.
    """

    audience: str | None = None
    event: Happening | None = None
    again: Span | None = None
    late: Span = LATE


@dataclass(frozen=True)
class Exit:
    """Who leaves before the end: who did one of the goals since coming in, and with `left`, who left the audience."""

    goals: tuple[Happening, ...] = ()
    left: bool = False


@dataclass(frozen=True)
class Wait:
    """A while, a time of day, weekdays, or all of them; see `waiting.due`."""

    span: Span | None = None
    at: str | None = None
    on: tuple[str, ...] = ()

    kind = "wait"


@dataclass(frozen=True)
class Condition:
    """A rule; or what became of the message of an earlier step, since the person came in."""

    rule: Mapping[str, Any] | None = None
    receipt: str | None = None
    of: str | None = None

    kind = "condition"


@dataclass(frozen=True)
class Send:
    """A message: that of a campaign by its name, or parts of one as campaigns have them."""

    campaign: str | None = None
    message: Mapping[str, Any] | None = None

    kind = "send"


@dataclass(frozen=True)
class Split:
    """Branches and their shares, which add up to 1."""

    shares: Mapping[str, float]

    kind = "split"


@dataclass(frozen=True)
class Happened:
    """Whether an event comes within a time."""

    event: Happening
    within: Span
    page: str | None = None

    @property
    def kind(self) -> str:
        """`page` for a visit, else `event`."""
        return "event" if self.page is None else "page"


@dataclass(frozen=True)
class End:
    """The way out."""

    kind = "end"


Does: TypeAlias = "Wait | Condition | Send | Split | Happened | End"


@dataclass(frozen=True)
class Step:
    """One step: what it does, and the step that each of its branches leads to."""

    id: str
    does: Does
    branches: Mapping[str, str]
    label: str = ""

    def to(self, outcome: str) -> str:
        """The step that an outcome leads to.

        >>> Step("hi", Send("x"), {"next": "b", "unsent": "c"}).to("capped")
        'c'
        """
        if outcome in NOT_SENT and UNSENT in self.branches:
            return self.branches[UNSENT]
        return self.branches.get(outcome) or self.branches[NEXT]


@dataclass(frozen=True)
class Journey:
    """One version of a journey.

    zone : where its days and clock times are; zone_of : a tag with the zone of each person, where they have one.
    quiet : hours in which it sends nothing; who is due then stays at the step.
    every_minutes : how often it looks. steps : by id, each before those it leads to; the first is where people begin.
    """

    name: str
    zone: str
    entry: Entry
    steps: Mapping[str, Step]
    exit: Exit = Exit()
    zone_of: str | None = None
    quiet: Quiet | None = None
    every_minutes: int = 15
    description: str = ""
    owner: str = ""
    purpose: str | None = None

    @property
    def first(self) -> str:
        """Where people begin."""
        return next(iter(self.steps))

    @property
    def sends(self) -> list[Step]:
        """The steps that send, in order."""
        return [step for step in self.steps.values() if isinstance(step.does, Send)]


_PARTS = (
    *("name", "zone", "zone_of", "entry", "exit", "steps", "quiet", "every_minutes", "description", "owner"),
    "purpose",
)
_KINDS = ("wait", "condition", "send", "split", "page", "event", "end")
_EVENT = ("events", "where")


def read_journey(given: Any, tz: ZoneInfo, place: str = "journey") -> Journey:
    """Read a journey as people write it.

    >>> made = read_journey({"name": "hi", "entry": {"audience": "new"}, "steps": [
    ...     {"id": "pause", "wait": "1d"}, {"id": "done", "end": True}]}, ZoneInfo("Europe/Paris"))
    >>> made.zone, made.first, made.steps["pause"].branches
    ('Europe/Paris', 'pause', {'next': 'done'})

    Raises Refused(`bad_journey`): a part that is missing, unknown or cannot be so; a circle; a step that nobody reaches;
    no way out. Each with its place.
    """
    with journey_errors():
        found = parts(given, _PARTS, place)
        for name in ("name", "entry", "steps"):
            if name not in found:
                raise wrong(f"{place}.{name}", "This part is missing.", f"Add `{name}:`.")
        own = zone(str(found["zone"])) if "zone" in found else tz
        told = ("description", "owner", "purpose", "zone_of")
        return Journey(
            name=text(found["name"], f"{place}.name", most=100),
            zone=own.key,
            entry=_entry(found["entry"]),
            steps=_steps(found["steps"]),
            exit=_exit(found.get("exit", {}), found["entry"]),
            quiet=_quiet(found["quiet"]) if "quiet" in found else None,
            every_minutes=whole(found.get("every_minutes", 15), "every_minutes", least=5, most=1440),
            **{k: text(found[k], k, most=2000) for k in told if k in found},
        )


def _entry(given: Any) -> Entry:
    found = parts(given, ("audience", "event", "again", "late"), "entry")
    if ("audience" in found) == ("event" in found):
        fix = "Write {audience: NAME} or {event: {events: DATASET}}."
        raise wrong("entry", "People come in by an audience or by an event, one of the two.", fix)
    if "late" in found and "event" not in found:
        raise wrong("entry.late", "Only events are late.", "Leave it out.")
    late = read_span(found["late"], "entry.late") if "late" in found else LATE
    again = _again(found.get("again", "never"))
    if "audience" in found:
        return Entry(text(found["audience"], "entry.audience"), None, again, late)
    return Entry(None, _happening(found["event"], "entry.event"), again, late)


def _again(given: Any) -> Span | None:
    if given == "never":
        return None
    words = str(given).split()
    if len(words) != 2 or words[0] != "after":
        raise wrong("entry.again", f'"{given}" cannot stand here.', 'Write never or "after 30d".')
    return read_span(words[1], "entry.again")


def _exit(given: Any, entry: Any) -> Exit:
    found = parts(given, ("goal", "left"), "exit")
    goals = found.get("goal", [])
    several = goals if isinstance(goals, list) else [goals]
    left = found.get("left", False)
    if not isinstance(left, bool):
        raise wrong("exit.left", "This is neither true nor false.", "Write true or false.")
    if left and "audience" not in parts(entry, None, "entry"):
        raise wrong("exit.left", "There is no audience to leave.", "Leave it out, or enter by an audience.")
    places = ["exit.goal"] if not isinstance(goals, list) else [f"exit.goal[{n}]" for n in range(len(goals))]
    return Exit(tuple(_happening(g, p) for g, p in zip(several, places, strict=True)), left)


def _happening(given: Any, place: str) -> Happening:
    found = parts({"events": given} if isinstance(given, str) else given, _EVENT, place)
    if "events" not in found:
        raise wrong(f"{place}.events", "This part is missing.", "Name a dataset of events.")
    where = parts(found["where"], None, f"{place}.where") if "where" in found else None
    return Happening(text(found["events"], f"{place}.events"), where)


def _quiet(given: Any) -> Quiet:
    found = parts(given, ("from", "until"), "quiet")
    for name in ("from", "until"):
        if name not in found:
            raise wrong(f"quiet.{name}", "This part is missing.", 'Write {from: "21:00", until: "08:00"}.')
    start, until = (clock(found[n], f"quiet.{n}").isoformat("minutes") for n in ("from", "until"))
    return Quiet(start, until)


def _steps(given: Any) -> dict[str, Step]:
    rows = listed(given, "steps")
    if not 0 < len(rows) <= _MOST_STEPS:
        raise wrong("steps", f"A journey has 1 to {_MOST_STEPS} steps.", "Split it into two.")
    ids = [_id(row, f"steps[{n}]") for n, row in enumerate(rows)]
    for n, name in enumerate(ids):
        if name in ids[:n]:
            raise wrong(f"steps[{n}].id", f'There are two steps "{name}".', "Rename one.")
    following = [*ids[1:], None]
    made = [_step(row, f"steps[{n}]", following[n]) for n, row in enumerate(rows)]
    ordered = graph.ordered({s.id: s.branches for s in made}, [s.id for s in made if isinstance(s.does, End)])
    by_id = {step.id: step for step in made}
    if isinstance(made[0].does, End):
        raise wrong("steps[0]", "The journey ends where it begins.", "Begin with another step.")
    _check_receipts(made)
    return {name: by_id[name] for name in ordered}


def _id(given: Any, place: str) -> str:
    found = parts(given, None, place)
    if "id" not in found:
        raise wrong(f"{place}.id", "A step needs a name.", "Add `id:`.")
    name = text(found["id"], f"{place}.id", most=40)
    if not all(c.isalnum() or c in "-_ " for c in name):
        raise wrong(f"{place}.id", f'"{name}" cannot name a step.', "Use letters, digits, blanks, - and _.")
    return name


def _step(given: Mapping[str, Any], place: str, following: str | None) -> Step:
    kinds = [k for k in _KINDS if k in given]
    if len(kinds) != 1:
        raise wrong(place, "A step does one thing.", f"Write one of: {', '.join(_KINDS)}.")
    kind = kinds[0]
    ways = {"condition": (YES, NO), "page": (YES, NO), "event": (YES, NO), "split": (), "end": ()}.get(kind, (NEXT,))
    more = {"page": ("within",), "event": ("within",), "send": (UNSENT,)}.get(kind, ())
    found = parts(given, ("id", "label", kind, *ways, *more), place)
    does, own = _READERS[kind](found, f"{place}.{kind}", place)
    branches = {way: found.get(way, following) for way in ways} | {way: own[way] or following for way in own}
    for way, to in branches.items():
        if to is None:
            fix = f"Add a step `end: true` after it, or say `{way}:`."
            raise wrong(f"{place}.{way}", "This leads nowhere: there is no way out of the journey.", fix)
    label = text(found["label"], f"{place}.label") if "label" in found else ""
    return Step(found["id"], does, {way: text(to, f"{place}.{way}") for way, to in branches.items()}, label)


Own: TypeAlias = "dict[str, str | None]"  # branches that a step names itself; None: the following step


def _wait(found: Mapping[str, Any], place: str, _step_place: str) -> tuple[Wait, Own]:
    if isinstance(found["wait"], str):
        return Wait(read_span(found["wait"], place)), {}
    given = parts(found["wait"], ("for", "at", "on"), place)
    if not given:
        raise wrong(place, "It does not say how long.", 'Write 3d, or {for: 3d, at: "09:00", on: [mon, tue]}.')
    span = read_span(given["for"], f"{place}.for") if "for" in given else None
    at = clock(given["at"], f"{place}.at").isoformat("minutes") if "at" in given else None
    on = tuple(chosen(w, WEEKDAYS, f"{place}.on") for w in listed(given.get("on", []), f"{place}.on"))
    if span is None and at is None:
        raise wrong(f"{place}.for", "A wait until a weekday needs a time of day.", 'Add at: "09:00".')
    return Wait(span, at, on), {}


def _condition(found: Mapping[str, Any], place: str, _step_place: str) -> tuple[Condition, Own]:
    given = parts(found["condition"], None, place)
    receipts = [r for r in RECEIPTS if r in given]
    if len(given) == 1 and receipts:
        return Condition(None, receipts[0], text(given[receipts[0]], f"{place}.{receipts[0]}")), {}
    return Condition(given), {}


def _send(found: Mapping[str, Any], place: str, _step_place: str) -> tuple[Send, Own]:
    given = parts(found["send"], ("campaign", *MESSAGE), place)
    own: Own = {UNSENT: found[UNSENT]} if UNSENT in found else {}
    if "campaign" in given:
        if len(given) > 1:
            raise wrong(place, "`campaign` stands alone: its message is taken whole.", "Leave out the rest.")
        return Send(text(given["campaign"], f"{place}.campaign")), own
    for name in ("channel", "content"):
        if name not in given:
            raise wrong(f"{place}.{name}", "This part is missing.", f"Add `{name}:`, or name a `campaign:`.")
    return Send(None, given), own


def _split(found: Mapping[str, Any], place: str, _step_place: str) -> tuple[Split, Own]:
    given = parts(found["split"], None, place)
    if len(given) < 2:
        raise wrong(place, "A split has two branches or more.", "Write {a: 0.5, b: {share: 0.5, next: STEP}}.")
    shares: dict[str, float] = {}
    own: Own = {}
    for name, arm in given.items():
        told = parts(arm if isinstance(arm, Mapping) else {"share": arm}, ("share", NEXT), f"{place}.{name}")
        share = told.get("share")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise wrong(f"{place}.{name}", f'"{share}" is no share.', "Give a number above 0 and below 1.")
        shares[name], own[name] = float(share), told.get(NEXT)
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise wrong(place, f"The shares add up to {sum(shares.values()):g}.", "Let them add up to 1.")
    return Split(shares), own


def _happened(found: Mapping[str, Any], place: str, step_place: str) -> tuple[Happened, Own]:
    if "within" not in found:
        raise wrong(f"{step_place}.within", "It does not say how long to wait for it.", "Add within: 3d.")
    within = read_span(found["within"], f"{step_place}.within")
    if "page" not in found:
        return Happened(_happening(found["event"], place), within), {}
    page = text(found["page"], place)
    fields = (("page", page), ("event", VISITED))
    own = [{"field": field, "op": "eq", "value": value} for field, value in fields]
    by_people = {"field": "reason", "op": "not_exists"}  # else a machine looked
    return Happened(Happening(PAGE_EVENTS.name, {"all": [*own, by_people]}), within, page), {}


def _end(found: Mapping[str, Any], place: str, _step_place: str) -> tuple[End, Own]:
    if found["end"] is not True:
        raise wrong(place, "An end is an end.", "Write end: true.")
    return End(), {}


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, str], tuple[Does, Own]]] = {
    "wait": _wait,
    "condition": _condition,
    "send": _send,
    "split": _split,
    "page": _happened,
    "event": _happened,
    "end": _end,
}


def _check_receipts(steps: list[Step]) -> None:
    """A condition on a message names a step that sends one."""
    sends = [s.id for s in steps if isinstance(s.does, Send)]
    for n, step in enumerate(steps):
        if isinstance(step.does, Condition) and step.does.of is not None and step.does.of not in sends:
            fix = f"Steps that send: {', '.join(sends) or 'none'}."
            place = f"steps[{n}].condition.{step.does.receipt}"
            raise wrong(place, f'"{step.does.of}" is no step that sends.', fix)
