"""Alerts: what is watched of audiences, what was raised, and telling it by e-mail or webhook.

How it flows: after each refresh, good or bad, and every five minutes for what the clock decides, `check` asks each
condition (`coterie.audiences.conditions`) -> what holds is kept as an event under the id of its cause, so that it is
raised once -> a job delivers it where the alert has a channel, and notes on the event how that went -> the next checks
put into the queue again what could not be delivered. The event in the product stays, whatever happens to the delivery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coterie.audiences.conditions import Condition, Finding, Seen
from coterie.audiences.life import STATE, About
from coterie.audiences.resolve import AUDIENCE
from coterie.audiences.service import check_name
from coterie.errors import CoterieError, Failed, NotFound, Refused
from coterie.kit.moments import now, show_moment
from coterie.store.service import Document

if TYPE_CHECKING:
    from coterie.audiences.snapshots import Snapshot, Snapshots
    from coterie.destinations.service import Destinations
    from coterie.jobs.service import Jobs
    from coterie.tags.context import TagContext

ALERT, EVENT = "alert", "alert_event"  # kinds of documents
CHECK, DELIVER = "audiences.check_alerts", "audiences.alert"  # jobs
SCHEDULE, CRON = "alerts", "*/5 * * * *"
ALWAYS = ("failed", "ending")  # conditions that every audience is watched for, and names that no other alert has
RETRY_MINUTES = (5, 15, 60, 180, 360, 720)  # after the first, second, ... delivery that failed; then it is given up
_SUBJECT_LETTERS = 150


@dataclass(frozen=True)
class Alert:
    """What is watched of one audience.

    to : where it is told besides the product: `email:ADDRESS`, `destination:NAME` or None.
    language : of the subject of e-mail; its body has both.
    """

    name: str
    audience: str
    condition: Condition
    to: str | None = None
    language: str = "en"

    @classmethod
    def of(cls, document: Document) -> Alert:
        """A stored one."""
        body = document.body
        return cls(document.name, body["audience"], Condition.read(body["when"]), body["to"], body["language"])

    def body(self) -> dict[str, Any]:
        """As it is stored."""
        return {"audience": self.audience, "when": str(self.condition), "to": self.to, "language": self.language}


@dataclass(frozen=True)
class Delivery:
    """How telling it went; moments as ISO 8601.

    at : when it was delivered. error : why it last was not. next_at : when it is tried again; None: no more.
    """

    at: str | None = None
    tries: int = 0
    error: Mapping[str, Any] | None = None
    next_at: str | None = None

    def after(self, moment: datetime, error: CoterieError | None) -> Delivery:
        """With one more try; what was refused for good, such as an address, is given up at once."""
        if error is None:
            return Delivery(at=moment.isoformat(), tries=self.tries + 1)
        last = isinstance(error, Refused) or self.tries >= len(RETRY_MINUTES)
        again = None if last else (moment + timedelta(minutes=RETRY_MINUTES[self.tries])).isoformat()
        return Delivery(tries=self.tries + 1, error=error.as_dict(), next_at=again)


@dataclass(frozen=True)
class Event:
    """One raised alert.

    id : the same for the same alert, condition, audience and cause.
    sentence : what happened, with its numbers, as `en` and `zh`.
    was, is_, change_percent : numbers of members, where it is about those.
    state : open, or seen by a person.
    delivered : None where it is told in the product alone.
    """

    id: str
    alert: str
    audience: str
    when: str
    raised_at: str
    level: str
    sentence: Mapping[str, str]
    was: int | None
    is_: int | None
    change_percent: float | None
    to: str | None
    language: str
    state: str
    delivered: Delivery | None

    @classmethod
    def of(cls, document: Document) -> Event:
        """A stored one."""
        body = dict(document.body)
        delivered = body.pop("delivered")
        is_ = body.pop("is")
        return cls(**body, is_=is_, delivered=None if delivered is None else Delivery(**delivered))

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {("is" if k == "is_" else k): v for k, v in asdict(self).items()}

    def due(self, at: datetime) -> bool:
        """Whether it waits to be delivered."""
        told = self.delivered
        return told is not None and told.next_at is not None and datetime.fromisoformat(told.next_at) <= at

    def subject(self) -> str:
        """One line for e-mail."""
        line = " ".join(f"Coterie: {self.sentence[self.language]}".split())
        return line if len(line) <= _SUBJECT_LETTERS else line[: _SUBJECT_LETTERS - 1] + "…"

    def text(self) -> str:
        """The body of e-mail, in both languages."""
        facts = f"{self.alert} ({self.when}) · {self.raised_at} · {self.id}"
        return "\n\n".join((self.sentence["en"], self.sentence["zh"], facts)) + "\n"

    def message(self) -> dict[str, Any]:
        """The body of a webhook."""
        kept = ("id", "alert", "audience", "when", "raised_at", "level", "sentence", "was", "is", "change_percent")
        told = self.as_dict()
        return {"type": "alert", **{k: told[k] for k in kept}}


class Alerts:
    """The alerts of a workspace.

    datasets : names of the datasets that an audience's rule uses.
    """

    def __init__(
        self,
        context: TagContext,
        snapshots: Snapshots,
        jobs: Callable[[], Jobs],
        datasets: Callable[[str], Sequence[str]],
    ) -> None:
        self._context, self._store, self._snapshots = context, context.store, snapshots
        self._jobs, self._datasets = jobs, datasets

    @cached_property
    def _destinations(self) -> Destinations:
        from coterie.destinations.service import Destinations  # imports an HTTP client, which most checks do without

        return Destinations(self._store, self._context.settings)

    def add(self, name: str, audience: str, when: str, *, to: str | None = None, language: str = "en") -> Alert:
        """Watch an audience; an existing name is replaced.

        when : such as `jump 20%`, `above 5000`, `below 100`, `stale 36h`, `failed`, `ending`.
        to : `email:ADDRESS` or `destination:NAME`; None: in the product alone.
        Raises Refused: a condition or channel that cannot be used. NotFound: no such audience or destination.
        """
        check_name(name, "an alert")
        if name in ALWAYS:
            fix = "Choose another name."
            raise Refused("bad_argument", f'Every audience has the alert "{name}".', place="name", fix=fix)
        self._store.get(AUDIENCE, audience)
        alert = Alert(name, audience, Condition.read(when), self._channel(to), language)
        self._store.put(ALERT, name, alert.body())
        self.keep_checking()
        return alert

    def rows(self) -> list[dict[str, Any]]:
        """The alerts that were added."""
        return [{"alert": a.name, "audience": a.audience, "when": str(a.condition), "to": a.to} for a in self._added()]

    def remove(self, name: str) -> None:
        """Watch no longer; what was raised stays. Raises NotFound."""
        self._store.delete(ALERT, name)
        if not self._needed():
            self._jobs().unschedule(SCHEDULE)

    def forget(self, audience: str) -> None:
        """Remove the alerts of an audience that was deleted."""
        for alert in self._added():
            if alert.audience == audience:
                self.remove(alert.name)

    def events(self, *, open_only: bool = True, limit: int = 50) -> list[Event]:
        """What was raised, newest first."""
        found = [Event.of(d) for d in self._store.all(EVENT)]
        wanted = [e for e in found if e.state == "open" or not open_only]
        newest = sorted(wanted, key=lambda e: (datetime.fromisoformat(e.raised_at), e.id), reverse=True)
        return newest[: max(limit, 0)]

    def open_count(self) -> int:
        """How many a person has not seen."""
        return sum(d.body["state"] == "open" for d in self._store.all(EVENT))

    def event(self, id_: str) -> Event:
        """One raised alert. Raises NotFound."""
        document = self._store.find(EVENT, id_)
        if document is None:
            fix = "`coterie alert events --all` shows them."
            raise NotFound("unknown_name", f'There is no raised alert "{id_}".', place=id_, fix=fix)
        return Event.of(document)

    def seen(self, id_: str) -> Event:
        """Note that a person has seen it. Raises NotFound."""
        return self._noted(id_, state="seen")

    def check(self, at: datetime | None = None) -> list[Event]:
        """Raise what holds at a moment and was not raised before, and let it be delivered."""
        return self._check(self._store.all(AUDIENCE), self._snapshots.by_audience(), at or now())

    def check_one(self, audience: str, snapshots: Sequence[Snapshot]) -> list[Event]:
        """The same of one audience, whose snapshots are given."""
        return self._check([self._store.get(AUDIENCE, audience)], {audience: snapshots}, now())

    def _check(
        self, documents: Sequence[Document], snapshots: Mapping[str, Sequence[Snapshot]], at: datetime
    ) -> list[Event]:
        stored, added, raised = self._store.all(EVENT), self._added(), list[Event]()
        known = {d.name for d in stored}
        for document in documents:
            seen = self._seen(document, snapshots.get(document.name, ()), at)
            for alert in _watching(document.name, added):
                raised += self._raise(alert, seen, known)
        self._queue([*_with_delivery(stored), *raised], at)
        return raised

    def deliver(self, id_: str) -> Event:
        """Tell an event by its channel, and note on it how that went.

        Raises CoterieError: it could not be delivered.
        """
        event = self.event(id_)
        if event.delivered is None or event.delivered.at is not None:
            return event
        try:
            self._send(event)
        except Exception as error:
            told = error if isinstance(error, CoterieError) else Failed("internal", repr(error), fix="Tell us.")
            self._noted(id_, delivered=asdict(event.delivered.after(now(), told)))
            raise
        return self._noted(id_, delivered=asdict(event.delivered.after(now(), None)))

    def waiting(self) -> bool:
        """Whether something is to be delivered now."""
        at = now()
        return any(event.due(at) for event in _with_delivery(self._store.all(EVENT)))

    def keep_checking(self) -> None:
        """Let the clock check every five minutes, from now on."""
        jobs = self._jobs()
        if all(schedule.name != SCHEDULE for schedule in jobs.schedules()):
            jobs.schedule(SCHEDULE, CHECK, {}, cron=CRON)

    def _needed(self) -> bool:
        """Whether the clock has something to check."""
        return bool(self._added()) or any(About.of(d.body).valid_until for d in self._store.all(AUDIENCE))

    def _added(self) -> list[Alert]:
        return [Alert.of(d) for d in self._store.all(ALERT)]

    def _seen(self, document: Document, snapshots: Sequence[Snapshot], at: datetime) -> Seen:
        state, about = self._store.find(STATE, document.name), About.of(document.body)
        return Seen(
            document.name, about, state, snapshots, lambda: self._newest_data(document.name), at, self._context.zone
        )

    def _newest_data(self, audience: str) -> dict[str, datetime]:
        try:
            wanted = self._datasets(audience)
        except CoterieError:  # the rule cannot be asked any more: that is told when a refresh fails
            return {}
        batches = self._context.lake.batches()  # oldest first
        return {b.dataset: b.published_at for b in batches if b.dataset in wanted}

    def _raise(self, alert: Alert, seen: Seen, known: set[str]) -> Iterator[Event]:
        for finding in alert.condition.findings(seen):
            event = self._made(alert, finding, seen.at)
            if event.id not in known:
                self._store.put(EVENT, event.id, event.as_dict())
                yield event

    def _made(self, alert: Alert, finding: Finding, at: datetime) -> Event:
        parts = (alert.name, str(alert.condition), alert.audience, finding.cause)
        id_ = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        raised_at = show_moment(at.replace(microsecond=0), self._context.zone)
        return Event(
            id=id_,
            alert=alert.name,
            audience=alert.audience,
            when=str(alert.condition),
            raised_at=raised_at,
            level=finding.level,
            sentence=finding.sentence._asdict(),
            was=finding.facts.get("was"),
            is_=finding.facts.get("is"),
            change_percent=finding.facts.get("change_percent"),
            to=alert.to,
            language=alert.language,
            state="open",
            delivered=None if alert.to is None else Delivery(next_at=at.isoformat()),
        )

    def _queue(self, events: Sequence[Event], at: datetime) -> None:
        """Let jobs deliver what is due; one that waits or runs already is not doubled."""
        for event in events:
            if event.due(at):
                self._jobs().enqueue(DELIVER, {"event": event.id}, key=f"alert {event.id}")

    def _noted(self, id_: str, **changed: Any) -> Event:
        body = {**self.event(id_).as_dict(), **changed}
        self._store.put(EVENT, id_, body)
        return self.event(id_)

    def _channel(self, to: str | None) -> str | None:
        """Check where an alert is told, as far as that can be known now."""
        if not to:
            return None
        kind, _, name = to.partition(":")
        match kind:
            case "email":
                self._destinations.mailer().check(name)
            case "destination":
                self._destinations.sender(name).check()
            case _:
                fix = "Write email:ADDRESS or destination:NAME."
                raise Refused("bad_argument", f'"{to}" is no channel of an alert.', place="to", fix=fix)
        return to

    def _send(self, event: Event) -> None:
        assert event.to is not None, "it has a delivery"
        kind, _, name = event.to.partition(":")
        if kind == "email":
            self._destinations.mailer().send(name, event.subject(), event.text(), f"alert-{event.id}")
        else:
            self._destinations.sender(name).send(event.message(), f"alert-{event.id}")


def _with_delivery(stored: Sequence[Document]) -> list[Event]:
    return [Event.of(d) for d in stored if d.body["delivered"] is not None]


def _watching(audience: str, added: Sequence[Alert]) -> list[Alert]:
    """The alerts of an audience; what every audience is watched for is left out where one was added for it."""
    own = [a for a in added if a.audience == audience]
    kinds = {a.condition.kind for a in own}
    return own + [Alert(kind, audience, Condition(kind, "")) for kind in ALWAYS if kind not in kinds]
