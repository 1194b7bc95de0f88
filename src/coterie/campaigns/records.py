"""What is kept of campaigns beside their definitions: how each stands, and a row for each occurrence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from coterie.errors import Refused, unknown_name
from coterie.kit.moments import now
from coterie.store.service import Store

CAMPAIGN, STATE, OCCURRENCE, TOKEN = "campaign", "campaign_state", "occurrence", "campaign_token"
DRAFT, PREPARING, WAITING, RUNNING, PAUSED = "draft", "preparing", "waiting", "running", "paused"
COMPLETED, EXPIRED, CANCELLED, FAILED = "completed", "expired", "cancelled", "failed"
STATES = (DRAFT, PREPARING, WAITING, RUNNING, PAUSED, COMPLETED, EXPIRED, CANCELLED, FAILED)
PLANNED = "planned"  # an occurrence that has not begun
ENDED = (COMPLETED, EXPIRED, CANCELLED)


@dataclass(frozen=True)
class Approval:
    """What a person accepted.

    run : the occurrence; digest : of audience, channel and content; audience_version : of its rule.
    most : recipients that an occurrence of a recurring campaign may have to run unasked.
    """

    run: str
    digest: str
    audience_version: int
    most: int
    at: str
    by: str = ""


@dataclass(frozen=True)
class Standing:
    """How a campaign stands: its run state, whether it is enabled, and what was approved.

    looked : until when events were looked at, of one that runs on an event.
    """

    state: str = DRAFT
    enabled: bool = True
    approval: Approval | None = None
    error: Mapping[str, Any] | None = None
    looked: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Occurrence:
    """One run of a campaign.

    number : from 1; version : of the campaign; digest : what its approval is about; moment : when it is to be sent.
    plan : the summary; started_at, ended_at : real times.
    missed : moments of its schedule that passed before it while nothing worked.
    counts : the funnel's figures when it was last sent, as lists of campaigns show them.
    content : versions of library content that it says, settled when it was planned.
    """

    campaign: str
    number: int
    version: int
    digest: str
    audience: str
    audience_version: int
    snapshot: str
    entity_kind: str
    moment: str
    planned_at: str
    plan: Mapping[str, Any]
    state: str = PLANNED
    started_at: str | None = None
    ended_at: str | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    missed: int = 0
    content: Mapping[str, int] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Its name, `CAMPAIGN@N`."""
        return f"{self.campaign}@{self.number}"

    @property
    def going(self) -> int:
        """Who gets it by the plan."""
        return int(self.plan["buckets"]["send"]) + int(self.plan["buckets"]["deferred"])

    @property
    def open(self) -> bool:
        """Whether it has begun and not ended."""
        return self.started_at is not None and self.ended_at is None


class Records:
    """Standings and occurrences in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing(self, name: str) -> Standing:
        """How a campaign stands."""
        found = self._store.find(STATE, name)
        return Standing() if found is None else standing_of(found.body)

    def put(self, name: str, **changes: Any) -> Standing:
        """Change how a campaign stands."""
        made = replace(self.standing(name), **changes)
        self._store.put(STATE, name, asdict(made))
        return made

    def occurrences(self, name: str) -> list[Occurrence]:
        """All occurrences of a campaign, oldest first."""
        found = [_occurrence(d.body) for d in self._store.all(OCCURRENCE, prefix=f"{name}@")]
        return sorted((o for o in found if o.campaign == name), key=lambda o: o.number)

    def every(self, names: Iterable[str] | None = None) -> list[Occurrence]:
        """All occurrences of these campaigns, or of all."""
        if names is None:
            return [_occurrence(d.body) for d in self._store.all(OCCURRENCE)]
        return [o for name in names for o in self.occurrences(name)]

    def last(self, name: str) -> Occurrence | None:
        """The newest occurrence."""
        found = self.occurrences(name)
        return found[-1] if found else None

    def occurrence(self, name: str, run: str | None = None) -> Occurrence:
        """One occurrence by its name or number; the newest without. Raises NotFound."""
        found = self.occurrences(name)
        if run is None and not found:
            fix = f"Run `coterie campaign plan {name}` first."
            raise Refused("campaign_state", f'"{name}" was not planned yet.', place=name, fix=fix)
        for candidate in reversed(found):
            if run in (None, candidate.run, str(candidate.number)):
                return candidate
        raise unknown_name("occurrence", str(run), [o.run for o in found])

    def keep(self, occurrence: Occurrence, **changes: Any) -> Occurrence:
        """Keep an occurrence, changed."""
        made = replace(occurrence, **changes)
        self._store.put(OCCURRENCE, made.run, asdict(made))
        return made

    def approval(self, occurrence: Occurrence, most: int, by: str) -> Approval:
        """What approving an occurrence accepts."""
        at = now().isoformat()
        return Approval(occurrence.run, occurrence.digest, occurrence.audience_version, most, at, by)


def standing_of(body: Mapping[str, Any]) -> Standing:
    """How a campaign stands, as it was kept."""
    approval = body["approval"]
    return Standing(**{**body, "approval": None if approval is None else Approval(**approval)})


def _occurrence(body: Mapping[str, Any]) -> Occurrence:
    return Occurrence(**{f.name: body[f.name] for f in fields(Occurrence) if f.name in body})
