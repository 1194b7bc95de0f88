"""The same rule gives the same people in SQL and in the plain-Python evaluator, on random rules and random people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.rules import (
    OPERATORS,
    Facts,
    anniversaries,
    bind_rule,
    compile_rule,
    evaluate,
    parse_rule,
    read_facts,
    sentence,
    sql,
    where,
)
from coterie.rules.binding import BoundNode
from coterie.rules.evaluate import passes
from coterie.rules.leaves import events, habits, neighbours, ranks, sequence
from coterie.rules.sql import _Sets
from coterie.rules.values import load_json

from .world import TAGS, World, answered, edges, make_views, operands, rules, sequences, vocabulary, worlds
from .world import habits as habit_leaves

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
Cell = tuple[str, str, bool]  # operator, type, whether the value was missing
Fault = Callable[[pytest.MonkeyPatch], None]


def check(engine: Engine, world: World, raw: object) -> None:
    make_views(engine, world)
    resolver = world.resolver
    rule, known = parse_rule(raw), {"as_of": world.as_of, "resolver": resolver}
    compiled = compile_rule(rule, world.vocabulary, **known)
    bound = bind_rule(rule, world.vocabulary, **known)
    facts = answered(world, bound)
    expected = [(world.rows[e], e) for e in world.rows if passes(bound, facts[e])]
    assert engine.rows(compiled.members_sql()) == expected
    short = compiled.read_count(engine.row(compiled.count_sql(waterfall=False)))
    assert (short.count, short.universe, short.nodes) == (len(expected), len(world.rows), ())
    found = compiled.read_count(engine.row(compiled.count_sql()))
    assert (found.count, found.universe) == (len(expected), len(world.rows))
    for node, counted in zip(bound.own(), found.nodes, strict=True):
        assert counted.place == node.place
        assert counted.alone == sum(passes(node, f) for f in facts.values()), node.place
    for leaf, (_, question) in zip(compiled.leaves, _different(bound), strict=True):
        rows = {r for (r,) in engine.rows(leaf.rows_sql)} & set(world.rows.values())
        assert rows == {world.rows[e] for e, f in facts.items() if question.passes(question.value(f))}
    first = next(iter(world.rows))
    fetched = read_facts(bound, first, world.vocabulary, engine.rows)
    assert evaluate(rule, fetched, world.vocabulary, **known) == evaluate(rule, facts[first], world.vocabulary, **known)


def _different(bound):  # type: ignore[no-untyped-def]
    return {leaf.key: (place, leaf) for place, leaf in bound.leaves()}.values()


@given(st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_and_evaluator_agree(shared: Engine, data: st.DataObject) -> None:
    world = data.draw(worlds)
    check(shared, world, data.draw(rules(world, wide=True)))


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_rule_survives_json_and_is_one_sentence_in_both_languages(data: st.DataObject) -> None:
    world = data.draw(worlds)
    rule = parse_rule(data.draw(rules(world, wide=True)))
    rule = parse_rule(load_json(json.dumps(rule.as_json(), ensure_ascii=False)))  # as a file holds it: exact decimals
    written = load_json(json.dumps(rule.as_json(), ensure_ascii=False))
    assert parse_rule(written) == rule
    for language, end in (("en", "."), ("zh", "。")):
        said = sentence(rule, language, world.vocabulary)
        assert said.endswith(end) and not any(left in said for left in ("{x}", "{v}", "{of}", "{events}", "\n"))


def check_many(engine: Engine, world: World, raws: list[Any], tally: Counter[Cell] | None = None) -> None:
    """Members alone, of many rules in one query."""
    make_views(engine, world)
    check_over_views(engine, world, raws, tally)


def check_over_views(engine: Engine, world: World, raws: list[Any], tally: Counter[Cell] | None = None) -> None:
    """The same, over views that were made before."""
    bounds = [bind_rule(parse_rule(raw), world.vocabulary, as_of=world.as_of, resolver=world.resolver) for raw in raws]
    sets = _Sets()
    bits = ", ".join(f"{sets.truth(bound).sql} AS b{n}" for n, bound in enumerate(bounds))
    member = f"member AS MATERIALIZED (SELECT chunk, {bits} FROM {sets.last})"
    passed = ", ".join(f'get_bit(b{n}, (u."row" & 65535)::INTEGER) = 1' for n in range(len(bounds)))
    found = 'FROM "universe" AS u JOIN member ON member.chunk = u."row" >> 16'
    rows = {row[0]: row[1:] for row in engine.rows(f"{sets.sql()}, {member} SELECT u.entity, {passed} {found}")}
    for n, (raw, bound) in enumerate(zip(raws, bounds, strict=True)):
        facts = answered(world, bound)
        assert {e: rows[e][n] for e in world.rows} == {e: passes(bound, f) for e, f in facts.items()}, raw
        if tally is not None:
            tally.update(_cells(bound, facts.values()))


def _cells(bound: BoundNode, people: Collection[Facts]) -> set[Cell]:
    leaves = [leaf for _, leaf in bound.leaves()]
    return {(leaf.operator.key, str(leaf.type), leaf.value(facts) is None) for leaf in leaves for facts in people}


@given(st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_and_evaluator_agree_on_wide_rules(shared: Engine, data: st.DataObject) -> None:
    world = data.draw(worlds)
    check_many(shared, world, [data.draw(rules(world, wide=True)) for _ in range(20)])


@pytest.mark.slow
def test_a_hundred_thousand_rules(shared: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Every operator on every type, with the value missing and not, at least twenty times; the table is printed."""
    tally: Counter[Cell] = Counter()
    drawn = Counter[str]()

    @given(st.data())
    @settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def all_agree(data: st.DataObject) -> None:
        world = data.draw(worlds)
        check_many(shared, world, [data.draw(rules(world, wide=True)) for _ in range(20)], tally)
        drawn["rules"] += 20

    all_agree()
    kinds = sorted({str(tag.type) for tag in TAGS})
    lines = [
        f"{drawn['rules']:,} rules agreed; in how many of them an operator met a value of a type | a missing value"
    ]
    lines.append(f"{'':24}" + "".join(f"{kind:>14}" for kind in kinds))
    for operator in OPERATORS.values():
        cells = [
            f"{tally[operator.key, k, False]:,}|{tally[operator.key, k, True]:,}" if k in operator.types else ""
            for k in kinds
        ]
        lines.append(f"{operator.key:24}" + "".join(f"{cell:>14}" for cell in cells))
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert drawn["rules"] >= 100_000
    for operator in OPERATORS.values():
        for kind in operator.types:
            assert all(tally[operator.key, str(kind), missing] >= 20 for missing in (False, True)), (operator.key, kind)


