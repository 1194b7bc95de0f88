"""The funnel adds up: at every step, after every kill, under random consent, caps, quiet hours and failures."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.campaigns.opening import Opened, adds_up, hello, opened

from coterie.campaigns import delivery, events
from coterie.campaigns.channels.base import Outcome, Parcel
from coterie.engines.duckdb import scan
from coterie.errors import Failed
from coterie.kit.moments import now


class Wild:
    """A channel that fails in every way there is: refuses, asks for another try, loses the answer, dies."""

    name, parts, options, address, opt_in, permitted_as = "wild", (), (), None, False, "webhook"
    connections = 2

    def __init__(self, seed: int, repeatable: bool, batch: int) -> None:
        self._draw, self.repeatable, self.batch = random.Random(seed), repeatable, batch
        self.taken: Counter[str] = Counter()

    def check(self, options: Any) -> None:
        """Anything goes."""

    @contextmanager
    def open(self, _given: Any) -> Iterator[Wild]:
        yield self

    def send(self, _batch: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        if self._draw.random() < 0.02:
            raise Failed("not_delivered", "It is out of reach.")
        if self._draw.random() < 0.03:
            raise Killed
        return [self._one(parcel) for parcel in parcels]

    def _one(self, parcel: Parcel) -> Outcome:
        drawn = self._draw.random()
        if drawn < 0.1:
            return Outcome("failed", "refused")
        if drawn < 0.2:
            return Outcome("again", "busy")
        if drawn < 0.25 and not self.repeatable:
            return Outcome("unknown", "cut off")
        self.taken[parcel.key] += 1
        return Outcome("sent", None, [("delivered", 1.0, None)])


class Killed(BaseException):
    """The process dies here."""


def _steps(made: Opened, channel: Wild, draw: random.Random) -> Iterator[dict[str, Any]]:
    """Sends in bits with everything that can happen in between; the status after each."""
    running, records = made.campaigns.running, made.campaigns.records
    occurrence = running._begin(records.occurrence("hello"))
    hours = 0.0
    for step in range(12):
        yield made.campaigns.status("hello")
        what = draw.choice(["go", "go", "go", "wait", "revoke", "suppress", "retry", "receipt"])
        if what == "wait":
            hours += 9
        elif what == "revoke":
            made.consent.set(f"{draw.randrange(240):06}", "email", "revoked")
        elif what == "suppress":
            made.consent.suppress([f"p{draw.randrange(240):03}@example.com"], "complaints")
        elif what == "retry":
            running.retry("hello", draw.choice(["failed", "uncertain"]))
        elif what == "receipt" and channel.taken:
            running.receive("hello", "bounced", {draw.choice(list(channel.taken)): "5.1.1"})
        else:
            _go(made, occurrence, channel, draw, hours)
    made.campaigns.cancel("hello")
    yield made.campaigns.status("hello")


def _go(made: Opened, occurrence: Any, channel: Wild, draw: random.Random, hours: float) -> None:
    """One delivery; where it is killed, nothing that was in memory is written any more."""
    from dataclasses import replace

    with made.campaigns.running.opened(occurrence) as run:
        run.asked = replace(run.asked, channel=channel)
        run.clock = lambda: time.time() + hours * 3600
        if draw.random() < 0.3:  # killed right after an attempt was noted
            rows = run.outbox.due(run.clock(), 3)
            run.outbox.claim([row.n for row in rows], f"killed-{draw.random()}")
            return
        try:
            delivery.deliver(run, limit=draw.choice([None, 10, 50]))
        except (Failed, Killed):
            pass


@settings(max_examples=1, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), repeatable=st.booleans())
def test_it_adds_up_at_every_step(campaign_base: Path, tmp_path_factory: Any, seed: int, repeatable: bool) -> None:
    _check_one(campaign_base, tmp_path_factory.mktemp("funnel"), seed, repeatable)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1_000_000), repeatable=st.booleans())
def test_it_adds_up_at_every_step_of_many(
    campaign_base: Path, tmp_path_factory: Any, seed: int, repeatable: bool
) -> None:
    _check_one(campaign_base, tmp_path_factory.mktemp("funnel"), seed, repeatable, every=True)


def _check_one(base: Path, folder: Path, seed: int, repeatable: bool, every: bool = False) -> None:
    draw = random.Random(seed)
    shutil.copytree(base, folder / "ws")
    with opened(folder / "ws") as made:
        made.campaigns.set_rules(
            {"caps": [{"limit": draw.randint(1, 2), "within": "7d"}], "holdout": draw.choice([0, 0.1])}
        )
        made.campaigns.create(hello(name="before"))
        made.send("before", limit=draw.randint(0, 80))
        quiet = {"from": f"{draw.randrange(24):02}:00", "until": f"{draw.randrange(24):02}:30", "zone": "zone"}
        experiment = {"arms": ["a", "b"], "holdout": draw.choice([0, 0.2])}
        made.campaigns.create(hello(quiet=quiet, experiment=experiment))
        made.campaigns.plan("hello")
        made.campaigns.approve("hello")
        channel = Wild(seed, repeatable, 7 if repeatable else 1)
        last: dict[str, Any] = {}
        for last in _steps(made, channel, draw):
            assert adds_up(last), last
        assert last["pending"] == last["deferred"] == 0 and last["planned"] == 240
        _check_people(made, last, draw.sample(range(240), 40 if every else 12))


def _check_people(made: Opened, status: dict[str, Any], some: list[int]) -> None:
    """Who is in each bar is as many as the funnel says, and the path of each ends in the bar that they are in."""
    where: dict[str, str] = {}
    for bar in ("suppressed", "capped", "held_out", "sent", "uncertain", "failed", "cancelled", "expired"):
        found = made.campaigns.people("hello", bar, limit=1000)
        wanted = sum(status["suppressed"].values()) if bar == "suppressed" else status[bar]
        assert found["total"] == wanted == len(found["people"]), bar
        where |= {person["entity"]: bar for person in found["people"]}
    assert len(where) == 240, "everybody is in one bar"
    assert all(made.campaigns.running.path("hello", f"{i:06}")["bucket"] == where[f"{i:06}"] for i in some)


def test_an_event_that_is_lost_shows(shop: Opened) -> None:
    shop.campaigns.create(hello(experiment={"arms": ["a"], "holdout": 0.2}))
    status = shop.send("hello")
    assert adds_up(status)
    for event in ("planned", "skipped", "held_out", "sent"):
        with shop.ws.lake.staging() as folder, shop.ws.engine.cursor() as engine:
            table = events.EVENTS.table
            files = shop.ws.lake.whole(table)
            numbered = f"SELECT *, row_number() OVER (PARTITION BY event ORDER BY _entity) AS place FROM {scan(files)}"
            path = folder / "less.parquet"
            kept = f"SELECT * EXCLUDE (place) FROM ({numbered}) WHERE event <> '{event}' OR place > 1"
            engine.copy_parquet(kept, path)
            with shop.ws.lake.locked():
                shop.ws.lake.rewrite(table, [path])
        before, status = status, shop.campaigns.status("hello")
        assert abs(status["difference"]) != abs(before["difference"]), event


def _count(shop: Opened, rule: Any) -> int:
    return shop.ws.audiences.count(rule, as_of=now(), data_version=shop.ws.data_version).count


def test_a_bar_becomes_an_audience(shop: Opened) -> None:
    shop.campaigns.create(hello())
    status = shop.send("hello")
    rule = shop.campaigns.running.audience_of("hello", "sent")
    assert _count(shop, rule) == status["sent"] > 100
    rule = shop.campaigns.running.audience_of("hello", "skipped:no_consent")
    assert _count(shop, rule) == status["suppressed"]["no_consent"]
