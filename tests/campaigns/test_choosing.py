"""Dynamic copy by recommendation: against a chooser in plain Python, in messages, and in the events that tell the odds."""

from __future__ import annotations

import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.campaigns.opening import Opened, adds_up, hello, opened
from tests.shop import run

from coterie.campaigns import depth
from coterie.campaigns.library.choosing import RUN, Chooser
from coterie.errors import Refused

NAMES = ("tea", "cup", "pot")
SCORES = {
    "choose": {"by": "score", "floor": 0.2, "explore": 0.3},
    "variants": [{"name": n, "score": f"likes_{n}", "text": n.upper()} for n in NAMES],
    "default": {"text": "ALL"},
}
LISTED = {
    "choose": {"by": "list", "tag": "offers"},
    "variants": [{"item": "p1", "text": "one"}, {"name": "second", "item": "p2", "text": "two"}],
    "default": {"text": "none"},
}


def of_scores(scores: list[Any], floor: float | None) -> tuple[int | None, set[int]]:
    """The first of the highest that reach the floor, and all that do."""
    reach = [i for i, s in enumerate(scores) if s is not None and s == s and (floor is None or s >= floor)]
    best = None
    for i in reach:
        if best is None or scores[i] > scores[best]:
            best = i
    return best, set(reach)


def of_list(listed: list[str] | None, items: list[str]) -> tuple[int | None, set[int]]:
    """The first of the list that has a variant, and all that have one."""
    for item in listed or []:
        if item in items:
            return items.index(item), {items.index(i) for i in listed or [] if i in items}
    return None, set()


_SCORE = st.none() | st.integers(-3, 3) | st.sampled_from([0.5, float("nan"), Decimal("0.5"), Decimal("1.25")])


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(_SCORE, min_size=1, max_size=5), floor=st.none() | st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
    listed=st.none() | st.lists(st.sampled_from("abcdef"), max_size=5), items=st.lists(st.sampled_from("abcdxy"), min_size=1, max_size=4, unique=True),
    explore=st.sampled_from([0.0, 0.05, 0.5]), who=st.text(max_size=4), by=st.booleans(),
)  # fmt: skip
def test_the_choice_is_that_of_plain_python(
    scores: list[Any],
    floor: float | None,
    listed: list[str] | None,
    items: list[str],
    explore: float,
    who: str,
    by: bool,
) -> None:
    size = len(scores) if by else len(items)
    names, tags = tuple(f"v{i}" for i in range(size)), tuple(f"t{i}" for i in range(size)) if by else ("t",)
    chooser = Chooser(
        "b", "score" if by else "list", names, tags, () if by else tuple(items), floor if by else None, explore
    )
    values: dict[str, Any] = {**(dict(zip(tags, scores, strict=True)) if by else {"t": listed}), "entity": who}
    best, could = of_scores(scores, floor) if by else of_list(listed, items)
    assert chooser.choose(values)[:3] == (best, "default" if best is None else names[best], 1.0)
    made = chooser.choose({**values, RUN: "r@1"})
    assert made == chooser.choose({**values, RUN: "r@1"}) and set(made.eligible) == could
    share = explore / max(len(could), 1)
    alone = len(could) < 2
    assert made.propensity == pytest.approx(1 if alone else share + (1 - explore) * (made.place == best))
    assert made.place in (could or {None}) and (made.place == best or explore > 0)
    told = chooser.explain({**values, RUN: "r@1"})
    assert told["variant"] == made.name and told["words"].endswith(".")
    assert "。" in chooser.explain(values, "zh")["words"]


def test_as_many_are_sent_each_as_the_odds_say() -> None:
    """Who explores differs from run to run and block to block."""
    chooser = Chooser("offer", "score", NAMES, NAMES, explore=0.3)
    values = {"tea": 0.3, "cup": 0.9, "pot": 0.1}
    got = [chooser.choose({**values, "entity": str(n), RUN: "a@1"}) for n in range(1500)]
    counts = Counter(c.name for c in got)
    odds = {c.name: c.propensity for c in got}
    assert odds == {"tea": pytest.approx(0.1), "cup": pytest.approx(0.8), "pot": pytest.approx(0.1)}
    assert all(abs(counts[n] / 1500 - p) < 4 * (p * (1 - p) / 1500) ** 0.5 for n, p in odds.items())
    other = [chooser.choose({**values, "entity": str(n), RUN: "a@2"}) for n in range(1500)]
    both = sum(c.name != "cup" and o.name != "cup" for c, o in zip(got, other, strict=True))
    assert both / 1500 == pytest.approx(0.04, abs=0.02)


