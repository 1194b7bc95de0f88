"""What a campaign is: read from a file, checked, and kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from coterie.campaigns.reading import chosen, clock, listed, money, parts, share, text, whole, wrong
from coterie.campaigns.schedule import Schedule, read_schedule, schedule_given
from coterie.kit.moments import before, now, parse_moment, show_moment

COUNTS = ("users", "events", "distinct")
CONTROL = "default"  # the arm of a campaign without an experiment
HOLDOUT = "holdout"
FIXED, THOMPSON = "fixed", "thompson"  # how arms get their shares
ADJUSTED, PLAIN = "adjusted", "plain"  # which reading of a result decides
_MOST_TAGS = 10


@dataclass(frozen=True)
class AudienceUse:
    """Whom it is for: the audience, and whether its newest snapshot is taken or it is computed anew for each run."""

    name: str
    refresh: bool = False
    snapshot: str | None = None


@dataclass(frozen=True)
class Goal:
    """What it should bring about.

    events : dataset; where : tree of conditions on its fields; within : the span after sending that counts.
    count : `users` who did it, `events`, or `distinct` combinations of the fields `of`.
    amount : field with the money that an event brings.
    """

    name: str
    events: str
    where: Mapping[str, Any] | None = None
    within: str = "7d"
    count: str = "users"
    of: tuple[str, ...] = ()
    amount: str | None = None


@dataclass(frozen=True)
class Arm:
    """One arm of the experiment: its weight, and the parts of the content in which it differs."""

    name: str
    weight: float = 1.0
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """Arms, and the share held out: they get nothing, and show what would have come anyway.

    salt : the same salt gives a customer the same arm; by default the campaign's name.
    allocation : `fixed` weights, or `thompson`: shares by what the arms brought so far of the first goal, each at least
        `floor`.
    adjust : whether results are also read with what was known before taken out: the same measure of the same customer
        in as long a span before the plan, or these tags as they were then.
    decides : which reading the verdict is of, `adjusted` or `plain`; the plan keeps it.
    """

    arms: tuple[Arm, ...] = (Arm(CONTROL),)
    holdout: float = 0.0
    salt: str | None = None
    allocation: str = FIXED
    floor: float = 0.1
    adjust: bool | tuple[str, ...] = True
    decides: str = ADJUSTED


@dataclass(frozen=True)
class Quiet:
    """Hours in which nothing is sent, in the recipient's zone: that of the tag `zone`, else the workspace's."""

    start: str
    until: str
    zone: str | None = None


@dataclass(frozen=True)
class Cost:
    """What it costs, in the workspace's currency, as exact decimals in text: each message, and the whole run beside."""

    per_message: str | None = None
    fixed: str = "0"


@dataclass(frozen=True)
class Exclusion:
    """A group of campaigns of which each customer is in at most one at a time.

    share : of all customers that this one takes; None: whoever no other takes when it is planned.
    """

    group: str
    share: float | None = None


_NOW, _NO_EXPERIMENT, _NO_COST = Schedule(), Experiment(), Cost()


