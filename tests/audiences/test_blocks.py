"""Blocks: saved groups of conditions, used by audiences and by each other; nothing is lost, nothing goes round in circles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.audiences.test_index import LEAVES, answer, write_shop

import coterie
from coterie.errors import CoterieError
from coterie.workspace import Workspace

FRENCH: dict[str, Any] = {"tag": "country", "op": "eq", "value": "FR"}
GROWN: dict[str, Any] = {"all": [FRENCH, {"tag": "age", "op": "gte", "value": 40}], "name": "grown"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("blocks"))


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace without blocks and audiences."""
    with coterie.open(made) as ws:
        yield ws
        for name in [d.name for d in ws.store.all("audience")]:
            ws.store.delete("audience", name)
        for name in [d.name for d in ws.store.all("block")]:
            ws.store.delete("block", name)


def refused(code: str, do: Any, *given: Any, **options: Any) -> CoterieError:
    with pytest.raises(CoterieError) as caught:
        do(*given, **options)
    assert caught.value.code == code and caught.value.fix
    return caught.value


def test_a_block_counts_as_its_conditions_do(shop: Workspace) -> None:
    blocks = shop.audiences.blocks
    saved = blocks.save("core", GROWN, description="Whom we know best")
    assert (saved["block"], saved["version"]) == ("core", 1) and "FR" in saved["sentence"]
    for written, named in (
        (GROWN, {"block": "core"}),
        ({"not": GROWN}, {"not": {"block": "core"}}),
        ({"any": [GROWN, LEAVES[8]]}, {"any": [{"block": "core"}, LEAVES[8]]}),
        ({"xor": [GROWN, FRENCH]}, {"xor": [{"block": "core"}, FRENCH]}),
        ({"top": {"tag": "age", "n": 9, "among": GROWN}}, {"top": {"tag": "age", "n": 9, "among": {"block": "core"}}}),
    ):
        found = answer(shop, named)
        assert found["count"] == answer(shop, written)["count"] == answer(shop, named, straight=True)["count"] > 0
    assert "core" in answer(shop, {"block": "core"}, language="zh")["sentence"]


def test_versions_copies_and_descriptions(shop: Workspace) -> None:
    blocks = shop.audiences.blocks
    blocks.save("told", FRENCH, description="First")
    assert blocks.save("told", FRENCH)["version"] == 1
    assert blocks.save("told", GROWN)["version"] == 2
    assert blocks.copy("told", "copy")["version"] == 1
    assert [(b["block"], b["description"]) for b in blocks.rows()] == [("copy", "First"), ("told", "First")]
    shown = blocks.show("told")
    assert [v["version"] for v in shown["versions"]] == [1, 2] and shown["versions"][0]["rule"]["tag"] == "country"
    assert shown["rule"]["all"][0] == FRENCH and shown["used_by"] == []
    refused("bad_argument", blocks.copy, "told", "copy")
    refused("unknown_name", blocks.copy, "tol", "copy2")
    refused("unknown_name", blocks.show, "tol")
    refused("bad_argument", blocks.save, "a/b", FRENCH)
    refused("bad_argument", blocks.save, "told", FRENCH, description="x" * 3_000)
    blocks.delete("copy")
    assert [b["block"] for b in blocks.rows()] == ["told"]


def test_what_is_used_stays(shop: Workspace) -> None:
    blocks, audiences = shop.audiences.blocks, shop.audiences
    blocks.save("core", FRENCH)
    blocks.save("wide", {"any": [{"block": "core"}, LEAVES[8]]})
    audiences.save("buyers", {"all": [{"not": {"block": "core"}}, LEAVES[8]]})
    audiences.save("ranked", {"top": {"tag": "age", "n": 5, "among": {"block": "core"}}})
    error = refused("in_use", blocks.delete, "core")
    assert error.message == '"core" is used by buyers, ranked, the block wide.'
    assert [u.name for u in blocks.used_by("core")] == ["buyers", "ranked", "wide"]
    refused("in_use", blocks.save, "core", {"entity": "account", "all": []})  # its users are about customers
    audiences.save("base", FRENCH)
    blocks.save("of base", {"audience": "base"})
    assert "the block of base" in refused("in_use", audiences.delete, "base").message
    blocks.delete("of base")
    audiences.delete("base")
    for name in ("buyers", "ranked"):
        audiences.delete(name)
    blocks.delete("wide")
    blocks.delete("core")
    assert blocks.rows() == []


