"""A build that carries an earlier one on reads little, and gives what a full build gives."""

from __future__ import annotations

import functools
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.catalog.schemas import Dataset, DatasetKind, ValueType
from coterie.engines.duckdb import scan
from coterie.errors import Cancelled
from coterie.kit.progress import Progress
from coterie.tags import states
from coterie.tags.build import build, plan
from coterie.tags.published import ensure
from coterie.tags.records import Builds
from coterie.tags.service import Tags

from .world import World, moment

AS_OF = moment("2024-07-01T00:00")
FIELDS = {
    "at": ValueType.MOMENT,
    "order": ValueType.TEXT,
    "amount": ValueType.DECIMAL,
    "category": ValueType.TEXT,
    "size": ValueType.NUMBER,
}
ROWS, PEOPLE = 30_000, 1_500
MORE = [
    {"measure": "count", "within": "7d"},
    {"measure": "sum", "of": "amount", "within": "30d"},
    {"measure": "avg", "of": "size", "where": {"field": "category", "op": "ne", "value": "a"}},
    {"measure": "max", "of": "amount", "within": "30d"},
    {"measure": "distinct", "of": "category", "within": "30d"},
    {"measure": "mode", "of": "category"},
    {"measure": "last", "of": "category"},
    {"measure": "first", "of": "amount", "within": "30d"},
    {"measure": "trend", "of": "amount", "within": "30d"},
    {"measure": "decayed_sum", "of": "amount", "half_life": "14d"},
    {"measure": "share", "where": "amount > 20", "between": ["60d", "30d"]},
]


@functools.cache
def events(seed: int, rows: int, start: str, days: float, *, sort: bool = True) -> list[dict[str, Any]]:
    """Events of a few heavy and many light customers, in the order of time as exports are."""
    rng = np.random.default_rng(seed)
    seconds = rng.integers(0, int(days * 86_400), rows)
    who = (rng.power(0.4, rows) * PEOPLE).astype(int)
    made = [
        {
            "entity": f"c{who[i]:05}",
            "at": moment(start) + timedelta(seconds=int(seconds[i])),
            "order": f"{who[i]}/{seconds[i] // 86_400}",
            "amount": Decimal(int(rng.integers(-500, 10_000))) / 100,
            "category": "abcdefg"[rng.integers(7)] if rng.random() > 0.05 else None,
            "size": float(rng.random()),
        }
        for i in range(rows)
    ]
    return sorted(made, key=lambda r: r["at"]) if sort else made


def shop(folder: Path, threads: int = 2) -> tuple[World, Dataset]:
    """Half a year of events, RFM and aggregates of every sort; a profile beside."""
    world = World(folder, "Europe/Paris", threads)
    dataset = world.dataset("orders", DatasetKind.EVENTS, FIELDS, entity="who", time="at")
    people = world.dataset("people", DatasetKind.PROFILES, {"city": ValueType.TEXT}, entity="id")
    world.put(dataset, events(1, ROWS, "2024-01-01T00:00", 182), row_group=500)
    world.put(people, [{"entity": f"c{i:05}", "city": "xyz"[i % 3]} for i in range(PEOPLE)])
    tags = Tags(world.context)
    tags.add(recipe="rfm", events="orders", amount="amount", order="order")
    named = [{"name": f"t{n}", "aggregate": {"dataset": "orders", **spec}} for n, spec in enumerate(MORE)]
    tags.add(definitions=named)
    return world, dataset


FAMILIES = ("orders", "rfm", "people")


def answers(world: World) -> dict[str, Any]:
    return {family: world.family(family) for family in FAMILIES}


def full(world: World, **when: Any) -> tuple[dict[str, Any], int]:
    """What a build from nothing gives, and the rows it reads."""
    world.store.delete("build", "customer")
    report = build(world.context, **when)
    return answers(world), report.rows_scanned


