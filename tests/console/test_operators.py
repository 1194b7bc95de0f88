"""Every operator of the rule language by mouse, on Online Retail imported through the console: JSON and size are the CLI's."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.console.browser import Served, chromium, complaints, require_browser, served, signed_in
from tests.console.test_story import (
    WORDS,
    add_by_keyboard,
    build_tags,
    by_keyboard,
    choose,
    option_of,
    pictured,
    settled,
)
from tests.shop import ask

from coterie.rules.operators import OPERATORS
from coterie.workspace import Workspace

Language = Literal["en", "zh"]
PLACES = ("Europe/France/Paris", "Europe/France/Lyon", "Europe/Spain/Madrid", "Asia/China/Shanghai")
MORE = {
    "en": {"operator": "Comparison", "from": "From", "to": "To", "amount": "Amount", "pattern": "Pattern", "path": "Levels, parted by >",
           "kind": "Kind of date", "ago": "Ago", "by": "by", "texts": "Several texts", "levels": "Hierarchy", "type": "Type of {}",
           "add": "Search tags, behaviour and audiences", "sql": "SQL", "where": "Only those where…", "field": "Field",
           "typed": "Use “{}”"},
    "zh": {"operator": "比较方式", "from": "从", "to": "到", "amount": "数量", "pattern": "匹配模式", "path": "层级，用 > 分隔",
           "kind": "日期方式", "ago": "之前", "by": "按", "texts": "多值文本", "levels": "层级", "type": "“{}”的类型",
           "add": "搜索标签、行为与人群包", "sql": "SQL", "where": "筛选明细…", "field": "字段",
           "typed": "使用“{}”"},
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A condition to make: the tag to click, the operator, how its value is given, and the value in the JSON."""

    tag: str
    op: str
    by: Literal["nothing", "number", "pair", "pick", "picks", "text", "pattern", "span", "level", "ago", "yes"]
    value: Any = None

    @property
    def leaf(self) -> dict[str, Any]:
        """The condition as JSON."""
        return {"tag": self.tag, "op": self.op, **({} if self.value is None else {"value": self.value})}


CASES = (
    Case("city", "eq", "pick", "Paris"), Case("age", "ne", "number", 40), Case("balance", "gt", "number", 50.5),
    Case("age", "gte", "number", 60), Case("age", "lt", "number", 30), Case("balance", "lte", "number", 20),
    Case("age", "between", "pair", [30, 40]), Case("city", "in", "picks", ["Lyon", "Madrid"]), Case("city", "not_in", "picks", ["Lyon"]),
    Case("city", "contains", "text", "ri"), Case("city", "starts_with", "text", "Pa"), Case("city", "ends_with", "text", "on"),
    Case("city", "matches", "pattern", "^(P|M)"), Case("age", "exists", "nothing"), Case("age", "not_exists", "nothing"),
    Case("likes", "any_of", "picks", ["tea", "pot"]), Case("likes", "all_of", "picks", ["tea", "cup"]),
    Case("likes", "none_of", "picks", ["tea"]), Case("region", "under", "level", "Europe > France"),
    Case("seen", "within_last", "span", "45d"), Case("renews", "within_next", "span", "20d"),
    Case("born", "anniversary_today", "nothing"), Case("born", "anniversary_within_next", "span", "60d"),
    Case("born", "anniversary_within_last", "span", "90d"), Case("vip", "eq", "yes", True), Case("seen", "gt", "ago", {"ago": "30d"}),
)  # fmt: skip


def write_people(source: Path, folder: Path) -> Path:
    """What is known of the customers of a file of orders: a column of every type that tags can have."""
    draw, path, today = random.Random(11), folder / "people.csv", date.today()
    with Workspace.open(source) as ws, ws.engine.cursor() as engine:
        keys = [key for (key,) in engine.rows(f"SELECT entity FROM ({_universe(ws)}) ORDER BY entity")]
    with path.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["id", "city", "age", "balance", "vip", "born", "seen", "renews", "likes", "region"])
        for number, key in enumerate(keys):
            place, day = draw.choice(PLACES), today - timedelta(days=draw.randint(1, 300))
            born = today.replace(year=1980, day=1) + timedelta(days=draw.randint(0, 365)) if number else today
            likes = ";".join(sorted(draw.sample(["tea", "cup", "pot", "tin"], draw.randint(1, 3))))
            rows.writerow([
                key, place.rpartition("/")[2], draw.randint(18, 80) if draw.random() < 0.9 else "", f"{draw.uniform(1, 99):.2f}",
                draw.choice(["true", "false"]), born.isoformat(), f"{day}T09:30", today + timedelta(days=draw.randint(1, 60)), likes, place,
            ])  # fmt: skip
    return path


