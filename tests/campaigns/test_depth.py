"""The funnel in depth against figures worked out by hand, and goals as users, events, pairs and money."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.campaigns.opening import Opened, hello, opened
from tests.shop import ask, refused, run

from coterie.campaigns import after, delivery, depth, results
from coterie.campaigns.definition import as_given, read_campaign
from coterie.campaigns.people import rule_of
from coterie.errors import Refused
from coterie.kit.moments import now

GOALS = [
    {"name": "order", "events": "orders", "within": "3d", "amount": "paid"},
    {"name": "lines", "events": "orders", "within": "3d", "count": "events"},
    {"name": "deals", "events": "orders", "within": "3d", "count": "distinct", "of": ["agent"]},
    {"name": "pairs", "events": "orders", "within": "3d", "count": "distinct", "of": ["id", "agent"]},
]


def orders(sent_at: datetime, reached: list[str], held: list[str]) -> str:
    """Orders around a send: two lines of the first ten people, one before the send, one too late, one held out."""
    lines = ["id,at,agent,paid"]

    def _line(key: str, hours: float, agent: str, paid: str) -> None:
        lines.append(f"{key},{(sent_at + timedelta(hours=hours)).isoformat()},{agent},{paid}")

    for n, key in enumerate(reached[:10]):
        _line(key, 1 + n, "mia", "10.10")
        _line(key, 30, "max" if n < 5 else "mia", "0.25")
    _line(reached[10], -1, "mia", "99")
    _line(reached[11], 80, "mia", "99")
    _line(held[0], 2, "mia", "7")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def sent(campaign_base: Path, tmp_path_factory: Any) -> Iterator[Opened]:
    """A campaign with two arms and a holdout that was sent, and orders around it."""
    folder = tmp_path_factory.mktemp("depth")
    shutil.copytree(campaign_base, folder / "ws")
    types = {"id": "text", "paid": "decimal"}
    (folder / "none.csv").write_text("id,at,agent,paid\n000000,2020-01-01T00:00:00Z,mia,1.00\n")
    with opened(folder / "ws") as made:
        made.ws.load(folder / "none.csv", kind="events", name="orders", entity="id", time="at", types=types)
        experiment = {"arms": ["a", "b"], "holdout": 0.3}
        made.campaigns.create(hello(goals=GOALS, experiment=experiment, cost={"per_message": 0.05, "fixed": 20}))
        made.send("hello")
        people = made.campaigns.people("hello", "sent", limit=1000)["people"]
        held = made.campaigns.people("hello", "held_out", limit=1000)["people"]
        text = orders(now(), [p["entity"] for p in people], [p["entity"] for p in held])
        (folder / "orders.csv").write_text(text)
        made.ws.load(folder / "orders.csv", kind="events", name="orders", entity="id", time="at", types=types)
        yield made


def test_goals_are_counted_as_people_events_and_pairs(sent: Opened) -> None:
    told = sent.campaigns.funnel("hello")
    goals = {g["goal"]: g for g in told["goals"]}
    assert {n: g["count"] for n, g in goals.items()} == {"order": 10, "lines": 20, "deals": 2 + 2, "pairs": 15}
    assert all((g["users"], g["events"], g["people"]) == (10, 20, told["sent"]) for g in goals.values())
    by_arm = {c["arm"]: c for c in told["goals_by_arm"] if c["goal"] == "deals"}
    assert (
        by_arm["holdout"]["count"] == 1 and sum(c["people"] for c in by_arm.values()) == told["sent"] + told["held_out"]
    )
    assert goals["order"]["amount"] == Decimal("103.50") and goals["lines"]["amount"] is None
    assert goals["order"]["low"] < goals["order"]["rate"] < goals["order"]["high"]


def test_time_to_goal_tells_who_may_still_come(sent: Opened) -> None:
    told = sent.campaigns.funnel("hello")
    took = told["time_to_goal"]
    assert (took["reached"], took["still_open"], took["never"]) == (10, told["sent"] - 10, 0)
    assert took["median"] == pytest.approx(5.5, abs=0.1) and took["p25"] == pytest.approx(3.25, abs=0.1)
    assert took["rows"] == [{"day": 0, "count": 10}]
    assert sum(d["sent"] for d in told["days"]) == told["sent"] and sum(d["goals"] for d in told["days"]) == 40


def test_money_is_exact_and_set_against_the_holdout(sent: Opened) -> None:
    told = sent.campaigns.funnel("hello")
    money = told["money"]
    cost = told["sent"] * Decimal("0.05") + 20
    assert (money["cost"], money["revenue"], money["profit"]) == (cost, Decimal("103.50"), Decimal("103.50") - cost)
    assert money["return"] == pytest.approx(float((Decimal("103.50") - cost) / cost))
    more = money["incremental"]
    assert more["low"] < more["revenue"] < more["high"] and more["profit"] == pytest.approx(
        more["revenue"] - float(cost)
    )
    held = told["held_out"]
    drawn = told["sent"] + told["suppressed"].get("changed_since_plan", 0)
    paid = [r for r in sent.campaigns.results("hello")["experiment"]["metrics"] if r["metric"] == "order: paid"]
    assert sum(r["effect_size"] * r["n"] for r in paid) == pytest.approx(103.5 - 7 / held * drawn, rel=1e-6)
    assert more["revenue"] == pytest.approx(sum(_deciding(r)["effect_size"] * r["n"] for r in paid), rel=1e-6)


def _deciding(row: dict[str, Any]) -> dict[str, Any]:
    """The reading of a metric that decides: nobody of an arm may have ordered before."""
    return dict(row["cuped"] if row["decides"] == "adjusted" else row)


def test_everything_adds_up_whatever_it_is_parted_by(sent: Opened) -> None:
    """Email has hundreds of values: the most common stand apart, the rest together."""
    told, found = sent.campaigns.status("hello"), depth.asked(sent.campaigns, "hello")
    for kind in ("arm", "day", "channel", "tag:lang", "tag:email"):
        rows = depth.by(found, kind)["rows"]
        assert sum(r["sent"] for r in rows) == told["sent"] and len(rows) <= 22, kind
        reached = [r for r in rows if r["value"] != "holdout"]
        assert sum(r["by_goal"].get("order", 0) for r in reached) == (10 if kind in ("arm", "day") else 11), kind
        assert sum((r["revenue"] or 0) for r in reached) in (Decimal("103.50"), Decimal("110.50")), kind
        assert all(r["low"] <= r["rate"] <= r["high"] for r in rows if r["rate"] is not None), kind


def test_what_cannot_part_is_refused(sent: Opened) -> None:
    for kind, code in (
        ("moon", "bad_argument"),
        ("tag:nope", "unknown_name"),
        ("tag", "bad_argument"),
        ("arm:x", "bad_argument"),
    ):
        with pytest.raises(Refused) as told:
            depth.by(depth.asked(sent.campaigns, "hello"), kind)
        assert told.value.code == code


def test_every_bar_has_its_people_and_becomes_an_audience(sent: Opened) -> None:
    told = sent.campaigns.status("hello")
    sizes = {bar: sent.campaigns.people("hello", bar)["total"] for bar in ("planned", "suppressed", "sent", "goal")}
    suppressed = sum(told["suppressed"].values())
    assert sizes == {"planned": 240, "suppressed": suppressed, "sent": told["sent"], "goal": 10}
    at = {"as_of": now() + timedelta(days=4)}
    for bar in ("goal:order", "unknown"):
        total = sent.campaigns.people("hello", bar)["total"]
        made = sent.campaigns.make_audience("hello", bar)
        assert made["fixed"] and sent.ws.audiences.refresh(made["audience"])["count"] == total > 0, bar
        rule = rule_of(sent.campaigns, "hello", bar)
        assert sent.ws.audiences.count(rule, data_version=sent.ws.data_version, **at).count == total, bar
    with pytest.raises(Refused, match=r"Nobody is in"):
        sent.campaigns.make_audience("hello", "pending")


def test_goal_events_are_noted_once_and_are_events_like_others(sent: Opened) -> None:
    after.note(sent.campaigns, "hello@1")
    assert after.note(sent.campaigns, "hello@1")["goals"] == 0 and after.waiting(sent.campaigns) == []
    own = depth.asked(sent.campaigns, "hello").own
    counted = dict(sent.ws.engine.rows(f"SELECT reason, count(*) FROM {own} WHERE event = 'goal' GROUP BY 1"))
    assert counted == {"order": 20, "lines": 20, "deals": 20, "pairs": 20}
    assert sent.ws.engine.value(f"SELECT count(*) FROM {own} WHERE event = 'goal' AND arm = 'holdout'") == 0
    (row,) = sent.campaigns.rows(text="hello")["campaigns"]
    assert (
        row["goals"] == 10 + 20 + 4 + 15 and sent.campaigns.records.occurrence("hello").counts["decided"] == "not_seen"
    )


def test_a_run_is_read_as_an_experiment(sent: Opened) -> None:
    told = sent.campaigns.results("hello", segments=["lang"])["experiment"]
    assert [a["arm"] for a in told["arms"]] == ["holdout", "a", "b"] and not told["stopped"]
    assert told["srm"]["p_value"] > 0.001 and told["still_open"] == told["units"] and told["looks"] == []
    assert {r["metric"] for r in told["metrics"]} == {"order", "order: paid", "lines", "deals", "pairs"}
    assert {r["value"] for r in told["segments"]} == {"en", "zh"}
    assert (
        "cannot tell" in told["words"]
        and "无法区分" in sent.campaigns.results("hello", language="zh")["experiment"]["words"]
    )
    again = read_campaign(as_given(sent.campaigns.get("hello")[0]), sent.ws.zone)
    assert again == sent.campaigns.get("hello")[0]


def test_the_same_figures_by_command(sent: Opened) -> None:
    folder, ws = sent.ws.path.parent, sent.ws.path.name
    shown = run(folder, "-w", ws, "campaign", "funnel", "hello", "--by", "arm")
    assert "Time to goal" in shown and "By arm" in shown and "103.5" in shown
    assert "Against the control" in run(folder, "-w", ws, "campaign", "results", "hello")
    assert ask(folder, "-w", ws, "campaign", "people", "hello", "goal:order", "--limit", "3")["total"] == 10
    assert refused(folder, "-w", ws, "campaign", "audience", "hello", "pending")["place"] == "bar"


def test_what_only_a_message_brings_is_not_set_against_those_who_got_none() -> None:
    """A click is no lift over the holdout: with several arms those are compared, with one nothing is."""
    clicked = {
        "name": "click",
        "events": "campaign_events",
        "where": {"field": "event", "op": "eq", "value": "clicked"},
    }
    for arms, goals, control, names in (
        (["a", "b"], [clicked, GOALS[0]], "holdout", ["order", "order: paid"]),
        (["a", "b"], [clicked], "a", ["click"]),
        (["a"], [clicked], "a", []),
    ):
        made = read_campaign(hello(goals=goals, experiment={"arms": arms, "holdout": 0.2}), ZoneInfo("UTC"))
        assert results.control_of(made) == control and len(results.compared(made)) == len(names[:1])
        if names:
            asked = results.question(made)
            assert [m.name for m in asked.metrics] == names and sum(asked.weights.values()) == pytest.approx(1)


def test_a_clock_that_was_set_back_makes_no_goal_of_what_was_before(sent: Opened) -> None:
    """The sends bear a moment three hours before the run began; an order two hours before it counts for nobody."""
    campaigns, early = sent.campaigns, now() - timedelta(hours=3)
    campaigns.create(hello(name="back", goals=GOALS[:1]))
    campaigns.plan("back")
    campaigns.approve("back")
    occurrence = campaigns.running._begin(campaigns.records.occurrence("back"))
    with campaigns.running.opened(occurrence) as sending:
        sending.clock = early.timestamp
        delivery.deliver(sending)
    keys = [p["entity"] for p in campaigns.people("back", "sent", limit=3)["people"]]
    (sent.ws.path / "more.csv").write_text(
        f"id,at,agent,paid\n{keys[0]},{(early + timedelta(hours=1)).isoformat()},mia,5\n{keys[1]},{(now() + timedelta(hours=1)).isoformat()},mia,5\n"
    )
    types = {"id": "text", "paid": "decimal"}
    before = campaigns.funnel("back")["goals"][0]["users"]
    sent.ws.load(sent.ws.path / "more.csv", kind="events", name="orders", entity="id", time="at", types=types)
    told = campaigns.funnel("back")
    assert told["clock_set_back"] == told["sent"] > 100
    assert told["goals"][0]["users"] - before == 1 - int(
        keys[1] in {p["entity"] for p in campaigns.people("hello", "goal")["people"]}
    )


def test_who_clicks_twice_is_one_who_clicked(shop: Opened) -> None:
    shop.campaigns.create(hello())
    shop.send("hello")
    with shop.campaigns.running.opened(shop.campaigns.records.occurrence("hello")) as sending:
        keys = [f"{sending.outbox.token}.{n:x}" for n in (0, 1, 0)]
    for key in keys:
        assert shop.campaigns.running.receive("hello", "clicked", {key: None}) == 1
    told = shop.campaigns.funnel("hello", by="arm")
    assert told["clicked"] == 2 == sum(day["clicked"] for day in told["days"]) == told["by"]["rows"][0]["clicked"]
    assert told["by_arm"]["default"]["clicked"] == 2 == shop.campaigns.people("hello", "clicked")["total"]


def test_campaigns_are_compared_with_correction(sent: Opened) -> None:
    sent.campaigns.create(hello(name="other", goals=GOALS[:1]))
    sent.send("other")
    told = sent.campaigns.compare(["hello", "other"])
    assert [r["campaign"] for r in told["rows"]] == ["hello", "other"] and told["rows"][0]["ci"] is not None
    assert all(p["adjusted"] >= p["p_value"] for p in told["pairs"])
    assert "which message is better" in told["words"] and "cannot tell" in told["words"]
    with pytest.raises(Refused, match=r"cannot be compared"):
        sent.campaigns.compare(["hello"])
