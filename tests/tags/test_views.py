from __future__ import annotations

from datetime import timedelta

import pytest

from coterie.catalog.schemas import DatasetKind, ValueType
from coterie.errors import NotFound
from coterie.kit.moments import now
from coterie.tags.build import build, offered_as_of
from coterie.tags.published import default_as_of, default_data_version
from coterie.tags.records import Builds
from coterie.tags.service import Tags
from coterie.tags.views import View

from .world import World, moment

JAN, FEB, MAR = (moment(f"2024-0{m}-01T00:00") for m in (1, 2, 3))


@pytest.fixture
def shop(world: World) -> World:
    orders = world.dataset(
        "orders", DatasetKind.EVENTS, {"at": ValueType.MOMENT, "n": ValueType.INTEGER}, entity="who", time="at"
    )
    world.put(orders, [{"entity": "a", "at": JAN, "n": 1}, {"entity": "b", "at": FEB, "n": 2}])
    world.put(orders, [{"entity": "b", "at": JAN, "n": 4}, {"entity": "c", "at": MAR, "n": 8}])
    Tags(world.context).add(
        definitions=[{"name": "s", "aggregate": {"dataset": "orders", "measure": "sum", "of": "n"}}]
    )
    return world


def look(view: View) -> tuple[list[str], list[tuple[str, int]], int]:
    view.use(families=["orders"], datasets=["orders"])
    engine = view.engine
    universe = [row[0] for row in engine.rows("SELECT entity FROM universe ORDER BY row")]
    tags = engine.rows('SELECT entity, s FROM universe LEFT JOIN "family:orders" USING (row) ORDER BY row')
    return universe, tags, engine.value('SELECT count(*) FROM "dataset:orders"')


def test_a_view_shows_the_world_of_its_moment_and_data_version(shop: World) -> None:
    build(shop.context, as_of=MAR)
    context = shop.context
    assert look(View.at(context, "customer")) == (["a", "b", "c"], [("a", 1), ("b", 6), ("c", 8)], 4)
    assert look(View.at(context, "customer", FEB, 1)) == (["a", "b"], [("a", 1), ("b", 2)], 2)
    assert look(View.at(context, "customer", JAN, 1)) == (["a"], [("a", 1)], 1)
    assert look(View.at(context, "customer", JAN, 2)) == (["a", "b"], [("a", 1), ("b", 4)], 2)
    assert look(View.at(context, "customer", MAR, 0)) == ([], [], 0)


def test_views_of_two_moments_stand_side_by_side_on_two_connections(shop: World) -> None:
    build(shop.context, as_of=MAR)
    with shop.engine.cursor() as one, shop.engine.cursor() as other:
        early, late = (View.at(shop.context, "customer", m, engine=e) for m, e in ((JAN, one), (MAR, other)))
        early.use()
        late.use()
        assert [e.value("SELECT count(*) FROM universe") for e in (one, other)] == [2, 3]


def test_without_a_build_the_first_question_makes_one(shop: World) -> None:
    before = now()
    assert default_as_of(shop.context) >= before
    view = View.at(shop.context, "customer")
    assert look(view)[1] == [("a", 1), ("b", 6), ("c", 8)]
    assert default_as_of(shop.context) == view.as_of


def test_the_data_version_is_the_builds_until_something_is_defined(shop: World) -> None:
    build(shop.context, as_of=MAR)
    orders = shop.catalog.dataset("orders")
    version = shop.put(orders, [{"entity": "a", "at": JAN, "n": 100}])
    assert default_data_version(shop.context) == version - 1
    assert look(View.at(shop.context, "customer"))[1][0] == ("a", 1)
    people = shop.dataset("people", DatasetKind.PROFILES, {"city": ValueType.TEXT}, entity="id")
    newest = shop.put(people, [{"entity": "a", "city": "Rome"}])
    assert default_data_version(shop.context) == newest
    view = View.at(shop.context, "customer")
    view.use(families=["people"])
    assert shop.engine.rows('SELECT city FROM "family:people" ORDER BY row') == [("Rome",), (None,), (None,)]
    assert look(view)[1][0] == ("a", 101)


def test_an_unknown_family_or_dataset_is_told(shop: World) -> None:
    view = View.at(shop.context, "customer")
    with pytest.raises(NotFound, match='There is no family "order". Did you mean "orders"?'):
        view.use(families=["order"])
    with pytest.raises(NotFound, match='There is no dataset "order"'):
        view.use(datasets=["order"])


def test_for_old_data_the_end_of_the_last_day_with_an_event_is_offered(shop: World) -> None:
    assert offered_as_of(shop.context) == MAR + timedelta(days=1)
    orders = shop.catalog.dataset("orders")
    shop.put(orders, [{"entity": "a", "at": now(), "n": 1}])
    assert offered_as_of(shop.context) is None


def test_families_of_another_moment_are_whole_whatever_was_asked_first(shop: World) -> None:
    """A formula needs one tag of the family of its parts; the others of that family are there all the same."""
    of_n = {"dataset": "orders", "of": "n"}
    more = [{"name": name, "aggregate": {**of_n, "measure": name}} for name in ("max", "min")]
    Tags(shop.context).add(definitions=[*more, {"name": "twice", "formula": "s * 2"}])
    build(shop.context, as_of=MAR)
    found = []
    for family, tag in (("formulas", "twice"), ("orders", "max"), ("formulas", "twice")):
        view = View.at(shop.context, "customer", FEB, 1)
        view.use(families=[family])
        found.append(
            view.engine.rows(f'SELECT entity, {tag} FROM universe JOIN "family:{family}" USING (row) ORDER BY 1')
        )
    assert found == [[("a", 2), ("b", 4)], [("a", 1), ("b", 2)], [("a", 2), ("b", 4)]]
    known = Builds(shop.context.store, "customer").past(FEB, 1)
    assert known is not None and sorted(known.families) == ["formulas", "orders"]
