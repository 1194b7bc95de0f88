"""Templates, dynamic copy and landing pages: versions, who uses them, what withdrawing does, previews."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.campaigns.opening import Opened, hello, opened
from typer.testing import CliRunner

from coterie.campaigns.library.service import Library
from coterie.cli.content import app as commands
from coterie.cli.output import Door
from coterie.errors import NotFound, Refused

OFFER = {
    "variants": [
        {"when": {"tag": "lang", "op": "eq", "value": "zh"}, "text": "优惠", "html": "<b>优惠</b>"},
        {"when": {"tag": "name", "op": "exists"}, "text": "For {{ name }}"},
    ],
    "default": {"text": "For all & everyone", "html": "<i>For all</i>"},
}
WELCOME = {
    "channels": {
        "file": {"text": 'Hi {{ name }}: {{ block("offer") }}', "html": '<p>{{ block("offer") }}</p>'},
        "sms": {"text": "Hi {{ name }}", "variants": {"zh": {"text": "你好 {{ name }}"}}},
    },
    "language": "lang",
    "defaults": {"name": "friend"},
}
PAGE = {
    "title": "Spring",
    "html": '<h1>Hi {{ name }}</h1><script>x</script><a href="/p/spring">x</a>',
    "then": "https://a.example/",
}


@pytest.fixture(scope="module")
def shop(campaign_base: Path, tmp_path_factory: pytest.TempPathFactory):
    """A workspace with dynamic copy, a template that uses it, and a page; all published."""
    folder = tmp_path_factory.mktemp("library") / "ws"
    shutil.copytree(campaign_base, folder)
    with opened(folder) as made:
        library = made.campaigns.library
        for name, kind, body in (
            ("offer", "dynamic", OFFER),
            ("welcome", "template", WELCOME),
            ("spring", "page", PAGE),
        ):
            assert library.save(name, kind, body, base_version=0) == {
                "name": name, "kind": kind, "version": 1, "state": "draft", "notes": [],
            }  # fmt: skip
            library.publish(name)
        yield made


@pytest.fixture
def library(shop: Opened) -> Library:
    """The library of that workspace."""
    return shop.campaigns.library


def text_of(shop: Opened, entity: str, **content: Any) -> dict[str, Any]:
    """What a campaign with that content says to one customer."""
    shop.campaigns.create(hello(name="shown", content=content))
    return dict(shop.campaigns.preview("shown", entity)["parts"])


def test_the_first_variant_that_applies(shop: Opened) -> None:
    """By tags; without a value, the default; escaped where it stands in HTML; a campaign's own parts win."""
    by_lang, by_name, nobody = "000003", "000001", "000013"  # zh; English with a name; English without one
    assert text_of(shop, by_lang, template="welcome") == {"text": "Hi friend: 优惠", "html": "<p><b>优惠</b></p>"}
    assert text_of(shop, by_name, template="welcome")["html"] == "<p>For Person 1</p>"
    assert text_of(shop, nobody, template="welcome")["text"] == "Hi friend: For all & everyone"
    assert text_of(shop, nobody, template="welcome", text="Own")["text"] == "Own"
    assert text_of(shop, nobody, html='<p>{{ block("offer") }}{{ name }}</p>')["html"] == "<p><i>For all</i></p>"
    assert text_of(shop, by_name, text='{{ page("spring") }}')["text"] == "/p/spring"


