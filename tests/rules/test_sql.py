"""Golden SQL of readable cases, each also run; and how much a large rule costs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coterie.engines.duckdb import Engine
from coterie.rules import PlainResolver, compile_rule, parse_rule, sentence

from .world import make_views, make_world, vocabulary

GOLDEN = Path(__file__).parent / "golden"
AS_OF = datetime(2024, 5, 1, 8, 30, tzinfo=UTC)
LOYAL = parse_rule(
    {"all": [{"tag": "age", "op": "gte", "value": 30}, {"not": {"tag": "vip", "op": "eq", "value": True}}]}
)
RESOLVER = PlainResolver(
    audiences={"loyal": LOYAL},
    lists={"vip list": [3, 65536]},
    snapshots={("loyal", "s1"): [0, 1, 2]},
    blocks={"core": LOYAL},
    answers={"SELECT entity FROM tags": [1, 65536]},
)

CASES: dict[str, Any] = {
    "one_tag": {"tag": "country", "op": "eq", "value": "O'Neil"},
    "tags_of_one_family": {
        "all": [
            {"tag": "country", "op": "in", "value": ["法国", "Germany"]},
            {"tag": "age", "op": "between", "value": [18, 64]},
        ]
    },
    "missing_passes": {"tag": "rfm.monetary", "op": "not_exists"},
    "groups": {
        "any": [
            {"all": [{"tag": "score", "op": "gt", "value": 0.1}, {"tag": "vip", "op": "eq", "value": True}]},
            {"not": {"tag": "rfm.monetary", "op": "lt", "value": 99.95}},
        ]
    },
    "lists_and_paths": {
        "all": [
            {"tag": "interests", "op": "none_of", "value": ["x", "it's"]},
            {"tag": "region", "op": "under", "value": "北京 > 朝阳"},
        ]
    },
    "relative_dates": {
        "all": [
            {"tag": "birthday", "op": "within_next", "value": "7d"},
            {"tag": "rfm.last_at", "op": "lt", "value": {"ago": "30d"}},
        ]
    },
    "odd_names": {"tag": 'odd "名"', "op": "matches", "value": "^a'b"},
    "count_in_window": {
        "events": "orders",
        "where": {"field": "Country", "op": "eq", "value": "Germany"},
        "at_least": 3,
        "within": "30d",
    },
    "never": {"events": "orders", "never": True, "between": ["90d", "30d"]},
    "sum_of_an_expression": {
        "events": "orders",
        "measure": "sum",
        "of": "Quantity * Price",
        "op": "gte",
        "value": 99.95,
    },
    "average_to_nine_digits": {"events": "orders", "measure": "avg", "of": "Price", "op": "gt", "value": 2.5},
    "lookup_fields": {
        "events": "orders",
        "where": {
            "any": [
                {"field": "products.Category", "op": "contains", "value": "a"},
                {"not": {"field": "products.Cost", "op": "gte", "value": 1.5}},
            ]
        },
        "measure": "distinct",
        "of": "Order Id",
        "op": "gte",
        "value": 2,
    },
    "audience_list_and_snapshot": {
        "all": [{"audience": "loyal"}, {"not": {"list": "vip list"}}, {"audience": "loyal", "snapshot": "s1"}]
    },
    "first_time": {"events": "orders", "measure": "first_at", "op": "within_last", "value": "30d"},
    "regular": {"events": "orders", "regular": {"at_least": 3, "of_last": 4, "unit": "week"}},
    "stopped": {"events": "orders", "stopped": {"active": "90d", "silent": "30d"}},
    "restarted": {"events": "orders", "restarted": {"back": "30d", "gap": "90d"}},
    "fields_compared": {"events": "orders", "where": {"field": "Price", "op": "lt", "than_field": "products.Cost"}},
    "sequence": {
        "sequence": [
            {"events": "views", "where": {"field": "Page", "op": "eq", "value": "a"}},
            {"events": "orders", "within": "7d"},
            {"then_not": {"events": "views", "within": "3d"}},
        ],
        "same": {"views": "Item", "orders": "SKU"},
        "within": "30d",
    },
    "anniversary": {"tag": "rfm.last_at", "op": "anniversary_within_next", "value": "10m"},
    "geo": {"geo": {"lat": "home.lat", "lon": "home.lon"}, "within_km": 5, "of": [31.23, 121.47]},
    "top": {"top": {"tag": "score", "n": 1000}},
    "top_among": {"top": {"tag": "score", "percent": 2.5, "lowest": True, "among": {"list": "vip list"}}},
    "quantile": {"quantile": {"tag": "rfm.last_at", "parts": 10, "is": [1, 2]}},
    "sample_and_split": {
        "any": [{"sample": {"percent": 0.1, "salt": "a"}}, {"split": {"parts": 3, "is": [1, 3], "salt": "b'"}}]
    },
    "neighbours": {
        "neighbours": {"dataset": "friends", "of": {"audience": "loyal"}, "at_least": 2, "direction": "out"}
    },
    "block_and_sql": {"all": [{"block": "core"}, {"sql": "SELECT entity FROM tags"}]},
    "xor_and_except": {
        "xor": [
            {"tag": "vip", "op": "eq", "value": True},
            {"list": "vip list"},
            {"except": [{"tag": "age", "op": "gte", "value": 18}, {"tag": "age", "op": "gte", "value": 65}]},
        ]
    },
    "everyone": {"all": []},
}  # fmt: skip
WITH_WATERFALL = ("groups", "xor_and_except")


def golden(name: str) -> str:
    """The rule, what it says, and its SQL."""
    rule = parse_rule(CASES[name])
    compiled = compile_rule(rule, vocabulary("Europe/Paris"), as_of=AS_OF, resolver=RESOLVER)
    said = [json.dumps(CASES[name], ensure_ascii=False), *(sentence(rule, x, vocabulary()) for x in ("en", "zh"))]
    parts = ["".join(f"-- {line}\n" for line in said), compiled.members_sql()]
    if name in WITH_WATERFALL:
        parts += ["\n;\n", compiled.count_sql()]
    return "".join(parts) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, engine: Engine) -> None:
    """Write the files anew with COTERIE_WRITE_GOLDEN=1, and read the difference."""
    path = GOLDEN / f"{name}.sql"
    if os.environ.get("COTERIE_WRITE_GOLDEN"):
        path.write_text(golden(name), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == golden(name)
    make_views(engine, make_world(3))
    for statement in golden(name).split("\n;\n"):
        engine.rows(statement)


def test_every_golden_file_has_its_case() -> None:
    assert sorted(p.stem for p in GOLDEN.glob("*.sql")) == sorted(CASES)


def test_equal_questions_have_equal_keys() -> None:
    """Relative dates are resolved: the same span at another as-of is another question; another way to write it is none."""

    def keys(raw: Any, as_of: datetime = AS_OF) -> list[str]:
        return [leaf.key for leaf in compile_rule(parse_rule(raw), vocabulary(), as_of=as_of).leaves]

    spent = {"events": "orders", "at_least": 2, "within": "30d"}
    same = {"events": "orders", "measure": "count", "op": "gte", "value": 2, "between": ["30d", "0d"]}
    assert keys(spent) == keys(same) == keys({"all": [spent, {"any": [same]}]})
    assert keys(spent) != keys(spent, datetime(2024, 5, 2, tzinfo=UTC))
    tag = {"tag": "birthday", "op": "gt", "value": {"ago": "1d"}}
    assert keys(tag) == keys(tag, datetime(2024, 5, 1, 9, tzinfo=UTC)) != keys(tag, datetime(2024, 5, 2, tzinfo=UTC))


def test_what_a_rule_reads() -> None:
    compiled = compile_rule(parse_rule(CASES["lookup_fields"]), vocabulary(), as_of=AS_OF)
    assert (compiled.families, compiled.datasets) == ((), ("orders", "products"))
    compiled = compile_rule(parse_rule(CASES["groups"]), vocabulary(), as_of=AS_OF)
    assert (compiled.families, compiled.datasets) == (("rfm", "profile"), ())
    reads = {
        name: compile_rule(parse_rule(CASES[name]), vocabulary(), as_of=AS_OF, resolver=RESOLVER) for name in CASES
    }
    assert (reads["sequence"].families, reads["sequence"].datasets) == ((), ("views", "orders"))
    assert (reads["geo"].families, reads["geo"].datasets) == (("profile", "rfm"), ())
    assert (reads["neighbours"].families, reads["neighbours"].datasets) == (("profile",), ("friends",))
    for_all = {"top", "top_among", "quantile", "sample_and_split", "neighbours", "block_and_sql"}
    found = {name for name, rule in reads.items() if any(leaf.of_universe for _, leaf in rule.bound.leaves())}
    assert found == for_all
