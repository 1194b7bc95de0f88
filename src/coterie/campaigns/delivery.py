"""Handing a run's messages over: what waits goes through its channel, row by row or in batches, and is noted.

Each call goes on where the last one stopped, however it stopped. A row that was being handed over when the process died
is `uncertain`, unless the channel takes a repeated batch only once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coterie.campaigns import events
from coterie.campaigns.channels.base import AGAIN, FAILED, SENT, Outcome, Parcel, Surroundings
from coterie.campaigns.content import Rendering
from coterie.campaigns.outbox import DEAD, DEFERRED, DONE, PENDING, UNSURE, Done, Entry, Outbox, Row
from coterie.campaigns.plan import VALUE, Asked, judgement_sql
from coterie.campaigns.quiet import known_zone, not_before
from coterie.consent.ledger import CONSENT, SUPPRESSIONS
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_value
from coterie.errors import CoterieError, Failed
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.tags.context import TagContext

MOST_TRIES, FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 5, 60.0, 3600.0
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
    _barred: dict[int, str] = field(default_factory=dict)
    _known: object = None
    _quiet: dict[tuple[str, int], float | None] = field(default_factory=dict)

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
    columns = [pa.array([f[i] for f in found], kind) for i, kind in enumerate(kinds)]
    engine.register("logged", pa.table(columns, names=["seq", "row", "event", "reason", "detail", "moment"]))
    sql = (
        f"SELECT p.entity, make_timestamptz((l.moment * 1e6)::BIGINT) AS at, l.event, l.reason, l.detail, p.arm,"
        f" {constants(run.asked)} FROM logged l JOIN {parquet(run.plan)} p ON p.row = l.row ORDER BY l.seq"
    )
    first, last = found[0][0], found[-1][0]
    key = f"{run.asked.run}\0{run.outbox.token}\0{first}\0{last}"
    events.publish(run.context, engine, key, sql, {"run": run.asked.run, "last": last})


def constants(asked: Asked) -> str:
    """SQL of the columns that all events of a run share."""
    c = asked.campaign
    given = {"campaign": c.name, "run": asked.run, "channel": c.channel, "category": c.category, "brand": c.brand}
    return ", ".join(f"{quote_value(value or None)} AS {name}" for name, value in given.items())


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
    cut = run.outbox.cut_off()
    if not cut:
        return
    if run.one_by_one:
        at, again = run.clock(), bool(run.asked.campaign.options.get("resend_uncertain"))
        for row in (row for batch in cut.values() for row in batch):
            told = [Entry(row.row, events.UNCERTAIN, at)]
            if again:
                told.append(Entry(row.row, events.REQUEUED, at, events.UNCERTAIN))
            run.outbox.write([Done(row.n, PENDING if again else UNSURE, told)])
        return
    with run.asked.channel.open(run.surroundings) as connection:
        for batch, rows in cut.items():
            parcels = [p for p in _parcels(run, engine, rows, at_any_hour=True) if isinstance(p, Parcel)]
            _note(run, batch, parcels, [Outcome(*o) for o in connection.send(batch, parcels)])


def give_up(run: Run) -> None:
    """What was being handed over when it was cut off, and will not be again, is uncertain."""
    at = run.clock()
    for row in (row for batch in run.outbox.cut_off().values() for row in batch):
        run.outbox.write([Done(row.n, UNSURE, [Entry(row.row, events.UNCERTAIN, at)])])


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
    """Gives parcels in order, to any number of threads; on the way it ends those who must not get it any more."""

    def __init__(self, run: Run, engine: Engine, limit: int | None, progress: Progress) -> None:
        self.run, self.engine, self.left, self.progress = run, engine, limit, progress
        self.ended, self._after, self._lock = "done", -1, threading.Lock()
        self._ready: list[Parcel] = []
        self.error: BaseException | None = None
        self._wait = _limiter(run)
        # No more than two seconds' worth are read ahead: what is known at the hand-over counts.
        self._chunk = min(_CHUNK, max(int(2 * float(run.asked.campaign.options.get("rate_per_second", _CHUNK))), 1))

    def again(self) -> bool:
        """Whether there is anything to hand over now; begins from the front."""
        if self.error is not None:
            raise self.error
        self._after = -1
        return self.ended == "done" and self._fill()

    def one(self) -> Parcel | None:
        """The next parcel."""
        with self._lock:
            if self.error is not None or (not self._ready and not self._fill()):
                return None
            self._wait(1)
            self.progress.advance(1)
            return self._ready.pop(0)

    def batch(self, size: int) -> list[Parcel]:
        """The next parcels."""
        while len(self._ready) < size and self._fill(size):
            pass
        taken, self._ready = self._ready[:size], self._ready[size:]
        self._wait(len(taken))
        self.progress.advance(len(taken))
        return taken

    def failed(self, error: BaseException) -> None:
        """Stop all threads."""
        with self._lock:
            self.error = self.error or error

    def _fill(self, size: int = 0) -> bool:
        """Read the next rows; False where there are none, or something says to stop."""
        run, size = self.run, size or self._chunk
        if self._ready and self.left is None and len(self._ready) >= size:
            return False
        said = run.control()
        if said != "go" or self.left == 0:
            self.ended = "limit" if said == "go" else said
            return False
        if run.outbox.log_size() > _FLUSHED_AT:
            flush(run, self.engine)
        run.outbox.wake(run.clock())
        while rows := run.outbox.due(run.clock(), size if self.left is None else min(size, self.left), self._after):
            self._after = rows[-1].n
            found = self._checked(rows)
            if self.left is not None:
                self.left -= len(rows)
            self._ready += found
            if found or self.left == 0:
                return bool(found)
        return False

    def _checked(self, rows: Sequence[Row]) -> list[Parcel]:
        """Those of the rows that may still get it; the others end here."""
        run = self.run
        barred = _barred(run, self.engine)
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
    """A parcel for each row; or why its message cannot be made; or, in quiet hours, when it may go out."""
    import pyarrow as pa

    if not rows:
        return
    engine.register("due_rows", pa.table({"n": pa.array([row.n for row in rows], pa.int64())}))
    span = f"n BETWEEN {rows[0].n} AND {rows[-1].n}"
    sql = f"SELECT * FROM {parquet(run.plan)} WHERE {span} AND n IN (SELECT n FROM due_rows) ORDER BY n"
    asked, token, names = run.asked, run.outbox.token, run.asked.variables
    table = engine.arrow(sql)
    own = ("n", "entity", "address", "arm", "zone")
    columns = [table[name].to_pylist() for name in (*own, *(VALUE + name for name in names))]
    found: dict[int, str | float | tuple[Any, ...]] = {}
    for n, entity, address, arm, zone, *values in zip(*columns, strict=True):
        if not at_any_hour and (until := _quiet_until(run, zone)) is not None:
            found[n] = until
            continue
        given = dict(zip(names, values, strict=True))
        given |= {"entity": entity, "campaign": asked.campaign.name, "arm": arm}
        given["unsubscribe_url"] = run.surroundings.unsubscribe_url(n)
        try:
            found[n] = (entity, address, arm, asked.contents[arm].render(given))
        except Rendering as error:
            found[n] = error.reason
    for row in rows:
        made = found[row.n]
        key = f"{token}.{row.n:x}"
        yield Parcel(row.n, row.row, row.tries, key, *made) if isinstance(made, tuple) else made


def _quiet_until(run: Run, zone: str) -> float | None:
    """When quiet hours end in a zone, if it is in them now, as when approval or an outage took long."""
    quiet = run.asked.campaign.quiet
    if quiet is None:
        return None
    minute = int(run.clock() // 60)
    if (zone, minute) not in run._quiet:
        own = zone if known_zone(zone) else run.context.zone.key
        until = not_before(quiet, own, datetime.fromtimestamp(run.clock(), UTC))
        run._quiet[zone, minute] = None if until is None else until.timestamp()
    return run._quiet[zone, minute]


def _barred(run: Run, engine: Engine) -> Mapping[int, str]:
    """Rows that must not be addressed any more, and why; computed anew where anything that decides it has changed."""
    lake = run.context.lake
    decisive = {CONSENT.name, SUPPRESSIONS.name} | ({events.EVENTS.name} if run.asked.rules.caps else set())
    versions = [b.data_version for b in lake.batches() if b.dataset in decisive and b.facts.get("run") != run.asked.run]
    known = (max(versions, default=0), lake.files("entities").paths)
    if known != run._known:
        asked = replace(run.asked, at=now())
        keys = "SELECT DISTINCT row, key FROM known_entities"
        going = f"SELECT p.row, k.key AS entity, p.address FROM {parquet(run.plan)} p LEFT JOIN ({keys}) k USING (row)"
        engine.execute(f"CREATE OR REPLACE TEMP VIEW known_entities AS {_entities(run)}")
        engine.execute(f"CREATE OR REPLACE TEMP TABLE going AS {going} WHERE p.bucket IN ('send', 'deferred')")
        judged = judgement_sql(run.context, asked, "going")
        rows = engine.rows(
            f"SELECT row, coalesce(reason, 'capped') FROM ({judged}) WHERE reason IS NOT NULL OR cap IS NOT NULL"
        )
        run._barred, run._known = {int(row): str(reason) for row, reason in rows}, known
    return run._barred


def _entities(run: Run) -> str:
    from coterie.engines.duckdb import scan

    return f"SELECT row, key FROM {scan(run.context.lake.files('entities'))} WHERE kind = {quote_value(run.asked.kind)}"


def _hand_over_batches(run: Run, source: _Source) -> None:
    size = int(run.asked.campaign.options.get("batch", run.asked.channel.batch))
    with run.asked.channel.open(run.surroundings) as connection:
        while parcels := source.batch(size):
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
    run.outbox.write([_done(parcel, outcome, at) for parcel, outcome in zip(parcels, outcomes, strict=True)])


def _unsure(parcel: Parcel, at: float, reason: str | None = None) -> Done:
    return Done(parcel.n, UNSURE, [Entry(parcel.row, events.UNCERTAIN, at, None, reason)], tried=1)


def _done(parcel: Parcel, outcome: Outcome, at: float) -> Done:
    """What an outcome makes of a row."""
    n, row, tries = parcel.n, parcel.row, parcel.tries
    if outcome.state == SENT:
        entries = [Entry(row, events.SENT, at), *(Entry(row, e, at + after, None, d) for e, after, d in outcome.events)]
        return Done(n, DONE, entries, tried=1)
    if outcome.state == AGAIN and tries + 1 < MOST_TRIES:
        wait = min(FIRST_WAIT_SECONDS * 2**tries, MOST_WAIT_SECONDS)
        return Done(n, PENDING, (), at + wait, tried=1)
    if outcome.state in (AGAIN, FAILED):
        return Done(n, DEAD, [Entry(row, events.FAILED, at, "channel", outcome.reason)], tried=1)
    return _unsure(parcel, at, outcome.reason)


def _hand_over_singly(run: Run, source: _Source) -> None:
    threads = [threading.Thread(target=_carry, args=(run, source)) for _ in range(run.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if source.error is not None:
        raise source.error


def _carry(run: Run, source: _Source) -> None:
    """One connection: note how the last message ended together with the next one's attempt, then hand that over."""
    done: list[Done] = []
    try:
        with run.asked.channel.open(run.surroundings) as connection:
            while (parcel := source.one()) is not None:
                batch = uuid.uuid4().hex[:8]
                run.outbox.write(done, (parcel.n, batch))
                done = [_unsure(parcel, run.clock())]  # should the channel fail in a way that nobody foresaw
                try:
                    (outcome,) = connection.send(batch, [parcel])
                except CoterieError:
                    done = [Done(parcel.n, PENDING)]
                    raise
                done = [_done(parcel, Outcome(*outcome), run.clock())]
    except BaseException as error:
        source.failed(error)
    finally:
        if done:
            run.outbox.write(done)


def _limiter(run: Run) -> Callable[[int], None]:
    """Waits so that no more than `rate_per_second` messages go out."""
    rate = run.asked.campaign.options.get("rate_per_second")
    if not rate:
        return lambda _: None
    free = [time.monotonic()]

    def wait(n: int) -> None:
        pause = free[0] - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        free[0] = max(free[0], time.monotonic()) + n / float(rate)

    return wait


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
