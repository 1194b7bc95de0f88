"""Where everyone is: planned = suppressed + capped + held out + pending + deferred + sent + uncertain + failed +
cancelled + expired, at any moment.

Each bucket is counted from its own events, or, as long as a row has not ended, from its own rows of the outbox; none is
what is left of the others. So an event that is lost shows as a difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from coterie.campaigns import events
from coterie.campaigns.outbox import Open, Outbox
from coterie.engines.sql import quote_value
from coterie.errors import Failed
from coterie.tags.context import TagContext

BUCKETS = ("pending", "deferred", "sent", "uncertain", "failed", "cancelled", "expired")
_READS = 5  # tries to read lake and outbox with no publish in between
_Z = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class Funnel:
    """One occurrence at one moment.

    suppressed : by reason. goals : by goal, as the campaign counts it. difference : planned less all buckets; 0.
    """

    run: str
    planned: int
    suppressed: Mapping[str, int]
    capped: int
    held_out: int
    pending: int
    deferred: int
    sent: int
    uncertain: int
    failed: int
    cancelled: int
    expired: int
    delivered: int
    opened: int
    clicked: int
    bounced: int
    unsubscribed: int
    goals: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def difference(self) -> int:
        """What the buckets lack to the planned; 0 where everything adds up."""
        stopped = sum(self.suppressed.values()) + self.capped + self.held_out
        rest = self.pending + self.deferred + self.sent + self.uncertain + self.failed + self.cancelled + self.expired
        return self.planned - stopped - rest

    @property
    def unknown(self) -> int:
        """Sent, and neither delivered nor bounced as far as anyone told."""
        return max(self.sent - self.delivered - self.bounced, 0)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {**asdict(self), "unknown": self.unknown, "difference": self.difference, "rates": self.rates()}

    def rates(self) -> dict[str, dict[str, float | None]]:
        """Shares of the sent, with Wilson's 95 % interval."""
        steps = {n: getattr(self, n) for n in ("delivered", "opened", "clicked", "bounced", "unsubscribed")}
        return {name: rate(count, self.sent) for name, count in steps.items()}


def rate(count: int, of: int) -> dict[str, float | None]:
    """A share with Wilson's 95 % interval; nothing where there is nothing to take it of.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    >>> {k: round(v, 4) for k, v in rate(15, 100).items()}
    {'rate': 0.15, 'low': 0.0931, 'high': 0.2328}
    """
    if not of:
        return {"rate": None, "low": None, "high": None}
    share = min(count, of) / of
    width = 1 + _Z**2 / of
    middle = (share + _Z**2 / (2 * of)) / width
    half = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / width
    return {"rate": share, "low": max(middle - half, 0.0), "high": min(middle + half, 1.0)}


def count(context: TagContext, run: str, outbox: Outbox | None, *, repeatable: bool = False) -> Funnel:
    """The funnel of a run whose plan was published.

    repeatable : whether its channel takes a batch once that is handed over again, so that one that was cut off waits.
    Raises Failed(`locked`): others publish all the time.
    """
    for _ in range(_READS):
        last = events.last_flushed(context, run)
        opened, logged = (Open(0, 0, 0), []) if outbox is None else outbox.standing(last)
        working = repeatable or (outbox is not None and outbox.held())
        found = _in_lake(context, run)
        if events.last_flushed(context, run) == last:
            return _made(run, [*found, *logged], opened, working)
    raise Failed("locked", "Events come faster than they can be counted.", place=run, fix="Ask again.")


def _in_lake(context: TagContext, run: str) -> list[tuple[str, str | None, int]]:
    own = events.events_sql(context, f"run = {quote_value(run)}")
    once = ", ".join(quote_value(e) for e in events.AFTER_SENDING)
    with context.engine.cursor() as engine:
        rows = engine.rows(f"SELECT event, reason, count(*) FROM {own} WHERE event NOT IN ({once}) GROUP BY ALL")
        later = engine.rows(
            f"SELECT event, NULL, count(DISTINCT _entity) FROM {own} WHERE event IN ({once}) AND event <> 'goal' GROUP BY event"
        )
    return [(str(e), r, int(n)) for e, r, n in (*rows, *later)]


def _made(run: str, counted: list[tuple[str, str | None, int]], opened: Open, working: bool) -> Funnel:
    def total(event: str, reason: str | None = None) -> int:
        return sum(n for e, r, n in counted if e == event and reason in (None, r))

    reasons = sorted({str(r) for e, r, _ in counted if e == events.SKIPPED})
    cut = 0 if working else opened.attempting  # what nobody is handing over any more is uncertain
    return Funnel(
        run=run,
        planned=total(events.PLANNED),
        suppressed={r: total(events.SKIPPED, r) for r in reasons},
        capped=total(events.CAPPED),
        held_out=total(events.HELD_OUT),
        pending=opened.pending + opened.attempting - cut,
        deferred=opened.deferred,
        sent=total(events.SENT),
        uncertain=total(events.UNCERTAIN) - total(events.REQUEUED, events.UNCERTAIN) + cut,
        failed=total(events.FAILED) - total(events.REQUEUED, events.FAILED),
        cancelled=total(events.CANCELLED),
        expired=total(events.EXPIRED),
        delivered=total(events.DELIVERED),
        opened=total(events.OPENED),
        clicked=total(events.CLICKED),
        bounced=total(events.BOUNCED),
        unsubscribed=total(events.UNSUBSCRIBED),
        failures={str(r): n for e, r, n in counted if e == events.FAILED},
    )