@pytest.mark.parametrize(
    ("kind", "body", "place", "said"),
    [
        ("template", {"channels": {"email": {"text": "x"}}}, "body.channels.email.subject", "needs this part"),
        ("template", {"channels": {"file": {"text": "{{ nam }}"}}}, "body.channels.file.text:1", 'no tag "nam"'),
        ("template", {"channels": {"file": {"text": 'a\n{{ block("offr") }}'}}}, "body.channels.file.text:2", 'no dynamic copy "offr"'),
        ("template", {"channels": {"file": {"text": "{{ block(name) }}"}}}, "body.channels.file.text:1", "takes one name"),
        ("template", {"channels": {"fil": {"text": "x"}}}, "body.channels.fil", "no such part"),
        ("template", {}, "body.channels", "missing"),
        ("dynamic", {"variants": []}, "body.default", "missing"),
        ("dynamic", {"variants": [{"text": "x"}], "default": {"text": ""}}, "body.variants[0].when", "rule is missing"),
        ("dynamic", {"default": {"html": "x"}}, "body.default.text", "need a text"),
        ("dynamic", {"default": {"text": '{{ block("offer") }}'}}, "body.default.text:1", "cannot be used here"),
        ("dynamic", {"variants": [{"when": {"audience": "everyone"}, "text": "x"}], "default": {"text": ""}}, None, ""),
        ("page", {"title": "x"}, "body.html", "missing"),
        ("page", {"title": "x", "html": "{% for %}"}, "body.html:1", ""),
        ("page", {"title": "x", "html": "x", "then": "javascript:x"}, "body.then", "leads nowhere"),
        ("page", {"title": 1, "html": "x"}, "body.title", "a text"),
        ("poster", {}, "kind", "cannot stand here"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(library: Library, kind: str, body: Any, place: str | None, said: str) -> None:
    """And nothing is saved."""
    with pytest.raises(Refused) as found:
        library.save("wrong", kind, body)
    assert said in found.value.message and (place is None or found.value.place == place), found.value
    with pytest.raises(NotFound):
        library.get("wrong")


def test_versions(library: Library) -> None:
    """A new one is used once it is published; an older one can be again; two who edit are told."""
    saved = library.save("spring", "page", {**PAGE, "title": "Summer"}, base_version=1)
    assert saved["version"] == 2 and library.standing("spring").published == 1
    with pytest.raises(Refused, match="meanwhile"):
        library.save("spring", "page", PAGE, base_version=1)
    assert library.publish("spring")["published_version"] == 2
    assert library.publish("spring", 1)["published_version"] == 1
    shown = library.show("spring", 2)
    assert shown["body"]["title"] == "Summer" and [bool(v["published_at"]) for v in shown["versions"]] == [True, True]
    assert (shown["variables"], shown["published_version"]) == (["name"], 1)
    with pytest.raises(Refused, match="is a page"):
        library.save("spring", "template", WELCOME)
    with pytest.raises(Refused):
        library.save("../x", "page", PAGE)


def test_copy_and_delete(shop: Opened, library: Library) -> None:
    """A copy is a draft; what is used, or was published, stays."""
    assert library.copy("offer", "offer 2")["state"] == "draft"
    library.save("using", "template", {"channels": {"file": {"text": '{{ block("offer 2") }}'}}})
    with pytest.raises(Refused, match='template "using"'):
        library.delete("offer 2")
    with pytest.raises(Refused, match="draft"):
        library.publish("using")
    library.delete("using")
    library.delete("offer 2")
    with pytest.raises(Refused, match="was published"):
        library.delete("offer")
    shop.campaigns.create(hello(name="uses", content={"template": "welcome"}))
    rows = {row["name"]: row for row in library.rows()}
    assert {"kind": "campaign", "name": "uses"} in rows["welcome"]["used_by"] and rows["welcome"]["languages"] == ["zh"]
    assert {"kind": "template", "name": "welcome"} in rows["offer"]["used_by"] and "visits" not in rows["offer"]
    assert [r["name"] for r in library.rows(kind="page", state="published")] == ["spring"]


def test_what_runs_keeps_its_version(shop: Opened, library: Library) -> None:
    """A new version asks for approval again; withdrawn content is refused for what is new, and runs on where it runs."""
    campaigns = shop.campaigns
    campaigns.create(hello(name="keeps", content={"template": "welcome"}))
    occurrence = campaigns.plan("keeps")
    assert occurrence.content == {"welcome": 1, "offer": 1}
    assert occurrence.plan["notes"] == ["Links and opens are not tracked: the setting `public_url` is empty."]
    library.save("offer", "dynamic", {"default": {"text": "new"}})
    library.publish("offer")
    campaigns.approve("keeps")
    campaigns.run("keeps", limit=5)
    library.withdraw("welcome")
    status = campaigns.run("keeps")
    assert status["sent"] == occurrence.going and status["difference"] == 0
    told = {c["name"]: (c["version"], c["state"], c["published_version"]) for c in status["content"]}
    assert told == {"welcome": (1, "withdrawn", None), "offer": (1, "published", 2)}
    (first, *_) = (campaigns.run_folder("keeps@1") / "outbox").glob("*.jsonl")
    assert "new" not in first.read_text(encoding="utf-8")
    for work in (
        lambda: campaigns.plan("keeps"),
        lambda: campaigns.create(hello(name="late", content={"template": "welcome"})),
    ):
        with pytest.raises(Refused, match="was withdrawn") as found:
            work()
        assert found.value.code == "content_state"
    library.publish("welcome")
    assert campaigns.plan("keeps").content == {"welcome": 1, "offer": 2}
    with pytest.raises(Refused, match="never published"):
        library.save("welcome", "template", {**WELCOME, "defaults": {"name": "you"}})
        campaigns.create(hello(name="pinned", content={"template": "welcome", "version": 2}))
    with pytest.raises(Refused, match="says nothing for email"):
        campaigns.create(hello(name="mail", channel="email", content={"template": "welcome"}))
    with pytest.raises(Refused, match='"spring" is a page'):
        campaigns.create(hello(name="odd", content={"template": "spring"}))
    library.withdraw("offer")
    with pytest.raises(Refused, match='"offer" was withdrawn'):
        campaigns.approve("keeps")
    library.publish("offer", 1)


def test_a_file_of_definitions_holds_it(shop: Opened, tmp_path: Path) -> None:
    """All or nothing; the same again changes nothing; what is published is published there, too."""
    shop.ws.export(tmp_path / "coterie.yaml")
    assert shop.ws.apply(tmp_path / "coterie.yaml") == []
    wanted = {"offer": {"kind": "dynamic", "body": OFFER, "published": True}}
    wanted = {"letter 2": {"kind": "template", "body": WELCOME, "published": True}, **wanted}
    (tmp_path / "some.yaml").write_text(yaml.safe_dump({"content": wanted}), encoding="utf-8")
    assert [row["name"] for row in shop.ws.apply(tmp_path / "some.yaml")] == ["offer", "letter 2"]
    assert shop.ws.apply(tmp_path / "some.yaml") == [] and shop.campaigns.library.standing("letter 2").published == 1
    odd = {"fine": {"kind": "page", "body": PAGE}, "odd": {"kind": "page", "body": {"title": "x", "html": "{{ nam }}"}}}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump({"content": odd}), encoding="utf-8")
    with pytest.raises(Refused, match="nam"):
        shop.ws.apply(tmp_path / "odd.yaml")
    assert "fine" not in [row["name"] for row in shop.campaigns.library.rows()]
    (tmp_path / "odd.yaml").write_text("content: {x: {kind: page}}", encoding="utf-8")
    with pytest.raises(Refused, match="no content"):
        shop.ws.apply(tmp_path / "odd.yaml")


def test_previews(library: Library) -> None:
    """As any customer, in any language, with what is missing; hidden values are not shown."""
    shown = library.preview("template", WELCOME, "000001", language="zh", channel="sms")
    assert shown["parts"] == {"text": "你好 Person 1"} and shown["missing"] == []
    page = library.preview("page", {"title": "x", "html": "<p>{{ name }}<script>x</script></p>"}, "000013")
    assert (page["html"], page["missing"]) == ("<p></p>", ["name"])
    hidden = library.preview("page", PAGE, "000001", hide=lambda tag: "•••" if tag == "name" else None)
    assert "•••" in hidden["html"] and "Person" not in str(hidden)
    assert library.preview("dynamic", OFFER, "000003")["parts"]["text"] == "优惠"
    with pytest.raises(NotFound):
        library.preview("page", PAGE, "nobody")
    with pytest.raises(NotFound):
        library.preview("template", WELCOME, "000001", channel="push")
    with pytest.raises(Refused, match="is no page"):
        library.stats("offer")
    assert library.stats("spring")["visits"] == 0


def test_by_command(shop: Opened, tmp_path: Path) -> None:
    """From a YAML file to what one customer sees; mistakes with their place."""
    (tmp_path / "letter.yaml").write_text("channels:\n  file:\n    text: 'Dear {{ name }}'\n", encoding="utf-8")
    (tmp_path / "odd.yaml").write_text("channels:\n  file:\n    text: 'Dear {{ nam }}'\n", encoding="utf-8")

    def _run(*words: str) -> Any:
        return CliRunner().invoke(commands, list(words), obj=Door(shop.ws.path, "en"))

    def _ask(*words: str) -> dict[str, Any]:
        done = _run(*words, "--json")
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    saved = _ask("save", "letter", str(tmp_path / "letter.yaml"), "--kind", "template")
    assert (saved["version"], saved["state"]) == (1, "draft")
    wrong = _run("save", "letter", str(tmp_path / "odd.yaml")).exception
    assert isinstance(wrong, Refused) and wrong.place == "body.channels.file.text:1"
    assert _ask("publish", "letter")["published_version"] == 1
    assert "Dear Person 1" in _run("preview", "letter", "000001").stdout
    assert _ask("preview", "letter", "000001")["parts"] == {"text": "Dear Person 1"}
    assert _ask("copy", "letter", "note")["name"] == "note"
    assert "letter" in _run("list").stdout and "Versions" in _run("show", "letter").stdout
    listed = _ask("list", "--kind", "template")["content"]
    assert {row["name"]: row["state"] for row in listed}["note"] == "draft"
    assert _ask("withdraw", "letter")["state"] == "withdrawn"
    assert _ask("remove", "note")["deleted"] is True and "visits" in _run("stats", "spring").stdout
    assert _ask("stats", "spring")["visits"] == 0 and _ask("rotate-keys")["keys"] == 2