@dataclass(frozen=True)
class Campaign:
    """One version of a campaign; `content` and `options` are as their channel reads them.

    options : of the channel, such as `rate_per_second`, `address` (the tag with the address), `to`.
    priority, group : of campaigns of one group that run side by side, who is planned by one of higher priority gets
        nothing from the others.
    valid_from, valid_until : moments outside of which it does not run.
    exclusion : keeps it apart from other campaigns.
    """

    name: str
    audience: AudienceUse
    channel: str
    content: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    brand: str = ""
    type: str = ""
    category: str = ""
    owner: str = ""
    schedule: Schedule = _NOW
    valid_from: str | None = None
    valid_until: str | None = None
    goals: tuple[Goal, ...] = ()
    experiment: Experiment = _NO_EXPERIMENT
    quiet: Quiet | None = None
    priority: int = 0
    group: str = ""
    cost: Cost = _NO_COST
    exclusion: Exclusion | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it is kept; `of` reads it back."""
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Campaign:
        """The campaign that was kept."""
        made = dict(body)
        made["audience"] = AudienceUse(**body["audience"])
        schedule: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in body["schedule"].items()}
        made["schedule"] = Schedule(**schedule)
        made["goals"] = tuple(Goal(**{**g, "of": tuple(g["of"])}) for g in body["goals"])
        arms = tuple(Arm(**arm) for arm in body["experiment"]["arms"])
        adjust = body["experiment"].get("adjust", True)
        adjust = tuple(adjust) if isinstance(adjust, list) else adjust
        made["experiment"] = Experiment(**{**body["experiment"], "arms": arms, "adjust": adjust})
        made["quiet"] = None if body["quiet"] is None else Quiet(**body["quiet"])
        made["cost"] = Cost(**body.get("cost", {}))
        exclusion = body.get("exclusion")
        made["exclusion"] = None if exclusion is None else Exclusion(**exclusion)
        return cls(**made)


def as_given(made: Campaign) -> dict[str, Any]:
    """A campaign as people write it; `read_campaign` reads it back. What is as it would be anyway is left out.

    >>> made = read_campaign({"name": "hello", "audience": "loyal", "channel": "file", "content": {"text": "Hi"}},
    ...     ZoneInfo("UTC"))
    >>> as_given(made)
    {'name': 'hello', 'audience': 'loyal', 'channel': 'file', 'content': {'text': 'Hi'}}
    """
    use, schedule = made.audience, made.schedule
    audience: Any = use.name if "@" not in use.name else {"name": use.name}
    if use.refresh or use.snapshot is not None:
        audience = {"name": use.name, **({"use": "refresh"} if use.refresh else {"snapshot": use.snapshot})}
    given: dict[str, Any] = {
        **{k: v for k in ("name", "brand", "type", "category", "owner") if (v := getattr(made, k))},
        "audience": audience,
        "channel": {"name": made.channel, **made.options} if made.options else made.channel,
        "content": dict(made.content),
    }
    if schedule.kind != "now":
        given["schedule"] = schedule_given(schedule)
    validity = {"from": made.valid_from, "until": made.valid_until}
    given |= _plain({"validity": _plain(validity), "goals": [_plain(asdict(g)) for g in made.goals]})
    given |= _plain({"experiment": _experiment_given(made.experiment), "priority": made.priority, "group": made.group})
    given |= _plain({"cost": _plain(asdict(made.cost) if made.cost != _NO_COST else {})})
    if made.exclusion is not None:
        given["exclusion"] = _plain(asdict(made.exclusion))
    if made.quiet is not None:
        given["quiet"] = _plain({"from": made.quiet.start, "until": made.quiet.until, "zone": made.quiet.zone})
    return given


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty; tuples as lists."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items() if v not in (None, (), [], {}, "", 0)}


def _experiment_given(made: Experiment) -> dict[str, Any]:
    given = _plain({k: v for k, v in asdict(made).items() if k != "arms" and v != getattr(_NO_EXPERIMENT, k)})
    if made.adjust is False:
        given = {k: v for k, v in given.items() if k != "decides"} | {"adjust": False}
    if made.arms == _NO_EXPERIMENT.arms:
        return given
    arms = {arm.name: {"weight": arm.weight, "content": dict(arm.content)} for arm in made.arms}
    return {"arms": {n: a if a["content"] else a["weight"] for n, a in arms.items()}, **given}


_PARTS = (
    *("name", "audience", "channel", "content", "brand", "type", "category", "owner", "schedule", "validity", "goals"),
    *("experiment", "quiet", "priority", "group", "cost", "exclusion"),
)


_OF_EXPERIMENT = ("arms", "weights", "holdout", "salt", "allocation", "floor", "adjust", "decides")


def read_campaign(given: Any, tz: ZoneInfo, place: str = "campaign") -> Campaign:
    """Read a campaign as people write it.

    >>> made = read_campaign({"name": "hello", "audience": "loyal", "channel": "file", "content": {"text": "Hi"}},
    ...     ZoneInfo("UTC"))
    >>> made.audience, made.schedule.kind, Campaign.of(made.as_dict()) == made
    (AudienceUse(name='loyal', refresh=False, snapshot=None), 'now', True)

    Raises Refused(`bad_campaign`): a part that is missing, unknown or cannot be so, with its place.
    """
    found = parts(given, _PARTS, place)
    for name in ("name", "audience", "channel", "content"):
        if name not in found:
            raise wrong(f"{place}.{name}", "This part is missing.", f"Add `{name}:`.")
    channel, options = _channel(found["channel"])
    validity = parts(found.get("validity", {}), ("from", "until"), "validity")
    moments = {k: show_moment(parse_moment(str(v), tz, place=f"validity.{k}"), tz) for k, v in validity.items()}
    goals = listed(found.get("goals", []), "goals")
    return Campaign(
        name=text(found["name"], f"{place}.name"),
        audience=_audience(found["audience"]),
        channel=channel,
        content=parts(found["content"], None, "content"),
        options=options,
        **{k: text(found[k], k) for k in ("brand", "type", "category", "owner", "group") if k in found},
        schedule=read_schedule(found.get("schedule"), tz),
        valid_from=moments.get("from"),
        valid_until=moments.get("until"),
        goals=tuple(_goal(goal, f"goals[{n}]", tz) for n, goal in enumerate(goals)),
        experiment=_experiment(found.get("experiment", {}), bool(goals)),
        quiet=_quiet(found["quiet"]) if "quiet" in found else None,
        priority=whole(found.get("priority", 0), "priority", least=-1000, most=1000),
        cost=_cost(found["cost"]) if "cost" in found else _NO_COST,
        exclusion=_exclusion(found["exclusion"]) if "exclusion" in found else None,
    )


def _channel(given: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(given, str):
        return text(given, "channel"), {}
    found = parts(given, None, "channel")
    if "name" not in found:
        raise wrong("channel.name", "This part is missing.", "Write {name: email, ...}.")
    return text(found.pop("name"), "channel.name"), found


def _audience(given: Any) -> AudienceUse:
    if isinstance(given, str):
        name, at, number = text(given, "audience").partition("@")
        return AudienceUse(name, False, f"{name}@{number}" if at else None)
    found = parts(given, ("name", "use", "snapshot"), "audience")
    use = chosen(found.get("use", "snapshot"), ("snapshot", "refresh"), "audience.use")
    if "name" not in found:
        raise wrong("audience.name", "This part is missing.", "Name a saved audience.")
    if use == "refresh" and "snapshot" in found:
        raise wrong("audience", "It is either computed anew or one snapshot.", "Leave out `snapshot` or `use`.")
    return AudienceUse(text(found["name"], "audience.name"), use == "refresh", found.get("snapshot"))


def _goal(given: Any, place: str, tz: ZoneInfo) -> Goal:
    found = parts(given, ("name", "events", "where", "within", "count", "of", "amount"), place)
    if "events" not in found:
        raise wrong(f"{place}.events", "This part is missing.", "Name a dataset of events.")
    count = chosen(found.get("count", "users"), COUNTS, f"{place}.count")
    of = tuple(text(name, f"{place}.of") for name in listed(found.get("of", []), f"{place}.of"))
    if bool(of) != (count == "distinct"):
        raise wrong(f"{place}.of", "`of` belongs to `count: distinct`.", "Write count: distinct and of: [FIELD, ...].")
    within = text(found.get("within", "7d"), f"{place}.within")
    before(now(), within, tz, place=f"{place}.within")
    where = parts(found["where"], None, f"{place}.where") if "where" in found else None
    events = text(found["events"], f"{place}.events")
    amount = text(found["amount"], f"{place}.amount") if "amount" in found else None
    return Goal(text(found.get("name", events), f"{place}.name"), events, where, within, count, of, amount)


def _experiment(given: Any, goals: bool) -> Experiment:
    """Arms as a list of names, as names with weights, or as names with weight and content."""
    found = parts(given, _OF_EXPERIMENT, "experiment")
    arms = found.get("arms")
    weights = parts(found.get("weights", {}), None, "experiment.weights")
    if arms is None:
        made = [Arm(name, _weight(w, f"experiment.weights.{name}")) for name, w in weights.items()] or [Arm(CONTROL)]
    elif isinstance(arms, Mapping):
        made = [_arm(name, arm, f"experiment.arms.{name}") for name, arm in arms.items()]
    else:
        names = [text(name, "experiment.arms") for name in listed(arms, "experiment.arms")]
        made = [Arm(name, _weight(weights.get(name, 1), f"experiment.weights.{name}")) for name in names]
    names = [arm.name for arm in made]
    if HOLDOUT in names or len(set(names)) < len(names) or not names:
        raise wrong("experiment.arms", f'Arms differ in name, and none is "{HOLDOUT}".', "Rename them.")
    if isinstance(arms, list) and weights and set(weights) != set(names):
        raise wrong("experiment.weights", "Arms and weights name different arms.", "Give one weight for each arm.")
    held = share(found.get("holdout", 0), "experiment.holdout")
    if "arms" in found and len(made) == 1 and not held:
        raise wrong("experiment.arms", "One arm and no holdout compare nothing.", "Add an arm or a `holdout`.")
    salt = text(found["salt"], "experiment.salt") if "salt" in found else None
    return Experiment(tuple(made), held, salt, *_allocation(found, made, goals), *_adjusting(found))


def _adjusting(found: Mapping[str, Any]) -> tuple[bool | tuple[str, ...], str]:
    """What is taken out of results, and which reading decides."""
    given = found.get("adjust", True)
    decides = chosen(
        found.get("decides", PLAIN if given is False else ADJUSTED), (ADJUSTED, PLAIN), "experiment.decides"
    )
    if given is False and decides == ADJUSTED:
        fix = "Leave `decides` out, or leave `adjust` out."
        raise wrong("experiment.decides", "Nothing is adjusted, so that it cannot decide.", fix)
    if isinstance(given, bool):
        return given, decides
    tags = [given] if isinstance(given, str) else listed(given, "experiment.adjust")
    named = tuple(text(tag, "experiment.adjust") for tag in tags)
    if not 0 < len(named) <= _MOST_TAGS or len(set(named)) < len(named):
        raise wrong("experiment.adjust", f"{len(named)} tags cannot stand here.", f"Name 1 to {_MOST_TAGS}, each once.")
    return named, decides


def _allocation(found: Mapping[str, Any], arms: list[Arm], goals: bool) -> tuple[str, float]:
    """How arms get their shares, and the least share of one."""
    allocation = chosen(found.get("allocation", FIXED), (FIXED, THOMPSON), "experiment.allocation")
    if allocation == FIXED:
        if "floor" in found:
            fix = "Leave it out, or write allocation: thompson."
            raise wrong("experiment.floor", "Fixed weights have no floor.", fix)
        return allocation, Experiment.floor
    if len(arms) < 2:
        raise wrong("experiment.arms", "There is nothing to choose between.", "Name two arms.")
    if not goals:
        raise wrong("experiment.allocation", "There is no goal to learn from.", "Add `goals:`.")
    if any(arm.weight != 1 for arm in arms):
        said = "Thompson sampling works the shares out itself."
        raise wrong("experiment.weights", said, "Leave the weights out, or write allocation: fixed.")
    floor = share(found.get("floor", min(Experiment.floor, 1 / len(arms))), "experiment.floor")
    if not 0 < floor <= 1 / len(arms):
        fix = f"Give more than 0, at most {1 / len(arms):.3g}."
        raise wrong("experiment.floor", f"A floor of {floor:g} does not fit {len(arms)} arms.", fix)
    return allocation, floor


def _arm(name: Any, given: Any, place: str) -> Arm:
    if isinstance(given, int | float):
        return Arm(text(name, place), _weight(given, place))
    found = parts(given or {}, ("weight", "content"), place)
    content = parts(found.get("content", {}), None, f"{place}.content")
    return Arm(text(name, place), _weight(found.get("weight", 1), f"{place}.weight"), content)


def _weight(given: Any, place: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1e6:
        raise wrong(place, f'"{given}" is no weight.', "Give a number above 0.")
    return float(given)


def _quiet(given: Any) -> Quiet:
    found = parts(given, ("from", "until", "zone"), "quiet")
    for name in ("from", "until"):
        if name not in found:
            raise wrong(f"quiet.{name}", "This part is missing.", 'Write {from: "21:00", until: "08:00"}.')
    start, until = (clock(found[n], f"quiet.{n}").isoformat("minutes") for n in ("from", "until"))
    return Quiet(start, until, found.get("zone"))


def _cost(given: Any) -> Cost:
    if not isinstance(given, Mapping):
        return Cost(money(given, "cost"))
    found = parts(given, ("per_message", "fixed"), "cost")
    each = money(found["per_message"], "cost.per_message") if "per_message" in found else None
    return Cost(each, money(found.get("fixed", 0), "cost.fixed"))


def _exclusion(given: Any) -> Exclusion:
    if isinstance(given, str):
        return Exclusion(text(given, "exclusion"))
    found = parts(given, ("group", "share"), "exclusion")
    if "group" not in found:
        raise wrong("exclusion.group", "This part is missing.", "Write {group: NAME, share: 0.5}.")
    group = text(found["group"], "exclusion.group")
    if "share" not in found or found["share"] == 1:
        return Exclusion(group)
    taken = share(found["share"], "exclusion.share")
    if not taken:
        raise wrong("exclusion.share", "Nobody is left with a share of 0.", "Give a share above 0, at most 1.")
    return Exclusion(group, taken)