@pytest.fixture(scope="module")
def shop(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory):
    """People with scores and a list of offers, and dynamic copy over both."""
    folder = tmp_path_factory.mktemp("choosing")
    shutil.copytree(campaign_base, folder / "ws")
    lines = ["id,likes_tea,likes_cup,likes_pot,offers,secret"]
    for i in range(240):
        scores = ["", "", ""] if i % 7 == 0 else [f"{i % n / n:.3f}" for n in (3, 5, 11)]
        lines.append(f"{i:06},{','.join(scores)},{['', 'p9;p2;p1', 'p1', 'p8'][i % 4]},x")
    (folder / "likes.csv").write_text("\n".join(lines) + "\n")
    with opened(folder / "ws") as made:
        types = {"id": "text", "offers": "texts"}
        made.ws.load(folder / "likes.csv", kind="profiles", name="likes", entity="id", types=types)
        made.ws.tags.build()
        for name, body in (("best", SCORES), ("listed", LISTED)):
            made.campaigns.library.save(name, "dynamic", body)
            made.campaigns.library.publish(name)
        yield made


def test_messages_have_it_and_events_tell_the_odds(shop: Opened) -> None:
    content = {"text": '{{ block("best") }} {{ block("listed") }}'}
    shop.campaigns.create(hello(content=content))
    status = shop.send("hello")
    assert adds_up(shop.campaigns.status("hello"))
    own = depth.asked(shop.campaigns, "hello").own
    rows = shop.ws.engine.rows(f"SELECT event, _entity, reason, detail, propensity FROM {own}")
    sent = {entity for event, entity, *_ in rows if event == "sent"}
    chosen = [row[1:] for row in rows if row[0] == "chosen"]
    told = {(entity, block): (variant, odds) for entity, block, variant, odds in chosen}
    assert len(told) == len(chosen) == 2 * len(sent) == 2 * status["sent"]
    texts = {"default": "ALL", **{n: n.upper() for n in NAMES}}
    words = {"default": "none", "p1": "one", "second": "two"}
    written = _written(shop, "hello@1")
    assert set(written) == sent
    for key, text in written.items():
        assert text == f"{texts[told[key, 'best'][0]]} {words[told[key, 'listed'][0]]}"
        assert told[key, "listed"] == ({0: "default", 1: "second", 2: "p1", 3: "default"}[int(key) % 4], 1.0)
    odds = {round(p, 6) for (_, block), (_, p) in told.items() if block == "best"}
    assert odds == {1.0, 0.85, 0.15, 0.8, 0.1}


