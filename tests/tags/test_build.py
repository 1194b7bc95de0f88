from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from coterie.catalog.schemas import Aggregate, Dataset, DatasetKind, Measure, TagDefinition, ValueType
from coterie.tags import run, states
from coterie.tags.build import build, plan
from coterie.tags.records import Builds

from .reference import close, value
from .world import World

PARIS = ZoneInfo("Europe/Paris")
# Around the change to summer time (31 March 2024, 01:00 UTC) and at the very edges of windows.
START = datetime(2024, 3, 28, 22, tzinfo=UTC)
FIELDS = {
    "when": ValueType.MOMENT,
    "money": ValueType.DECIMAL,
    "pieces": ValueType.INTEGER,
    "word": ValueType.TEXT,
    "size": ValueType.NUMBER,
}
_ALL: tuple[tuple[Measure, ValueType, str | None], ...] = (
    (Measure.COUNT, ValueType.INTEGER, None),
    (Measure.COUNT, ValueType.INTEGER, "word"),
    (Measure.SUM, ValueType.DECIMAL, "money"),
    (Measure.SUM, ValueType.INTEGER, "pieces"),
    (Measure.SUM, ValueType.NUMBER, "size"),
    (Measure.AVG, ValueType.NUMBER, "money"),
    (Measure.AVG, ValueType.NUMBER, "size"),
    (Measure.MIN, ValueType.DECIMAL, "money"),
    (Measure.MAX, ValueType.TEXT, "word"),
    (Measure.MAX, ValueType.NUMBER, "size"),
    (Measure.DISTINCT, ValueType.INTEGER, "word"),
    (Measure.DISTINCT, ValueType.INTEGER, "pieces"),
    (Measure.FIRST, ValueType.TEXT, "word"),
    (Measure.LAST, ValueType.DECIMAL, "money"),
    (Measure.MODE, ValueType.TEXT, "word"),
    (Measure.MODE, ValueType.INTEGER, "pieces"),
    (Measure.DAYS_SINCE, ValueType.INTEGER, None),
    (Measure.DAYS_SINCE_FIRST, ValueType.INTEGER, None),
    (Measure.TREND, ValueType.NUMBER, "money"),
    (Measure.TREND, ValueType.NUMBER, "size"),
    (Measure.DECAYED_SUM, ValueType.NUMBER, "money"),
    (Measure.SHARE, ValueType.NUMBER, None),
)


def definitions() -> list[TagDefinition]:
    """Every measure over all time, and over two of: rows of a condition, a window, one in hours, one of the past."""
    made = []
    for number, (measure, kind, of) in enumerate(_ALL):
        half_life = "36h" if measure is Measure.DECAYED_SUM else None
        share = {"where": "pieces >= 2"} if measure is Measure.SHARE else {}
        windows = (
            ("some", {"where": "pieces >= 2"}),
            ("within", {"within": "2d", **share}),
            ("hours", {"within": "30h", "where": "pieces >= 2"}),
            ("between", {"between": ("4d", "1d"), **share}),
        )
        chosen = [windows[number % 4], windows[(number + 1 + number // 4 % 3) % 4]]
        for suffix, more in (("ever", share), *chosen):
            spec = Aggregate("rows", measure, of, half_life=half_life, **more)
            made.append(TagDefinition(f"{measure}{number}_{suffix}", kind, spec, "rows"))
    return made


def passing(spec: Aggregate) -> Any:
    return (lambda r: r["pieces"] is not None and r["pieces"] >= 2) if spec.where else (lambda r: True)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "entity": st.sampled_from(["a", "b", "c", "d"]),
            "at": st.one_of(
                st.none(),
                st.integers(0, 7 * 24 * 2).map(lambda n: START + timedelta(minutes=30 * n)),
                st.integers(0, 7 * 86_400_000_000).map(lambda n: START + timedelta(microseconds=n)),
            ),
            "money": st.one_of(st.none(), st.decimals(-1000, 1000, places=4)),
            "pieces": st.one_of(st.none(), st.integers(0, 4)),
            "word": st.one_of(st.none(), st.sampled_from(["x", "y", "é", "z", ""])),
            "size": st.one_of(st.none(), st.floats(-100, 100, width=32)),
        }
    ),
    max_size=30,
)
AS_OF = st.one_of(
    st.integers(0, 8 * 24 * 2).map(lambda n: START + timedelta(minutes=30 * n)),
    st.integers(0, 8 * 86_400).map(lambda n: START + timedelta(seconds=n)),
)


@dataclass
class Case:
    world: World
    dataset: Dataset
    rows: list[dict[str, Any]]

    def check(self, as_of: datetime) -> dict[str, tuple[Any, ...]]:
        """The published family equals the plain computation; returns it."""
        found = self.world.family("rows")
        names = sorted(t.name for t in definitions())
        specs = {t.name: t.spec for t in definitions()}
        record = Builds(self.world.store, "customer").published()
        order = [name for name, _ in record.families["rows"].columns if name != "row"]
        assert sorted(order) == names
        for entity, values in found.items():
            mine = [r for r in self.rows if r["entity"] == entity]
            size = max((abs(float(r["size"] or 0)) + abs(float(r["money"] or 0)) for r in mine), default=0.0)
            for name, got in zip(order, values, strict=True):
                expected = value(specs[name], mine, as_of, PARIS, passing(specs[name]))
                assert close(got, expected, scale=1 + 1e3 * size), (entity, name, got, expected, as_of)
        return found


def started(folder: Path, threads: int = 2) -> Case:
    world = World(folder, "Europe/Paris", threads)
    dataset = world.dataset("rows", DatasetKind.EVENTS, FIELDS, entity="who", time="when")
    world.catalog.save_tags(definitions())
    return Case(world, dataset, [])


STEPS = {"first": ROWS, "second": ROWS, "moments": st.tuples(AS_OF, AS_OF, AS_OF), "few": st.booleans()}


def compare(first: Any, second: Any, moments: tuple[datetime, datetime, datetime], few: bool) -> int:
    """Rows come and the as-of moves, to and fro; after each step the built tags equal a plain computation, and a carried
    build equals a full one.

    few : few different texts are counted in the scan itself, as where there are many rows. Returns the steps compared.
    """
    a, b, c = moments
    steps = [(first, a), (second, a), ([], b), (first[:3], c)]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(run, "_CARRY_SHARE", 1e9)  # small data would be read whole, since that is cheaper
        patch.setattr(states, "CODED_ROWS", 0 if few else 1e9)
        case = started(Path(folder) / "ws")
        for rows, as_of in steps:
            if rows:
                case.world.put(case.dataset, rows, row_group=7)
                case.rows += rows
            build(case.world.context, as_of=as_of)
            carried = case.check(as_of)
            assert {s.action for s in plan(case.world.context, as_of=as_of)} <= {"reuse", "reuse if the same"}
            case.world.store.delete("build", "customer")
            build(case.world.context, as_of=as_of)
            assert case.world.family("rows") == carried
        case.world.close()
    return len(steps)


@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(**STEPS)
def test_built_tags_equal_a_plain_computation_and_a_carried_build_a_full_one(**given: Any) -> None:
    assert compare(**given) == 4


@pytest.mark.slow
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(**STEPS)
def test_the_same_at_length(**given: Any) -> None:
    assert compare(**given) == 4