def _operator(key: str, sql: Callable[[str, Any], str]) -> Fault:
    return lambda patch: patch.setitem(OPERATORS[key].__dict__, "sql", sql)


def _words(module: Any, name: str, old: str, new: str) -> Fault:
    """A function that makes SQL, with some words of what it makes replaced."""
    made = getattr(module, name)
    return lambda patch: patch.setattr(module, name, lambda *a, **k: made(*a, **k).replace(old, new))


def _window(patch: pytest.MonkeyPatch) -> None:
    for module in (events, sequence):
        _words(module, "inside_sql", ">", ">=")(patch)


def _ties(patch: pytest.MonkeyPatch) -> None:
    for name in ("first_sql", "ranks_sql"):
        made = getattr(ranks.BoundRanking, name)

        def wrong(self: ranks.BoundRanking, *given: Any, made: Any = made) -> str:
            return str(made(replace(self, order=f"{self.order} DESC"), *given))

        patch.setattr(ranks.BoundRanking, name, wrong)


FAULTS: dict[str, Fault] = {
    "gt for gte": _operator("gte", lambda x, v: f"{x} > {quote_value(v)}"),
    "a missing value is not equal": _operator("ne", lambda x, v: f"{x} IS DISTINCT FROM {quote_value(v)}"),
    "the end of between is left out": _operator(
        "between", lambda x, v: f"{x} >= {quote_value(v[0])} AND {x} < {quote_value(v[1])}"
    ),
    "an empty list is missing": _operator("none_of", lambda x, v: f"NOT list_has_any({x}, {quote_value(v)}) AND len({x}) > 0"),
    "a missing value under not": lambda patch: patch.setattr(where, "negated_sql", lambda part: f"NOT ({part})"),
    "days begin in UTC": lambda patch: patch.setattr(anniversaries, "quote_value", lambda zone: "'UTC'"),
    "the start of a window is included": _window,
    "equal values are ranked from behind": _ties,
    "events of one moment follow each other": _words(sequence, "_chain_sql", "p.moment < n.moment", "p.moment <= n.moment"),
    "a gap ends before its end": _words(sequence, "_chain_sql", "n.moment - p.moment <= ", "n.moment - p.moment < "),
    "a period begins at its start": _words(habits, "_period_sql", "> TIMESTAMPTZ", ">= TIMESTAMPTZ"),
    "someone is a neighbour of himself": _words(neighbours.NeighboursLeaf, "_counts_sql", "<>", "IS NOT NULL AND 'x' <>"),
    "xor is any": lambda patch: patch.setattr(sql._Sets, "_exactly_one", lambda self, parts: self.joined("|", parts)),
}  # fmt: skip