@pytest.fixture(scope="module", params=[pytest.param("many values", marks=pytest.mark.slow), "few values"])
def template(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    """A workspace with a build, which each test gets a copy of."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "few values":  # these are counted in the scan itself, where there are many rows
            patch.setattr(states, "CODED_ROWS", 0)
        world, dataset = shop(folder / "ws")
        report = build(world.context, as_of=AS_OF)
        world.close()
        yield folder / "ws", dataset, report


@pytest.fixture
def built(template: Any, tmp_path: Path) -> Any:
    folder, dataset, report = template
    shutil.copytree(folder, tmp_path / "ws")
    world = World(tmp_path / "ws", "Europe/Paris")
    yield world, dataset, report
    world.close()


def test_after_a_hundred_events_under_5_percent_of_a_full_build_is_read(built: Any) -> None:
    world, dataset, first = built
    fresh = list(events(2, 97, "2024-01-01T00:00", 182, sort=False))
    fresh += [{**fresh[0], "entity": "new"}, {**fresh[1], "at": None}, {**fresh[2], "at": AS_OF + timedelta(days=3)}]
    world.put(dataset, fresh)
    report = build(world.context, as_of=AS_OF)
    carried = answers(world)
    expected, rows = full(world, as_of=AS_OF)
    assert carried == expected
    assert report.rows_scanned < 0.05 * rows
    assert first.rows_scanned > ROWS


def test_moving_the_as_of_by_a_day_reads_under_a_fifth(built: Any) -> None:
    world, _, first = built
    later = AS_OF + timedelta(days=1)
    report = build(world.context, as_of=later)
    carried = answers(world)
    expected, rows = full(world, as_of=later)
    assert carried == expected
    assert report.rows_scanned < 0.2 * rows
    assert report.rows_scanned < 0.2 * first.rows_scanned


def test_many_small_batches_and_days_in_a_row(built: Any) -> None:
    world, dataset, _ = built
    for day in range(1, 4):
        as_of = AS_OF + timedelta(days=day)
        world.put(dataset, events(10 + day, 30, (as_of - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M"), 20))
        build(world.context, as_of=as_of)
    assert answers(world) == full(world, as_of=as_of)[0]


def test_nothing_new_reads_nothing_and_writes_nothing(built: Any) -> None:
    world, _, _ = built
    before = Builds(world.store, "customer").published()
    report = build(world.context, as_of=AS_OF)
    after = Builds(world.store, "customer").published()
    assert report.rows_scanned == 0
    assert {f: t.version for f, t in before.families.items()} == {f: t.version for f, t in after.families.items()}
    assert [s.action for s in plan(world.context, as_of=AS_OF)][:3] == ["reuse"] * 3


def test_a_family_of_another_dataset_is_left_alone(built: Any) -> None:
    world, dataset, _ = built
    before = Builds(world.store, "customer").published()
    world.put(dataset, events(3, 5, "2024-06-01T00:00", 20))
    build(world.context, as_of=AS_OF)
    after = Builds(world.store, "customer").published()
    assert before.families["people"].version == after.families["people"].version
    assert before.families["orders"].version < after.families["orders"].version


def test_a_new_tag_is_computed_beside_those_that_are_carried_on(built: Any) -> None:
    world, dataset, _ = built
    world.put(dataset, events(4, 50, "2024-06-01T00:00", 20))
    fresh = {"dataset": "orders", "measure": "min", "of": "amount", "where": 'category == "b"'}
    Tags(world.context).add(definitions=[{"name": "extra", "aggregate": fresh}])
    report = build(world.context, as_of=AS_OF)
    assert answers(world) == full(world, as_of=AS_OF)[0]
    assert ROWS < report.rows_scanned < 1.1 * ROWS


def test_rows_that_were_replaced_are_forgotten(built: Any) -> None:
    world, dataset, _ = built
    world.put(dataset, events(5, 200, "2024-06-01T00:00", 20), replace_=True)
    build(world.context, as_of=AS_OF)
    carried = answers(world)
    assert carried == full(world, as_of=AS_OF)[0]
    assert 0 < sum(row[0] for row in carried["rfm"].values()) <= 200  # orders


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    world, _ = shop(tmp_path / "ws")

    class Stopping(Progress):
        """Stops as soon as the first family is under way."""

        def shown(self) -> None:
            if self.name.startswith("Tags of"):
                self.cancel()

    with pytest.raises(Cancelled):
        build(world.context, as_of=AS_OF, progress=Stopping())
    assert Builds(world.store, "customer").published() is None
    again = build(world.context, as_of=AS_OF)
    assert again.rows_scanned == 0
    assert answers(world) == full(world, as_of=AS_OF)[0]
    world.close()


def test_lost_work_files_are_made_again(built: Any) -> None:
    world, dataset, first = built
    for path in (world.lake.root.parent / "cache").rglob("*.arrow"):
        path.unlink()
    world.put(dataset, events(6, 10, "2024-06-01T00:00", 20))
    assert build(world.context, as_of=AS_OF).rows_scanned > first.rows_scanned / 2
    assert answers(world) == full(world, as_of=AS_OF)[0]


def test_one_thread_gives_what_two_give(tmp_path: Path) -> None:
    found = []
    for threads in (1, 2):
        world, _ = shop(tmp_path / str(threads), threads)
        build(world.context, as_of=AS_OF)
        found.append(answers(world))
        world.close()
    assert found[0] == found[1]


def test_the_past_is_computed_again_and_kept(built: Any) -> None:
    world, dataset, _ = built
    was = world.family("orders")
    version = world.lake.data_version
    published = ensure(world.context, ["orders"], AS_OF, version)["orders"]
    past = world.engine.rows(f"SELECT * FROM {scan(published)}")
    world.put(dataset, events(7, 300, "2024-03-01T00:00", 100))
    build(world.context, as_of=AS_OF + timedelta(days=30))
    now = world.family("orders")
    assert now != was
    files = ensure(world.context, ["orders"], AS_OF, version)["orders"]
    again = ensure(world.context, ["orders"], AS_OF, version)["orders"]
    assert files.paths == again.paths and "past" in files.table
    assert sorted(world.engine.rows(f"SELECT * FROM {scan(files)}"), key=repr) == sorted(past, key=repr)
    assert world.family("orders") == now
