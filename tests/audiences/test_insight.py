"""Insight: counts by columns, by SQL and by plain Python are one; planted differences are found, chance is not."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from tests.audiences.test_index import orders

import coterie
from coterie.audiences.insight import Insight, TagInsight
from coterie.errors import CoterieError
from coterie.workspace import Workspace

PEOPLE = 2_000
FRENCH = {"tag": "country", "op": "eq", "value": "FR"}


def people() -> list[dict[str, Any]]:
    """The French are older, like tea more often and joined later; `luck` and `city` know nothing of the country."""
    draw = random.Random(8)
    rows = []
    for i in range(PEOPLE):
        french = draw.random() < 0.25
        likes = [x for x, p in (("tea", 0.8 if french else 0.3), ("pots", 0.5), ("茶", 0.2)) if draw.random() < p]
        rows.append(
            {
                "id": f"{i:05}",
                "country": "FR" if french else draw.choice(["DE", "CN", ""]),
                "age": "" if draw.random() < 0.1 else draw.randint(30, 80) if french else draw.randint(16, 70),
                "vip": draw.choice(["true", "false", ""]),
                "joined": f"20{draw.randint(15, 23) if french else draw.randint(10, 20)}-03-11",
                "likes": ";".join(likes),
                "luck": round(draw.random(), 3),
                "city": f"c{int(draw.paretovariate(0.7)) % 40}",
                "chance": draw.randrange(20),
                "email": f"{i}@example.org",
                "seldom": draw.choice(["a", "b"]) if i % 90 == 0 else "",
            }
        )
    return rows


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return people()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> Path:
    folder = tmp_path_factory.mktemp("insight")
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "orders.csv").write_text(orders(random.Random(4), 5_000), encoding="utf-8")
    with coterie.init(folder / "ws", zone="Europe/Paris") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"likes": "texts(;)"})
        ws.load(folder / "orders.csv", kind="events", name="orders", entity="id", time="at")
        ws.tags.add(recipe="rfm", events="orders", amount="amount")
        ws.tags.build("2024-06-01")
        ws.audiences.save("french", FRENCH)
        ws.audiences.save("old", {"tag": "age", "op": "gte", "value": 60})
    return folder / "ws"


@pytest.fixture
def shop(made: Path) -> Iterator[Workspace]:
    with coterie.open(made) as ws:
        yield ws


def by_tag(found: Insight) -> dict[str, TagInsight]:
    return {t.tag: t for t in found.tags}


@pytest.mark.parametrize("against", [None, "old"])
def test_columns_and_sql_give_the_same(made: Path, against: str | None) -> None:
    with coterie.open(made) as ws:
        ws.index.warm()
        found = ws.audiences.insight("french", against)
        assert ws.index.memory_bytes > 0
    with coterie.open(made) as ws:
        ws.index.column = lambda *_: None  # type: ignore[method-assign, assignment]
        asked = ws.audiences.insight("french", against)
    assert replace(asked, elapsed_ms=0) == replace(found, elapsed_ms=0)


def test_every_number_is_that_of_plain_python(shop: Workspace, rows: list[dict[str, Any]]) -> None:
    found = shop.audiences.insight("french", tags=["age", "likes", "vip", "city"], top=3)
    told = by_tag(found)
    french = [r for r in rows if r["country"] == "FR"]
    rest = [r for r in rows if r["country"] != "FR"]
    everyone = shop.audiences.size({"all": []})  # with those who only ordered
    assert (found.count, found.rest, found.base) == (len(french), everyone - len(french), everyone)
    ages, others = [int(r["age"]) for r in french if r["age"] != ""], [int(r["age"]) for r in rest if r["age"] != ""]
    known = stats.mannwhitneyu(ages, others, method="asymptotic", use_continuity=False)
    assert told["age"].p_value == pytest.approx(known.pvalue, rel=1e-6)
    assert told["age"].effect == pytest.approx(2 * known.statistic / len(ages) / len(others) - 1)
    assert told["age"].median == sorted(ages)[(len(ages) - 1) // 2]
    assert told["age"].coverage == pytest.approx(len(ages) / len(french))
    for part in told["age"].values:
        low, high = part.value
        assert part.count == sum(low <= a <= high for a in ages)
        assert part.share_base == pytest.approx(sum(low <= a <= high for a in ages + others) / len(ages + others))
    tea = next(v for v in told["likes"].values if v.value == "tea")
    assert tea.count == sum("tea" in r["likes"] for r in french)
    assert tea.share == pytest.approx(tea.count / sum(bool(r["likes"]) for r in french))
    cities = Counter(r["city"] for r in french)
    *best, left = told["city"].values
    assert [v.count for v in best] == [cities[v.value] for v in best]
    assert left.value is None and left.count == len(french) - sum(v.count for v in best)
    assert left.others == len({r["city"] for r in rows}) - 3
    assert left.index == pytest.approx(100 * left.share / left.share_base)


def test_what_differs_comes_first_and_chance_is_not_taken_for_it(shop: Workspace) -> None:
    found = shop.audiences.insight("french")
    verdicts = {t.tag: t.verdict for t in found.tags}
    assert [verdicts[t] for t in ("age", "likes", "joined")] == ["differs"] * 3
    assert {verdicts[t] for t in ("luck", "city", "vip", "rfm.monetary")} == {"alike"}
    assert {t.tag for t in found.tags[:3]} == {"age", "likes", "joined"}
    assert [t.tag for t in found.tags if t.defines] == ["country"]
    seldom = by_tag(found)["seldom"]
    assert (seldom.verdict, seldom.effect, seldom.p_value) == ("cannot_tell", None, None)
    assert seldom.reason and "of the audience have a value" in seldom.reason and seldom in found.tags[-2:]
    assert found.tests == len(found.tags) - 2
    assert all(t.low <= t.effect <= t.high for t in found.tags if t.effect is not None)
    assert all(t.p_corrected >= t.p_value for t in found.tags if t.p_value is not None)


def test_values_that_would_tell_who_someone_is_are_not_named(shop: Workspace) -> None:
    email = by_tag(shop.audiences.insight("french"))["email"]
    assert (email.verdict, email.effect) == ("cannot_tell", None)
    assert email.reason == email.finding == "No value is common enough to be compared."
    (others,) = email.values
    assert (others.value, others.others, others.share) == (None, PEOPLE, 1.0)


def test_random_audiences_differ_in_nothing(shop: Workspace) -> None:
    """Holm keeps even one false finding among all tags below one in twenty; of twenty groups by chance, at most four."""
    false = 0
    for group in range(20):
        found = shop.audiences.insight({"tag": "chance", "op": "eq", "value": group})
        false += any(t.verdict == "differs" for t in found.tags if not t.defines)
    assert false <= 4


def test_words_in_both_languages(shop: Workspace) -> None:
    english = by_tag(shop.audiences.insight("french", language="en"))
    assert english["age"].finding.startswith("higher: median ")
    assert re.match(r"later: median \d\d? [A-Z][a-z]{2} 20\d\d(, \d\d:\d\d)?, ", english["joined"].finding)
    assert english["likes"].finding.startswith('more often "tea": ')
    assert english["luck"].finding == "no difference seen"
    chinese = by_tag(shop.audiences.insight("french", language="zh"))
    assert chinese["age"].finding.startswith("偏高：中位数") and "“tea”" in chinese["likes"].finding
    assert chinese["seldom"].reason.startswith("人群包中仅")


def test_rules_snapshots_and_past_moments_can_be_asked(shop: Workspace) -> None:
    named = shop.audiences.insight("french")
    ruled = shop.audiences.insight(FRENCH)
    assert (ruled.audience, ruled.tags) == (None, named.tags)
    snapshot = shop.audiences.refresh("french")["snapshot"]
    assert shop.audiences.insight(snapshot).tags == named.tags
    past = shop.audiences.insight("french", as_of=shop.moment("2024-03-01"), tags=["rfm.monetary", "age"])
    assert past.as_of == "2024-03-01T00:00:00+01:00"
    assert by_tag(past)["age"].effect == by_tag(named)["age"].effect
    assert by_tag(past)["rfm.monetary"].values != by_tag(named)["rfm.monetary"].values


def test_empty_and_whole_audiences_cannot_be_told(shop: Workspace) -> None:
    nobody = shop.audiences.insight({"tag": "age", "op": "gt", "value": 200})
    everyone = shop.audiences.insight({"all": []})
    assert {t.verdict for t in (*nobody.tags, *everyone.tags)} == {"cannot_tell"}
    assert nobody.tags[0].coverage is None and everyone.tags[0].coverage_rest is None
    assert everyone.tests == 0 and nobody.as_dict()["count"] == 0


def test_tags_made_of_what_the_rule_reads_define_too(shop: Workspace) -> None:
    shop.audiences.save("nested", {"all": [{"audience": "french"}, {"tag": "rfm.r", "op": "gte", "value": 3}]})
    defining = {t.tag for t in shop.audiences.insight("nested").tags if t.defines}
    assert {"country", "rfm.r", "rfm.recency_days", "rfm.cell"} <= defining
    assert not {"rfm.monetary", "age"} & defining


def test_refusals(shop: Workspace) -> None:
    for work, code in (
        (lambda: shop.audiences.insight("frensh"), "unknown_name"),
        (lambda: shop.audiences.insight("french", "olds"), "unknown_name"),
        (lambda: shop.audiences.insight("french", tags=["agee"]), "unknown_name"),
        (lambda: shop.audiences.insight("french@7"), "unknown_name"),
        (lambda: shop.audiences.insight("french", top=0), "bad_argument"),
    ):
        with pytest.raises(CoterieError) as caught:
            work()
        assert caught.value.code == code