def _universe(ws: Workspace) -> str:
    from coterie.tags.views import View

    return View.at(ws.tag_context, "customer", engine=ws.engine).universe_sql()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """An empty workspace, served."""
    require_browser()
    Workspace.init(tmp_path / "ws").close()
    with served(tmp_path / "ws") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_operator_by_mouse_and_groups_by_keyboard(
    server: Served, tmp_path: Path, data_dir: Path, language: Language
) -> None:
    """Online Retail and its customers through the console; the size shown is that of `coterie audience count`."""
    assert {case.op for case in CASES} == set(OPERATORS), "an operator of the language is not tried"
    with chromium() as browser:
        watched = signed_in(browser, server, "Ada", language=language)
        page, w = watched.page, WORDS[language] | MORE[language]
        with pictured(page, tmp_path / "failed.png"):
            bring_orders(page, server, w, data_dir / "online_retail" / "online_retail.csv.gz")
            bring_people(page, server, w, write_people(server.folder, tmp_path))
            build_tags(page, w)
            builder = Builder(page, server, w, language)
            for case in CASES:
                builder.by_mouse(case)
            made = [builder.kind(name) for name in ("online_retail", "sequence", "regular", "top", "sample", "sql")]
            assert len(builder.sizes) == len(CASES) + len(made)
            assert sum(size > 0 for size in builder.sizes) >= 28, "sizes of nobody are easily equal"
            builder.nested_by_keyboard()
            assert complaints(page) == []
        assert watched.wrong == []


def bring_orders(page: Any, server: Served, w: dict[str, str], file: Path) -> None:
    """Online Retail: the console guesses the customer and the time."""
    page.goto(f"{server.url}/data/import")
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name=w["look"]).click(timeout=60_000)
    page.get_by_role("button", name=w["import"], exact=False).last.click(timeout=180_000)
    page.get_by_text(w["imported"], exact=True).wait_for(timeout=180_000)


def bring_people(page: Any, server: Served, w: dict[str, str], file: Path) -> None:
    """The customers, two columns with types that cannot be guessed."""
    page.goto(f"{server.url}/data/import")
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name=w["look"]).wait_for()
    for column, kind in (("likes", w["texts"]), ("region", w["levels"])):
        choose(page, w["type"].format(column), kind)
    page.get_by_role("button", name=w["look"]).click()
    page.get_by_role("button", name=w["import"], exact=False).last.click()
    page.get_by_text(w["imported"], exact=True).wait_for()


