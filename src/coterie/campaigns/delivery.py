"""Handing a run's messages over: what waits goes through its channel, row by row or in batches, and is noted.

Each call goes on where the last one stopped, however it stopped. A row that was being handed over when the process died
is `uncertain`, unless the channel takes a repeated batch only once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coterie.campaigns import events
from coterie.campaigns.barring import Barred
from coterie.campaigns.channels.base import SENT, Connection, Outcome, Parcel, Surroundings, unfit
from coterie.campaigns.content import Rendering
from coterie.campaigns.definition import FIXED
from coterie.campaigns.library.choosing import RUN
from coterie.campaigns.library.chosen import with_choices
from coterie.campaigns.outbox import DEAD, DEFERRED, DONE, PENDING, UNSURE, Done, Entry, Outbox, Row
from coterie.campaigns.plan import VALUE, Asked
from coterie.campaigns.quiet import known_zone, not_before
from coterie.campaigns.singly import Desk, ended
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_value
from coterie.errors import Failed
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.tags.context import TagContext

_CHUNK, _FLUSHED_AT, _FLUSH_ROWS = 500, 50_000, 400_000


@dataclass
class Run:
    """One occurrence that is being delivered.

    asked : what its plan was made of; plan : the plan's file. control : says `go`, or why to stop.
    clock : seconds since 1970; tests set it.
    """

    context: TagContext
    asked: Asked
    plan: Path
    outbox: Outbox
    surroundings: Surroundings
    control: Callable[[], str] = lambda: "go"
    clock: Callable[[], float] = time.time
    _barred: Barred = field(init=False)

    def __post_init__(self) -> None:
        self._barred = Barred(self.context, self.asked, self.plan)

    @property
    def one_by_one(self) -> bool:
        """Whether messages are handed over singly, so that at most one a connection can become uncertain."""
        return not self.asked.channel.repeatable

    @property
    def connections(self) -> int:
        """Hand-overs side by side."""
        return int(self.asked.campaign.options.get("connections", self.asked.channel.connections))


def deliver(run: Run, *, limit: int | None = None, progress: Progress | None = None) -> str:
    """Hand over what waits, at most `limit` messages; returns why it ended: `done`, `limit`, or what `control` said.

    Raises Failed(`locked`): another process is at it. CoterieError: the channel is out of reach; what was not handed
    over waits.
    """
    with run.outbox.holding() as mine, run.context.engine.cursor() as engine:
        if not mine:
            raise Failed("locked", "Another process is sending it.", place=run.asked.run, fix="Wait for it.")
        try:
            recover(run, engine)
            return _sweep(run, engine, limit, progress or Progress())
        finally:
            flush(run, engine)


def flush(run: Run, engine: Engine) -> int:
    """Publish what the log has and the lake lacks; returns how many entries. Only who holds the outbox may call it."""
    published = 0
    while True:
        last = events.last_flushed(run.context, run.asked.run)
        run.outbox.forget(last)
        found = run.outbox.entries(last, _FLUSH_ROWS)
        if not found:
            return published
        _publish(run, engine, found)
        published += len(found)


def _publish(run: Run, engine: Engine, found: Sequence[tuple[Any, ...]]) -> None:
    import pyarrow as pa

    kinds = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.string(), pa.float64())
    columns = [pa.array(column, kind) for column, kind in zip(zip(*found, strict=True), kinds, strict=True)]
    engine.register("logged", pa.table(columns, names=["seq", "row", "event", "reason", "detail", "moment"]))
    told = [f[1] for f in found]
    span = f"row BETWEEN {min(told)} AND {max(told)}"  # the plan lies in the order of rows: the rest is not read
    sql = (
        f"SELECT p.entity, make_timestamptz((l.moment * 1e6)::BIGINT) AS at, l.event, l.reason, l.detail, p.arm,"
        f" {constants(run.asked)} FROM logged l JOIN (SELECT * FROM {parquet(run.plan)} WHERE {span}) p"
        " ON p.row = l.row ORDER BY l.seq"
    )
    sql = with_choices(engine, run.asked.contents, run.plan, run.asked.run, sql)
    first, last = found[0][0], found[-1][0]
    key = f"{run.asked.run}\0{run.outbox.token}\0{first}\0{last}"
    events.publish(run.context, engine, key, sql, {"run": run.asked.run, "last": last})


def constants(asked: Asked) -> str:
    """SQL of the columns that all events of a run share."""
    c = asked.campaign
    given = {"campaign": c.name, "run": asked.run, "channel": c.channel, "category": c.category, "brand": c.brand}
    shared = ", ".join(f"{quote_value(value or None)} AS {name}" for name, value in given.items())
    return shared if c.experiment.allocation == FIXED else f"{shared}, propensity"  # which stands in the plan


def publish_plan(run: Run) -> None:
    """Tell of everyone who is planned, and of those who get nothing and why. From here on the funnel counts events."""
    with run.context.engine.cursor() as engine:
        moment, common, plan = quote_value(now()), constants(run.asked), parquet(run.plan)
        stopped = "CASE bucket WHEN 'suppressed' THEN 'skipped' ELSE bucket END"
        sql = (
            f"SELECT entity, {moment} AS at, 'planned' AS event, NULL AS reason, arm, {common} FROM {plan} UNION ALL"
            f" SELECT entity, {moment} AS at, {stopped} AS event, reason, arm, {common} FROM {plan}"
            " WHERE bucket IN ('suppressed', 'capped', 'held_out')"
        )
        key = f"{run.asked.run}\0{run.outbox.token}\0plan"
        events.publish(run.context, engine, key, sql, {"run": run.asked.run, "last": 0})


def recover(run: Run, engine: Engine) -> None:
    """What a killed process left: a repeatable batch is handed over again, anything else is uncertain."""
    if run.one_by_one:
        run.outbox.settle()
    cut = run.outbox.cut_off()
    if not cut:
        return
    if run.one_by_one:
        again = bool(run.asked.campaign.options.get("resend_uncertain"))
        _doubt(run, cut, again)
        return
    with run.asked.channel.open(run.surroundings) as connection:
        for batch, rows in cut.items():
            parcels = [p for p in _parcels(run, engine, rows, at_any_hour=True) if isinstance(p, Parcel)]
            _note(run, batch, parcels, [Outcome(*o) for o in connection.send(batch, parcels)])


def give_up(run: Run) -> None:
    """What was being handed over when it was cut off, and will not be again, is uncertain."""
    if run.one_by_one:
        run.outbox.settle()
    _doubt(run, run.outbox.cut_off(), False)


def _doubt(run: Run, cut: Mapping[str, Sequence[Row]], again: bool) -> None:
    """Note that nobody knows how rows ended; `again`: and that they wait once more, under the same keys."""
    at, done = run.clock(), []
    for row in (row for batch in cut.values() for row in batch):
        told = [Entry(row.row, events.UNCERTAIN, at)]
        if again:
            told.append(Entry(row.row, events.REQUEUED, at, events.UNCERTAIN))
        done.append(Done(row.n, PENDING if again else UNSURE, told))
    run.outbox.write(done)


def _sweep(run: Run, engine: Engine, limit: int | None, progress: Progress) -> str:
    source = _Source(run, engine, limit, progress)
    waiting = sum(run.outbox.open_rows())
    with progress.stage(run.asked.campaign.name, min(waiting, limit or waiting), "messages"):
        while source.again():
            if run.one_by_one:
                _hand_over_singly(run, source)
            else:
                _hand_over_batches(run, source)
    return source.ended


class _Source:
    """Gives parcels in order; on the way it ends those who must not get it any more."""

    def __init__(self, run: Run, engine: Engine, limit: int | None, progress: Progress) -> None:
        self.run, self.engine, self.left, self.progress = run, engine, limit, progress
        self.ended, self._after = "done", -1
        self._ready: deque[Parcel] = deque()
        self.wait = _limiter(run)
        # No more than two seconds' worth are read ahead: what is known at the hand-over counts.
        rate = float(run.asked.campaign.options.get("rate_per_second", _CHUNK))
        self.chunk = min(_CHUNK, max(int(rate), 1))

    def again(self) -> bool:
        """Whether there is anything to hand over now; begins from the front."""
        self._after = -1
        return self.ended == "done" and self._fill(self.chunk)

    def more(self) -> list[Parcel]:
        """The next parcels; none where all were given, or something says to stop."""
        if not self._ready and not self._fill(self.chunk):
            return []
        taken = list(self._ready)
        self._ready.clear()
        return taken

    def batch(self, size: int) -> list[Parcel]:
        """The next parcels."""
        while len(self._ready) < size and self._fill(size):
            pass
        taken = [self._ready.popleft() for _ in range(min(size, len(self._ready)))]
        self.wait(len(taken))
        self.progress.advance(len(taken))
        return taken

    def stopped(self) -> bool:
        """Whether somebody said that what is ready shall not go out."""
        return self.ended not in ("done", "limit")

    def _fill(self, size: int) -> bool:
        """Read the next rows; False where there are none, or something says to stop."""
        run, said = self.run, self.run.control()
        if said != "go" or self.left == 0:
            self.ended = "limit" if said == "go" else said
            if said != "go":  # what was read ahead is not handed over either
                self._ready.clear()
            return False
        if run.outbox.log_size() > _FLUSHED_AT:
            flush(run, self.engine)
        run.outbox.wake(run.clock())
        while rows := run.outbox.due(run.clock(), size if self.left is None else min(size, self.left), self._after):
            self._after = rows[-1].n
            found = self._checked(rows)
            if self.left is not None:
                self.left -= len(rows)
            self._ready.extend(found)
            if found or self.left == 0:
                return bool(found)
        return False

    def _checked(self, rows: Sequence[Row]) -> list[Parcel]:
        """Those of the rows that may still get it; the others end here."""
        run = self.run
        barred = run._barred.look(self.engine)
        at = run.clock()
        kept = [row for row in rows if row.row not in barred]
        ended = [
            Done(row.n, DONE, [Entry(row.row, events.SKIPPED, at, events.CHANGED, barred[row.row])])
            for row in rows
            if row.row in barred
        ]
        parcels = []
        for row, made in zip(kept, _parcels(run, self.engine, kept), strict=True):
            if isinstance(made, Parcel):
                parcels.append(made)
                if run.one_by_one:
                    time.sleep(0)  # else those that hand over would wait 5 ms each time for the interpreter
            elif isinstance(made, float):
                ended.append(Done(row.n, DEFERRED, (), made))
            else:
                ended.append(Done(row.n, DEAD, [Entry(row.row, events.FAILED, at, "template", made)]))
        if ended:
            run.outbox.write(ended)
        return parcels


def _parcels(
    run: Run, engine: Engine, rows: Sequence[Row], *, at_any_hour: bool = False
) -> Iterator[Parcel | str | float]:
    """A parcel for each row; or why its message cannot be made; or, in quiet hours, when it may go out.

    rows : in the order of their numbers.
    """
    if not rows:
        return
    asked, token, names = run.asked, run.outbox.token, run.asked.variables
    n_s, entities, addresses, arms, zones, *values = _planned(run, engine, rows)
    asleep = {} if at_any_hour else _asleep(run, set(zones))
    given_names, campaign = (*names, "entity", "arm", "campaign", RUN, "unsubscribe_url"), asked.campaign.name
    render = {arm: run.surroundings.renderer(content) for arm, content in asked.contents.items()}
    unsubscribe_url, why_not = run.surroundings.unsubscribe_url, unfit(asked.channel)
    for row, n, entity, address, arm, zone, *tags in zip(
        rows, n_s, entities, addresses, arms, zones, *values, strict=True
    ):
        assert n == row.n, "the plan has every row of its outbox"
        if zone in asleep:
            yield asleep[zone]
            continue
        own = (entity, arm, campaign, asked.run, unsubscribe_url(n))
        given = dict(zip(given_names, (*tags, *own), strict=True))
        try:
            parts = render[arm](given, n)
        except Rendering as error:
            yield error.reason
            continue
        yield why_not(parts) or Parcel(n, row.row, row.tries, f"{token}.{n:x}", entity, address, arm, parts)


def _planned(run: Run, engine: Engine, rows: Sequence[Row]) -> list[list[Any]]:
    """What the plan says of rows, in the order of their numbers: number, entity, address, arm, zone, then the tags."""
    import pyarrow as pa

    engine.register("due_rows", pa.table({"n": pa.array([row.n for row in rows], pa.int64())}))
    span = f"n BETWEEN {rows[0].n} AND {rows[-1].n}"
    table = engine.arrow(f"SELECT * FROM {parquet(run.plan)} WHERE {span} AND n IN (SELECT n FROM due_rows) ORDER BY n")
    names = ("n", "entity", "address", "arm", "zone", *(VALUE + name for name in run.asked.variables))
    return [table[name].to_pylist() for name in names]


def _asleep(run: Run, zones: Iterable[str]) -> dict[str, float]:
    """When quiet hours end in the zones that are in them now, as when approval or an outage took long."""
    quiet, found = run.asked.campaign.quiet, {}
    if quiet is None:
        return {}
    for zone in zones:
        own = zone if known_zone(zone) else run.context.zone.key
        until = not_before(quiet, own, datetime.fromtimestamp(run.clock(), UTC))
        if until is not None:
            found[zone] = until.timestamp()
    return found


def _hand_over_batches(run: Run, source: _Source) -> None:
    """One batch after the other, each made while the one before is handed over."""
    size = int(run.asked.campaign.options.get("batch", run.asked.channel.batch))
    with run.asked.channel.open(run.surroundings) as connection, ThreadPoolExecutor(1) as hands:
        before: Future[None] | None = None
        while parcels := source.batch(size):
            if before is not None:
                before.result()
            before = hands.submit(_hand_over_batch, run, connection, parcels)
        if before is not None:
            before.result()


def _hand_over_batch(run: Run, connection: Connection, parcels: Sequence[Parcel]) -> None:
    batch = f"{parcels[0].n:09}-{uuid.uuid4().hex[:8]}"
    run.outbox.claim([p.n for p in parcels], batch)
    # Should it fail, the rows stay claimed: the next run hands over the very same batch under the same key.
    _note(run, batch, parcels, [Outcome(*o) for o in connection.send(batch, parcels)])


def _note(run: Run, batch: str, parcels: Sequence[Parcel], outcomes: Sequence[Outcome]) -> None:
    """Write down how a batch ended."""
    if all(o.state == SENT and not o.events for o in outcomes):
        run.outbox.finish(batch, run.clock())
        return
    at = run.clock()
    run.outbox.write([ended(parcel, outcome, at) for parcel, outcome in zip(parcels, outcomes, strict=True)])


def _hand_over_singly(run: Run, source: _Source) -> None:
    """Each by itself, on several connections."""
    desk = Desk(run, source.more, source.wait, source.stopped, source.progress.advance, source.chunk)
    desk.work()


def _limiter(run: Run) -> Callable[[int], None]:
    """Waits so that no more than `rate_per_second` messages go out."""
    rate = run.asked.campaign.options.get("rate_per_second")
    if not rate:
        return lambda _: None
    free, lock = [time.monotonic()], threading.Lock()

    def _wait(n: int) -> None:
        with lock:
            begin = max(free[0], time.monotonic())
            free[0] = begin + n / float(rate)
        time.sleep(max(begin - time.monotonic(), 0))

    return _wait


@contextmanager
def held(run: Run) -> Iterator[Engine]:
    """Hold a run's outbox to change it from outside of a delivery, and publish what that logs.

    Raises Failed(`locked`): a process is sending it; it has to be paused first.
    """
    with run.outbox.holding() as mine, run.context.engine.cursor() as engine:
        if not mine:
            fix = "Pause it first, then try again."
            raise Failed("locked", "A process is sending it.", place=run.asked.run, fix=fix)
        yield engine
        flush(run, engine)
