from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.shop import make_shop

import coterie
from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.jobs.registry import find_job
from coterie.kit.progress import Progress
from coterie.lake import upkeep
from coterie.lake.tables import is_mixed, is_numbered
from coterie.tags import jobs
from coterie.tags.build import build
from coterie.tags.jobs import UPKEEP
from coterie.tags.numbered import number, waiting
from coterie.tags.service import Tags
from coterie.tags.views import View

from .world import World, moment

DAYS = [moment(f"2024-01-0{day}T12:00") for day in range(1, 7)]
LOYAL_BUYERS = {"events": "orders", "op": "gte", "value": 1, "within": "90d"}
FIELDS = {"at": ValueType.MOMENT, "n": ValueType.INTEGER}


@pytest.fixture
def shop(world: World) -> World:
    orders = world.dataset("orders", DatasetKind.EVENTS, FIELDS, entity="who", time="at")
    world.put(orders, [{"entity": "b", "at": DAYS[2], "n": 1}, {"entity": "a", "at": DAYS[0], "n": 2}])
    world.put(orders, [{"entity": "c", "at": DAYS[1], "n": 4}])
    return world


def put(shop: World, *rows: tuple[str, datetime, int]) -> None:
    dataset = shop.context.catalog.dataset("orders")
    shop.put(dataset, [{"entity": entity, "at": at, "n": n} for entity, at, n in rows])


def seen(shop: World, as_of: datetime, version: int) -> list[Any]:
    """What conditions on events read, by their entities' keys."""
    with shop.engine.cursor() as engine:
        View.at(shop.context, "customer", as_of, version, engine=engine).use(datasets=["orders"])
        sql = 'SELECT u.entity, e.n, e._at, e._batch FROM "events:orders" AS e JOIN universe AS u ON u.row = e._row'
        looked_up = engine.rows(
            'SELECT e._entity, e.n, e._at, e._batch FROM "dataset:orders" AS e JOIN universe AS u ON u.entity = e._entity'
        )
        found = sorted(engine.rows(sql))
    assert found == sorted(looked_up)
    return found


def files(shop: World) -> list[Any]:
    return list(shop.context.lake.files("data/orders").paths)


def test_numbers_are_written_in_the_order_of_time(shop: World) -> None:
    before = seen(shop, DAYS[5], 2)
    assert set(waiting(shop.context)) == {"orders"}
    done = number(shop.context, "orders")
    assert (done.files_before, done.files_after, done.rows) == (2, 1, 3)
    (path,) = files(shop)
    assert is_numbered(path) and is_mixed(path) and not waiting(shop.context)
    table = pq.read_table(path)
    assert table["_at"].to_pylist() == sorted(table["_at"].to_pylist())
    rows = dict(shop.engine.rows(f"SELECT entity, row FROM ({View.at(shop.context, 'customer').universe_sql()})"))
    assert [rows[key] for key in table["_entity"].to_pylist()] == table["_row"].to_pylist()
    assert seen(shop, DAYS[5], 2) == before


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_past_answer_changes(world: World, data: st.DataObject) -> None:
    first = world.context.lake.data_version
    name = f"orders{first}"
    dataset = world.dataset(name, DatasetKind.EVENTS, FIELDS, entity="who", time="at")
    event = st.tuples(st.sampled_from("abcde"), st.sampled_from(DAYS), st.integers(0, 3))
    for step in data.draw(st.lists(st.one_of(st.just("number"), st.lists(event, min_size=1, max_size=4)), max_size=5)):
        if step == "number":
            known = everything(world, name, first)
            number(world.context, name)
            assert everything(world, name, first) == known
        else:
            world.put(dataset, [{"entity": e, "at": at, "n": n} for e, at, n in step])
    everything(world, name, first)


def everything(world: World, name: str, first: int) -> list[Any]:
    found = []
    for version in range(first, world.context.lake.data_version + 1):
        for as_of in (DAYS[2], DAYS[5]):
            with world.engine.cursor() as engine:
                View.at(world.context, "customer", as_of, version, engine=engine).use(datasets=[name])
                own = f'SELECT u.entity, e.n, e._at FROM "events:{name}" AS e JOIN universe AS u ON u.row = e._row'
                plain = f'SELECT _entity, n, _at FROM "dataset:{name}" SEMI JOIN universe ON universe.entity = _entity'
                found.append(sorted(engine.rows(own)))
                assert found[-1] == sorted(engine.rows(plain))
    return found


def test_later_batches_are_looked_up_until_they_are_numbered_too(shop: World) -> None:
    number(shop.context, "orders")
    put(shop, ("d", DAYS[3], 8), ("a", DAYS[4], 16))
    assert [is_numbered(p) for p in files(shop)] == [True, False]
    found = seen(shop, DAYS[5], 3)
    assert [n for _, n, _, _ in found] == [2, 16, 1, 4, 8]
    assert number(shop.context, "orders").rows == 5
    assert len(files(shop)) == 1 and seen(shop, DAYS[5], 3) == found
    assert number(shop.context, "orders").rows == 0  # nothing is left to do


def test_it_gives_up_where_another_process_took_a_file(shop: World) -> None:
    old = upkeep.unnumbered(shop.context.lake, "data/orders")
    with shop.context.lake.staging() as staging:
        shop.engine.copy_parquet("SELECT 1 AS x", staging / "other.parquet")
        number(shop.context, "orders")
        assert not upkeep.exchange(shop.context.lake, "data/orders", old, staging / "other.parquet")
    assert len(seen(shop, DAYS[5], 2)) == 3


def test_tags_go_on_from_numbered_events(shop: World) -> None:
    Tags(shop.context).add(definitions=[{"name": "s", "aggregate": {"dataset": "orders", "measure": "sum", "of": "n"}}])
    build(shop.context, as_of=DAYS[4])
    number(shop.context, "orders")
    put(shop, ("a", DAYS[3], 32))
    build(shop.context, as_of=DAYS[5])
    view = View.at(shop.context, "customer")
    view.use(families=["orders"])
    found = view.engine.rows('SELECT entity, s FROM universe JOIN "family:orders" USING (row) ORDER BY entity')
    assert found == [("a", 34), ("b", 1), ("c", 4)]


def test_upkeep_numbers_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_shop(tmp_path)
    upkeep_job = find_job(UPKEEP)
    with coterie.open(str(tmp_path / "ws")) as ws:
        assert upkeep_job.plan(ws, {}) == []  # so few are looked up as fast as they are read
        monkeypatch.setattr(jobs, "_LEAST_BYTES", 1)
        plan = upkeep_job.plan(ws, {})
        assert plan == [{"dataset": "orders"}]
        before = ws.audiences.count(LOYAL_BUYERS).count
        done = upkeep_job.run(ws, plan[0], Progress())
        assert done["rows"] == 7 and upkeep_job.plan(ws, {}) == []
        assert ws.audiences.count(LOYAL_BUYERS).count == before == 3
        assert find_job(jobs.VACUUM).run(ws, {}, Progress()) == {"deleted_files": 0}  # others may still read them