def test_circles_are_refused_when_saving(shop: Workspace) -> None:
    blocks, audiences = shop.audiences.blocks, shop.audiences
    assert refused("audience_cycle", _cycle_of_one, shop).place == "all[1].not"
    blocks.save("a", FRENCH)
    audiences.save("b", {"all": [LEAVES[8], {"block": "a"}]})
    blocks.save("c", {"audience": "b"})
    said = refused("audience_cycle", blocks.save, "a", {"any": [FRENCH, {"block": "c"}]})
    assert (
        said.place == "any[1].block.audience.all[1]"
        and said.message == 'The block "a" uses the block "c" uses "b" uses the block "a".'
    )
    refused("audience_cycle", audiences.save, "b", {"top": {"tag": "age", "n": 5, "among": {"block": "c"}}})
    assert blocks.get("a").version == 1 and audiences.get("b").version == 1
    error = refused("unknown_name", blocks.save, "d", {"all": [FRENCH, {"block": "aa"}]})
    assert error.place == "all[1]" and "Did you mean" in str(error.fix)


def _cycle_of_one(ws: Workspace) -> None:
    ws.audiences.blocks.save("self", FRENCH)
    ws.audiences.blocks.save("self", {"all": [FRENCH, {"not": {"block": "self"}}]})


def test_a_changed_block_is_a_rule_change(shop: Workspace) -> None:
    blocks, audiences = shop.audiences.blocks, shop.audiences
    blocks.save("inner", {"tag": "age", "op": "gte", "value": 40})
    blocks.save("outer", {"all": [{"block": "inner"}, FRENCH]})
    audiences.save("who", {"any": [{"block": "outer"}, {"tag": "country", "op": "eq", "value": "CN"}]})
    audiences.refresh("who")
    audiences.refresh("who")
    assert not audiences.diff("who", "1", "2").rule_changed
    blocks.save("inner", {"tag": "age", "op": "gte", "value": 60})
    audiences.refresh("who")
    found = audiences.diff("who", "2", "3")
    assert found.rule_changed and found.reproduced
    assert (found.left.data, found.entered.data, found.entered.rule) == (0, 0, 0) and found.left.rule > 0
    assert not audiences.diff("who", "1", "2").rule_changed
    why = audiences.explain("who", audiences.members("who")["members"][0])
    assert why["member"] and why["reasons"]


def test_definitions_as_code_carry_blocks_in_an_order_that_works(shop: Workspace, tmp_path: Path) -> None:
    blocks, audiences = shop.audiences.blocks, shop.audiences
    blocks.save("z", FRENCH, description="Last by name, first in use")
    audiences.save("y", {"all": [{"block": "z"}, LEAVES[8]]})
    blocks.save("x", {"not": {"audience": "y"}})
    audiences.save("a", {"all": [{"block": "x"}]})
    file = tmp_path / "coterie.yaml"
    shop.export(file)
    assert shop.apply(file) == []
    body = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert body["blocks"]["z"]["description"] and list(body["blocks"]["x"]) == ["rule"]
    for name in ("a", "x", "y", "z"):
        (blocks if name in "xz" else audiences).delete(name)
    plan = shop.apply(file)
    assert [(p["what"], p["name"]) for p in plan] == [
        ("block", "z"),
        ("audience", "y"),
        ("block", "x"),
        ("audience", "a"),
    ]
    assert {p["change"] for p in plan} == {"new"} and shop.apply(file) == []
    body["blocks"]["z"]["rule"] = {"audience": "a"}
    file.write_text(yaml.safe_dump(body), encoding="utf-8")
    assert str(refused("audience_cycle", shop.apply, file, dry_run=True).place).startswith("blocks.")
    for wrong, place in (({"blocks": {"z": {}}}, "blocks.z"), ({"blocks": [1]}, "blocks")):
        file.write_text(yaml.safe_dump(wrong), encoding="utf-8")
        assert refused("bad_definition", shop.apply, file).place == place
    file.write_text(yaml.safe_dump({"blocks": {"z": {"rule": FRENCH, "owner": "me"}}}), encoding="utf-8")
    assert "owner" in refused("bad_definition", shop.apply, file).message