def _written(shop: Opened, run: str) -> dict[str, str]:
    """The texts in the file outbox, by customer."""
    import json

    found = {}
    for path in sorted(shop.campaigns.run_folder(run).rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            found[row["entity"]] = row["parts"]["text"] if "parts" in row else row["text"]
    return found


def test_previews_say_why(shop: Opened) -> None:
    library = shop.campaigns.library
    (told,) = library.preview("dynamic", SCORES, "000008")["chosen"]
    assert (told["variant"], told["propensity"], told["why"]) == ("pot", 1.0, "highest")
    assert told["words"].startswith("pot: its score is the highest: pot 0.727, tea 0.667, cup 0.6.")
    assert "30% of such customers get one of pot, tea, cup by chance" in told["words"]
    (told,) = library.preview("dynamic", SCORES, "000007", say="zh")["chosen"]
    assert told["words"] == "默认文案：该客户没有任何得分。"
    (told,) = library.preview("dynamic", LISTED, "000001")["chosen"]
    assert told["words"] == "second: the first item of offers that has a variant: p9, p2, p1."
    rules = {
        "variants": [{"name": "zh", "when": {"tag": "lang", "op": "eq", "value": "zh"}, "text": "x"}],
        "default": {"text": "y"},
    }
    assert [library.preview("dynamic", rules, k)["chosen"][0]["words"] for k in ("000003", "000001")] == [
        "zh: the first whose condition holds.", "the default: no condition holds.",
    ]  # fmt: skip
    shop.campaigns.create(hello(name="other", content={"text": '{{ block("best") }}'}))
    (told,) = shop.campaigns.preview("other", "000008", language="zh")["chosen"]
    assert told["block"] == "best" and told["words"].startswith("pot：得分最高")
    shown = run(shop.ws.path.parent, "-w", shop.ws.path.name, "content", "preview", "listed", "000003")
    assert "the default: no item of offers has a variant: p8." in " ".join(shown.split())


def test_what_chooses_may_be_hidden_from_who_looks(shop: Opened) -> None:
    """Neither the variant nor the default is shown, for either would tell; who has no value has none to hide."""

    def hide(tag: str) -> str | None:
        return "•••" if tag in ("likes_cup", "lang") else None

    library, rules = shop.campaigns.library, {"when": {"tag": "lang", "op": "eq", "value": "zh"}, "text": "x"}
    for body, tag in ((SCORES, "likes_cup"), ({"variants": [rules], "default": {"text": "y"}}, "lang")):
        told = library.preview("dynamic", body, "000008", hide=hide)
        hidden = {"block": "", "variant": None, "propensity": None, "why": "hidden"}
        assert told["parts"] == {"text": "•••"}
        assert told["chosen"] == [{**hidden, "words": f"What this customer gets hangs on {tag}, hidden from you."}]
    assert library.preview("dynamic", LISTED, "000001", hide=hide)["parts"] == {"text": "two"}
    (told,) = library.preview("dynamic", SCORES, "000007", hide=hide, say="zh")["chosen"]
    assert told["words"] == "默认文案：该客户没有任何得分。"
    template = {"channels": {"file": {"text": '{{ block("best") }} {{ block("listed") }}'}}}
    told = library.preview("template", template, "000001", hide=hide)
    assert told["parts"] == {"text": "••• two"} and [c["variant"] for c in told["chosen"]] == [None, "second"]
    shop.campaigns.create(hello(name="kept", content={"text": '{{ block("best") }}'}))
    told = shop.campaigns.preview("kept", "000008", mask=lambda row: {**row, "likes_cup": "•••"}, language="zh")
    assert told["parts"] == {"text": "•••"} and told["chosen"][0]["block"] == "best"
    assert told["chosen"][0]["words"] == "该客户收到的内容取决于 likes_cup，对您隐藏。"
    assert shop.campaigns.preview("kept", "000008")["parts"] == {"text": "POT"}


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"choose": {"by": "best"}}, "body.choose.by", "best"),
        ({"choose": {"by": "score", "tag": "offers"}}, "body.choose.tag", "one tag"),
        ({"choose": {"by": "list"}}, "body.choose.tag", "one tag"),
        ({"choose": {"by": "score", "floor": "high"}}, "body.choose.floor", "least score"),
        ({"choose": {"by": "list", "tag": "offers", "floor": 1}}, "body.choose.floor", "least score"),
        ({"choose": {"by": "score", "explore": 1}}, "body.choose.explore", "no share"),
        ({"choose": {"by": "score", "salt": "x"}}, "body.choose.salt", "no such part"),
        ({"variants": []}, "body.variants", "nothing to choose"),
        ({"variants": [{"text": "x"}]}, "body.variants[0].score", "missing"),
        ({"variants": [{"score": "likes_tea", "when": {}, "text": "x"}]}, "body.variants[0].when", "no such part"),
        ({"variants": [{"score": "likes_tee", "text": "x"}]}, "body.variants[0].score", "likes_tee"),
        ({"variants": [{"score": "lang", "text": "x"}]}, "body.variants[0].score", "holds values of type text"),
        ({"variants": [{"score": "likes_tea", "text": "x"}] * 2}, "body.variants[1].name", "is taken"),
        ({"variants": [{"score": "likes_tea", "name": "default", "text": "x"}]}, "body.variants[0].name", "is taken"),
        ({"choose": {"by": "list", "tag": "lang"}, "variants": LISTED["variants"]}, "body.choose.tag", "holds values of type text"),
        ({"choose": {"by": "list", "tag": "offers"}, "variants": [{"item": "p1", "text": "x"}, {"item": "p1", "name": "b", "text": "x"}]}, "body.variants[1].item", "is taken"),
    ],
)  # fmt: skip
def test_what_cannot_choose_is_refused(shop: Opened, change: dict[str, Any], place: str, said: str) -> None:
    with pytest.raises(Refused) as told:
        shop.campaigns.library.save("bad", "dynamic", {**SCORES, **change})
    assert told.value.place == place and said in str(told.value)
    assert all(row["name"] != "bad" for row in shop.campaigns.library.rows())
