"""Who falls into which bucket, and why; and that the run may only shrink the plan."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.campaigns.opening import Opened, adds_up, hello

from coterie.campaigns.barring import Barred
from coterie.campaigns.content import Rendering, compile_content
from coterie.campaigns.delivery import deliver
from coterie.engines.duckdb import parquet
from coterie.errors import Refused

NIGHT = {"from": "21:00", "until": "08:00", "zone": "zone"}


def _rows(shop: Opened, run: str = "hello@1") -> dict[str, tuple[Any, ...]]:
    file = parquet(shop.campaigns.plan_file(run))
    with shop.ws.engine.cursor() as engine:
        found = engine.rows(f"SELECT entity, bucket, reason, arm, not_before FROM {file} ORDER BY n")
    return {row[0]: row[1:] for row in found}


def test_each_reason_in_its_order(shop: Opened) -> None:
    shop.consent.set("000000", "email", "revoked")
    shop.consent.set("000001", "marketing", "denied")
    shop.consent.suppress(["P002@example.com", "p005@example.com"], "complaints")
    shop.consent.suppress(["000004"], "legal", customers=True, channel="email")
    shop.consent.suppress(["000006"], "phones", customers=True, channel="sms")
    shop.campaigns.create(hello())
    plan = shop.campaigns.plan("hello").plan
    rows = _rows(shop)
    wanted = {0: "unsubscribed", 1: "no_consent", 2: "suppression_list", 4: "suppression_list", 5: "no_consent"}
    wanted |= {6: None, 7: "no_address", 11: "bad_address", 47: "no_address", 14: None, 54: "duplicate_address"}
    assert {i: rows[f"{i:06}"][1] for i in wanted} == wanted
    assert plan["planned"] == 240 == sum(plan["buckets"].values())
    assert sum(plan["reasons"].values()) == plan["buckets"]["suppressed"]
    assert plan["samples"]["bad_address"] and plan["arms"]["default"] == plan["buckets"]["send"]
    assert plan["empty"] == {"name": sum(1 for k, r in rows.items() if r[0] == "send" and int(k) % 10 == 3)}


def test_caps_count_what_was_sent_by_scope(shop: Opened) -> None:
    caps = [{"scope": "category", "limit": 1, "within": "7d"}, {"scope": "global", "limit": 2, "within": "7d"}]
    shop.campaigns.set_rules({"caps": caps})
    shop.campaigns.create(hello(name="a", category="offers"))
    first = shop.send("a", limit=50)
    assert first["sent"] == 50
    shop.campaigns.create(hello(name="b", category="offers"))
    assert shop.campaigns.plan("b").plan["capped"] == {"category: 1 in 7d": 50}
    shop.campaigns.create(hello(name="c", category="news"))
    assert shop.campaigns.plan("c").plan["capped"] == {}
    status = shop.send("c", limit=50)
    assert (status["sent"], status["capped"]) == (50, 0)
    shop.campaigns.create(hello(name="d"))
    assert shop.campaigns.plan("d").plan["capped"] == {"global: 2 in 7d": 50}


def test_arms_are_drawn_among_those_left_and_stay(shop: Opened) -> None:
    shop.campaigns.set_rules({"holdout": 0.1})
    experiment = {"arms": {"a": 3, "b": {"weight": 1, "content": {"text": "B {{ name }}"}}}, "holdout": 0.2}
    shop.campaigns.create(hello(experiment=experiment))
    plan = shop.campaigns.plan("hello").plan
    before = _rows(shop)
    assert {r[2] for r in before.values() if r[0] == "suppressed"} == {None}
    held = [r[1] for r in before.values() if r[0] == "held_out"]
    assert set(held) == {"campaign", "global"} and 30 <= len(held) <= 90
    assert plan["arms"]["a"] > plan["arms"]["b"] > 10
    shop.consent.set(next(k for k, r in before.items() if r[0] == "send"), "email", "revoked")
    shop.campaigns.plan("hello")
    after = _rows(shop)
    assert all(after[k][2] == r[2] for k, r in before.items() if after[k][2] is not None)
    shop.campaigns.approve("hello")
    status = shop.campaigns.run("hello")
    assert adds_up(status) and status["held_out"] == len(held)
    assert set(status["by_arm"]["holdout"]) == {"planned", "held_out"}


def test_quiet_hours_are_those_of_the_recipient(shop: Opened) -> None:
    shop.campaigns.create(hello(quiet=NIGHT))
    shop.campaigns.plan("hello", at=datetime(2026, 11, 21, 14, tzinfo=UTC))  # 22:00 in Shanghai, 15:00 in Berlin
    rows = _rows(shop)
    deferred = {k for k, r in rows.items() if r[0] == "deferred"}
    assert deferred and all(int(k) % 5 == 0 for k in deferred)
    assert {rows[k][3] for k in deferred} == {datetime(2026, 11, 22, 0, tzinfo=UTC)}
    shop.campaigns.plan("hello", at=datetime(2026, 11, 22, 1, tzinfo=UTC))  # Berlin sleeps, and who has no known zone
    rows = _rows(shop)
    assert {int(k) % 5 for k, r in rows.items() if r[0] == "deferred"} == {1, 3, 4}


def test_quiet_hours_that_came_meanwhile_defer_too(shop: Opened) -> None:
    shop.campaigns.create(hello(quiet=NIGHT))
    shop.campaigns.plan(
        "hello", at=datetime(2026, 11, 21, 10, tzinfo=UTC)
    )  # day in Berlin and Shanghai, not in New York
    shop.campaigns.approve("hello")
    occurrence = shop.campaigns.running._begin(shop.campaigns.records.occurrence("hello"))
    with shop.campaigns.running.opened(occurrence) as run:
        run.clock = lambda: datetime(2026, 11, 21, 21, tzinfo=UTC).timestamp()  # night in Berlin and Shanghai
        deliver(run)
        status = shop.campaigns.status("hello")
        assert status["pending"] == 0 and adds_up(status)
        sent = {int(k) % 5 for k in _rows(shop) if shop.campaigns.running.path("hello", k)["bucket"] == "sent"}
        assert sent == {2} and status["deferred"] > 100  # New York is awake by now
        run.clock = lambda: datetime(2026, 11, 22, 7, tzinfo=UTC).timestamp()
        deliver(run)
    status = shop.campaigns.status("hello")
    assert status["deferred"] == 0 and adds_up(status)


def test_of_a_group_the_higher_priority_goes_first(shop: Opened) -> None:
    shop.ws.audiences.save("some", {"tag": "lang", "op": "eq", "value": "zh"})
    shop.campaigns.create(hello(name="high", audience="some", group="g", priority=2))
    high = shop.campaigns.plan("high").plan["buckets"]["send"]
    shop.campaigns.create(hello(name="low", group="g", priority=1))
    low = shop.campaigns.plan("low").plan["reasons"]["lower_priority"]
    taken = {k for k, r in _rows(shop, "high@1").items() if r[0] == "send"}
    assert len(taken) == high >= low > high - 3  # some of them have somebody else's address
    assert {_rows(shop, "low@1")[k][0] for k in taken} == {"suppressed"}
    shop.campaigns.approve("high")
    shop.campaigns.run("high")
    assert "lower_priority" not in shop.campaigns.plan("low").plan["reasons"]


def test_the_run_only_shrinks_the_plan(shop: Opened) -> None:
    shop.campaigns.create(hello())
    shop.campaigns.plan("hello")
    going = [k for k, r in _rows(shop).items() if r[0] == "send"]
    refused = next(k for k, r in _rows(shop).items() if r[1] == "no_consent")
    shop.campaigns.approve("hello")
    shop.consent.set(going[0], "email", "revoked")
    shop.consent.set(refused, "email", "granted")
    first = shop.campaigns.run("hello", limit=20)
    shop.consent.suppress([f"p{int(going[-1]):03}@example.com"], "complaints")
    status = shop.campaigns.run("hello")
    assert first["suppressed"]["changed_since_plan"] == 1
    assert status["suppressed"]["changed_since_plan"] == 2 and status["sent"] == len(going) - 2 and adds_up(status)
    path = shop.campaigns.running.path("hello", going[0])
    assert path["bucket"] == "suppressed" and path["events"][-1]["detail"] == "unsubscribed"
    assert shop.campaigns.running.path("hello", refused)["bucket"] == "suppressed"


def test_what_changes_while_it_is_sent_counts_as_if_everyone_were_judged_anew(shop: Opened) -> None:
    shop.campaigns.set_rules({"caps": [{"limit": 1, "within": "7d"}]})
    shop.campaigns.create(hello())
    shop.campaigns.create(hello(name="other"))
    shop.campaigns.plan("hello")
    going = [k for k, r in _rows(shop).items() if r[0] == "send"]
    shop.campaigns.approve("hello")
    occurrence = shop.campaigns.running._begin(shop.campaigns.records.occurrence("hello"))
    with shop.campaigns.running.opened(occurrence) as run, shop.ws.engine.cursor() as engine:
        deliver(run, limit=10)
        assert run._barred.look(engine) == {}
        shop.consent.set(going[20], "email", "revoked")
        shop.consent.suppress([f"p{int(going[30]):03}@EXAMPLE.com"], "complaints")
        shop.consent.suppress([going[40]], "legal", customers=True)
        shop.consent.set(going[50], "marketing", "denied")
        shop.send("other", limit=60)  # those who had this one already are capped there, so that it reaches others
        found = dict(run._barred.look(engine))
        assert Counter(found.values()) == {"unsubscribed": 1, "suppression_list": 2, "no_consent": 1, "capped": 60}
        assert found == Barred(run.context, run.asked, run.plan).look(engine)
        shop.consent.set(going[20], "email", "granted")
        assert len(run._barred.look(engine)) == 63 and run._barred.look(engine) is run._barred.look(engine)
        deliver(run)
    status = shop.campaigns.status("hello")
    assert adds_up(status) and status["sent"] == len(going) - 63 and status["suppressed"]["changed_since_plan"] == 63


def test_what_recurs_runs_unasked_within_bounds(shop: Opened) -> None:
    shop.ws.audiences.save("few", {"tag": "lang", "op": "eq", "value": "zh"})
    shop.campaigns.create(hello(audience={"name": "few", "use": "refresh"}, schedule={"time": "00:00"}))
    going = shop.campaigns.plan("hello").going
    assert shop.campaigns.approve("hello")["approved"]["most"] == int(going * 1.25)
    assert shop.campaigns.status("hello")["state"] == "waiting"
    status = shop.campaigns.run("hello", anyway=True)
    assert (status["state"], status["run"], status["sent"]) == ("waiting", "hello@1", going)
    assert shop.campaigns.run("hello", anyway=True)["run"] == "hello@2"
    shop.campaigns.records.put(
        "hello", approval=shop.campaigns.records.approval(shop.campaigns.records.occurrence("hello"), 3, "")
    )
    with pytest.raises(Refused, match=r"not_approved.*approved are 3"):
        shop.campaigns.run("hello", anyway=True)


TEXTS = st.lists(
    st.sampled_from(["{{ name }}", "{{ rfm.r }}", "<&>", "{{ name|default('x', true) }}", "ä\n"]), max_size=5
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=TEXTS, name=st.one_of(st.none(), st.text(max_size=5)), score=st.one_of(st.none(), st.integers()))
def test_templates_say_what_a_plain_replacement_says(parts: list[str], name: str | None, score: int | None) -> None:
    made = compile_content({"text": "".join(parts)}, ["name", "rfm.r"])
    shown, number = name or "", "" if score is None else str(score)
    plain = {
        "{{ name }}": shown,
        "{% if name %}y{% endif %}": "y" if name else "",
        "{{ rfm.r }}": number,
        "{{ name|default('x', true) }}": shown or "x",
    }
    assert made.render({"name": name, "rfm.r": score})["text"] == "".join(plain.get(p, p) for p in parts)


def test_templates_are_kept_in_a_sandbox_and_html_is_escaped() -> None:
    made = compile_content({"html": "<p>{{ name }}</p>", "text": "a"}, ["name"], ["html"])
    assert made.render({"name": "<script>"}) == {"html": "<p>&lt;script&gt;</p>", "text": "a"}
    for text in ("{{ name.__class__.__mro__ }}", "{{ 1 // 0 }}", "{% for i in range(10**9) %}a{% endfor %}"):
        with pytest.raises(Rendering):
            compile_content({"text": text}, ["name"]).render({"name": "a"})
    languages = {"text": "Hi", "variants": {"zh": {"text": "你好"}}, "language": "lang"}
    made = compile_content(languages, ["lang"])
    assert [made.render({"lang": v})["text"] for v in ("zh", "zh-CN", "fr", None)] == ["你好", "你好", "Hi", "Hi"]
    with pytest.raises(Refused, match=r"`content.text:1`.*uper"):
        compile_content({"text": "{{ name|uper }}"}, ["name"])
    with pytest.raises(Refused, match=r'There is no tag "a c". Did you mean "a b"'):
        compile_content({"text": '{{ tag("a b") }}{{ tag("a c") }}'}, ["a b"])