class Builder:
    """The page of a new audience, and what it asks the server to count."""

    def __init__(self, page: Any, server: Served, w: dict[str, str], language: Language) -> None:
        self.page, self.server, self.w, self.language = page, server, w, language
        self.posted: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        page.on("request", self._hear)
        page.goto(f"{server.url}/audiences/new")
        page.locator(".tree-item").first.wait_for()

    def _hear(self, request: Any) -> None:
        if request.url.endswith("/audiences/count"):
            self.posted.append(json.loads(request.post_data)["rule"])

    def by_mouse(self, case: Case) -> None:
        """Make a condition, compare, and take it away again."""
        row = self._add(case.tag)
        words = OPERATORS[case.op].label.in_(self.language)
        row.get_by_label(self.w["operator"]).click()
        self.page.keyboard.type(words)  # long lists are searched
        self._option(words).click()
        self._give(row, case)
        self._compare([case.leaf])
        self._remove(row)

    def _add(self, name: str, shown: str | None = None) -> Any:
        """Click what the tree offers under that name; the row that it becomes."""
        self.page.get_by_label(self.w["add"]).fill(name)
        self.page.locator(".tree .tree-item").filter(has=self.page.get_by_text(shown or name, exact=True)).click()
        self.page.mouse.move(5, 5)  # what the tree tells of a tag would lie over the row
        return self.page.locator(".leaf").first

    def _remove(self, row: Any) -> None:
        row.get_by_role("button", name=self.w["remove"]).click()
        self.page.locator(".leaf").wait_for(state="detached")

    def _give(self, row: Any, case: Case) -> None:
        """Give the value as a person would."""
        w, value = self.w, case.value
        match case.by:
            case "number":
                row.get_by_label(w["value"], exact=True).fill(str(value))
            case "pair":
                for end, number in zip(("from", "to"), value, strict=True):
                    row.get_by_label(w[end], exact=True).fill(str(number))
            case "pick" | "level":
                row.get_by_label(w["path" if case.by == "level" else "value"], exact=True).click()
                self.page.keyboard.type(value)
                # a level above those that people have is what was typed, beside what begins with it
                self._option(w["typed"].format(value) if case.by == "level" else value).click()
            case "picks":
                row.get_by_label(w["values"], exact=True).click()
                for one in value:
                    self._option(one).click()
                self.page.keyboard.press("Escape")
            case "text" | "pattern":
                row.get_by_label(w["value" if case.by == "text" else "pattern"], exact=True).fill(value)
            case "span":
                row.get_by_label(f"{w['value']}: {w['amount']}", exact=True).fill(value[:-1])
            case "ago":
                row.get_by_label(f"{w['value']}: {w['kind']}", exact=True).click()
                option_of(self.page, w["ago"]).click()
            case "yes" | "nothing":
                pass  # as it stands

    def _option(self, title: str) -> Any:
        """The option of the open drop-down with just these words: others begin with them too."""
        opened = ".ant-select-dropdown:not(.ant-select-dropdown-hidden)"
        return self.page.locator(f"{opened} .ant-select-item-option[title='{title}']")

    def _compare(self, leaves: list[dict[str, Any]] | None) -> None:
        """What was posted is the rule, and what is shown is what the command line counts."""
        rule = None if leaves is None else {"version": 1, "entity": "customer", "all": leaves}
        for _ in range(100):
            if self.posted and (rule is None or self.posted[-1] == rule):
                break
            self.page.wait_for_timeout(50)
        assert rule is None or self.posted[-1] == rule
        shown = settled(self.page)
        file = self.server.folder.parent / "rule.json"
        file.write_text(json.dumps(self.posted[-1]), encoding="utf-8")
        told = ask(self.server.folder.parent, "-w", "ws", "audience", "count", "--rule", str(file))
        assert shown == told["count"], self.posted[-1]
        self.sizes.append(shown)

    def kind(self, name: str) -> str:
        """A condition of another kind, as it is offered or with what it lacks."""
        labels = {
            "sequence": ("One after the other", "先后发生"),
            "regular": ("Regularly", "规律出现"),
            "top": ("Top", "排名靠前"),
            "sample": ("Random sample", "随机抽样"),
            "sql": ("SQL", "SQL"),
        }
        words = labels.get(name, (name, name))[self.language == "zh"]
        before = len(self.posted)
        row = self._add(words)
        if name == "top":
            row.get_by_label(self.w["by"], exact=True).click()
            option_of(self.page, "age").click()
        if name == "sql":
            row.get_by_label(self.w["sql"], exact=True).fill("SELECT entity FROM people WHERE age > 50")
        for _ in range(100):
            if len(self.posted) > before:
                break
            self.page.wait_for_timeout(50)
        self._compare(None)
        assert name in json.dumps(self.posted[-1])
        self._remove(row)
        return name

    def nested_by_keyboard(self) -> None:
        """A condition, and beside it a group of two others, without the mouse."""
        page, w = self.page, self.w
        whole = page.get_by_role("group", name=w["whole"])
        add_by_keyboard(page, whole, w, "age")
        page.keyboard.type("60")
        by_keyboard(page, whole.get_by_role("button", name=w["group"], exact=True).last)
        inner = page.get_by_role("group", name=w["any"], exact=True)
        add_by_keyboard(page, inner, w, "balance")
        inner.get_by_role("group", name="balance").get_by_label(w["value"], exact=True).focus()
        page.keyboard.type("90")
        add_by_keyboard(page, inner, w, "vip")
        self._compare([
            {"tag": "age", "op": "gte", "value": 60},
            {"any": [{"tag": "balance", "op": "gte", "value": 90}, {"tag": "vip", "op": "eq", "value": True}]},
        ])  # fmt: skip


def test_every_operator_has_a_case() -> None:
    """With a value where it takes one, and words in both languages."""
    assert sorted({case.op for case in CASES}) == sorted(OPERATORS)
    assert all(("nothing" == case.by) == (case.value is None) for case in CASES)
    assert set(MORE["en"]) == set(MORE["zh"])