# Faults at a single microsecond of one kind of condition: only rules of that kind are drawn.
FOCUS = {
    "events of one moment follow each other": sequences,
    "a gap ends before its end": sequences,
    "a period begins at its start": habit_leaves,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_seeded_faults_are_caught(shared: Engine, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One operator's SQL is changed, and the property finds it within some thousand rules."""
    FAULTS[name](monkeypatch)

    @given(st.data())
    @settings(
        max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None
    )
    def all_agree(data: st.DataObject) -> None:
        world = data.draw(worlds)
        moments = edges(world.as_of, world.zone)
        drawn = FOCUS[name](moments) if name in FOCUS else rules(world, depth=1, wide=True)
        check_many(shared, world, [data.draw(drawn) for _ in range(30)])

    with pytest.raises((AssertionError, ExceptionGroup)):
        all_agree()


@given(st.data())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operator_on_every_tag(shared: Engine, data: st.DataObject) -> None:
    """Each one can be counted, and both agree, with missing values and people without the family."""
    world = data.draw(worlds)
    make_views(shared, world)
    moments = edges(world.as_of, world.zone)
    for tag in TAGS:
        for operator in (o for o in OPERATORS.values() if tag.type in o.types):
            raw: dict[str, Any] = {"tag": tag.name, "op": operator.key}
            if operator.operand != "nothing":
                raw["value"] = data.draw(operands(operator.key, tag.type, moments))
            compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=world.as_of)
            expected = [r for e, r in world.rows.items() if passes(compiled.bound, world.facts(e))]
            assert [r for r, _ in shared.rows(compiled.members_sql())] == expected, raw


@pytest.mark.parametrize(
    ("zone", "as_of", "span", "start"),
    [
        # by hand: the night to summer time has 23 hours, the one back 25; a month before the 31st is the month's last day
        ("Europe/Paris", "2024-03-31T12:00+00:00", "1d", "2024-03-30T13:00+00:00"),
        ("Europe/Paris", "2024-03-31T12:00+00:00", "24h", "2024-03-30T12:00+00:00"),
        ("America/New_York", "2024-11-03T17:00+00:00", "1d", "2024-11-02T16:00+00:00"),
        ("UTC", "2024-05-31T23:59:59.999999+00:00", "1m", "2024-04-30T23:59:59.999999+00:00"),
        ("Asia/Shanghai", "2024-02-29T00:00+00:00", "1y", "2023-02-28T00:00+00:00"),
    ],
)
def test_windows_leave_out_their_start_and_keep_their_end(
    shared: Engine, zone: str, as_of: str, span: str, start: str
) -> None:
    end, begin, micro = datetime.fromisoformat(as_of), datetime.fromisoformat(start), timedelta(microseconds=1)
    at = {"before": begin - micro, "start": begin, "inside": begin + micro, "end": end, "undated": None}
    rows = {name: number for number, name in enumerate(at)}
    events = {"orders": [(name, {"_at": moment, "When": moment, "Customer": name}) for name, moment in at.items()]}
    world = World(end, zone, rows, {}, {name: [] for name in rows}, events | {"deals": []}, [])
    make_views(shared, world)
    for raw, expected in [
        ({"events": "orders", "within": span}, ["inside", "end"]),
        ({"events": "orders", "never": True, "within": span}, ["before", "start", "undated"]),
        ({"events": "orders", "between": ["10y", span]}, ["before", "start"]),
        ({"events": "orders"}, list(at)),
    ]:
        compiled = compile_rule(parse_rule(raw), world.vocabulary, as_of=end)
        assert [entity for _, entity in shared.rows(compiled.members_sql())] == expected
        assert [e for e in rows if passes(compiled.bound, world.facts(e))] == expected


def test_waterfall_of_nested_groups(shared: Engine) -> None:
    """By hand: what remains at a child of `all` is after it and all before it, also below a group."""
    shared.execute(
        'CREATE OR REPLACE TEMP TABLE "universe" AS SELECT range AS "row", \'C\' || range AS entity FROM range(100000)'
    )
    shared.execute(
        'CREATE OR REPLACE TEMP TABLE "family:rfm" AS SELECT range AS "row", (range % 10)::DECIMAL(18, 4) AS "rfm.monetary" FROM range(99990)'
    )
    tag = {"tag": "rfm.monetary"}
    raw = {
        "all": [
            {**tag, "op": "gte", "value": 2},
            {"any": [{**tag, "op": "lt", "value": 4}, {**tag, "op": "eq", "value": 9}]},
            {"not": {**tag, "op": "eq", "value": 3}},
        ]
    }
    compiled = compile_rule(parse_rule(raw), vocabulary(), as_of=AS_OF)
    found = compiled.read_count(shared.row(compiled.count_sql()))
    assert (found.count, found.universe) == (2 * 9999, 100000)
    assert [(n.place, n.alone, n.remaining, n.removed) for n in found.nodes] == [
        ("rule", 19998, 19998, 80002),
        ("all[0]", 79992, 79992, 20008),
        ("all[1]", 49995, 29997, 49995),
        ("all[1].any[0]", 39996, 19998, 59994),
        ("all[1].any[1]", 9999, 9999, 69993),
        ("all[2]", 90001, 19998, 9999),
        ("all[2].not", 9999, 9999, 19998),
    ]


def test_everyone_and_an_empty_universe(shared: Engine) -> None:
    shared.execute('CREATE OR REPLACE TEMP TABLE "universe" ("row" BIGINT, entity VARCHAR)')
    compiled = compile_rule(parse_rule({"all": []}), vocabulary(), as_of=AS_OF)
    assert compiled.read_count(shared.row(compiled.count_sql())).count == 0
    shared.execute("INSERT INTO universe VALUES (7, 'C7')")
    assert shared.rows(compiled.members_sql()) == [(7, "C7")]
