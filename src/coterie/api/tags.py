"""Tags: the table, the tree, one tag's page, definitions, a trial before saving, building, the dictionary."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from coterie.api import counted
from coterie.api.answers import answer, page
from coterie.api.audiences import made_file, sent
from coterie.api.door import Door, In, Language, Limit, Offset, Order, Search
from coterie.catalog.definitions import recipe_to_dict, tag_to_dict
from coterie.errors import Refused
from coterie.kit.pinyin import spelled
from coterie.kit.plain import plain
from coterie.tags.dictionary import entries
from coterie.tags.families import needs
from coterie.tags.recipes import RECIPES

_BESIDE = ("hidden", "description", "fresh_at", "spelled")  # not in the dictionary's file
_HEADINGS = {
    "tag": "标签", "label": "显示名", "type": "类型", "entity_kind": "对象", "unit": "单位", "category": "分类",
    "family": "标签组", "meaning": "含义", "how": "计算方式", "sources": "来源", "coverage": "覆盖率", "present": "有值人数",
    "entities": "总人数", "min": "最小", "max": "最大", "distribution": "分布", "as_of": "统计时点",
    "data_version": "数据版本", "owner": "负责人", "recipe": "配方",
}  # fmt: skip
_WITHIN = ("tag", "label", "meaning", "how", "category", "spelled")


class DefineRequest(BaseModel):
    """Definitions as in a YAML file."""

    tags: list[dict[str, Any]] = Field(min_length=1, max_length=500)


class DefinitionRequest(BaseModel):
    """One definition as in a YAML file."""

    definition: dict[str, Any]


class PreviewRequest(BaseModel):
    """A definition to try on some people."""

    definition: dict[str, Any]
    size: int = Field(10, ge=1, le=100)


class RecipeRequest(BaseModel):
    """A recipe with its options."""

    recipe: str
    options: dict[str, Any] = {}
    prefix: str | None = None
    entity_kind: str = "customer"


class BuildRequest(BaseModel):
    """The moment to build as of; default: now."""

    as_of: str | None = None


def add_to(app: FastAPI) -> None:
    """Add these routes; names of tags may hold slashes."""
    _table(app)
    _one(app)
    _defining(app)
    _building(app)


def _table(app: FastAPI) -> None:
    @app.get("/api/v1/tags")
    def tags(
        door: In,
        language: Language = "en",
        search: Search = "",
        category: str | None = None,
        family: str | None = None,
        type: str | None = None,
        entity_kind: str | None = None,
        sort: str = "tag",
        order: Order = "asc",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
        offset: Offset = 0,
    ) -> Any:
        """All tags with type, coverage, freshness and what they mean; categories are parted by "/"."""
        everything = _rows(door, language, entity_kind)
        rows = [r for r in everything if family in (None, r["family"]) and type in (None, r["type"])]
        if category:
            path = category.split("/")
            rows = [r for r in rows if r["category"][: len(path)] == path]
        asked: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "offset": offset}
        found, total = page(rows, search=search, within=_WITHIN, **asked)
        return answer({"tags": found, "total": total, "categories": _categories(everything)})

    @app.get("/api/v1/tag-tree")
    def tree(door: In, language: Language = "en", entity_kind: str = "customer") -> Any:
        """Tags by category, or by family where they have none, for the builder."""
        found: dict[str, Any] = {"children": {}, "tags": []}
        for row in _rows(door, language, entity_kind):
            place = found
            for level in row["category"] or [row["family"]]:
                place = place["children"].setdefault(level, {"children": {}, "tags": []})
            place["tags"].append({k: row[k] for k in ("tag", "label", "type", "coverage", "unit")})
        return answer({"tree": _branches(found)})


def _rows(door: Door, language: str, entity_kind: str | None) -> list[dict[str, Any]]:
    rows = entries(door.ws.tag_context, language, entity_kind=entity_kind)
    mask = door.mask
    known = door.ws.catalog.tags(entity_kind)
    chinese = {row["tag"]: known[row["tag"]].label.get("zh", row["label"]) for row in rows if row["tag"] in known}
    more = [{"spelled": spelled(chinese.get(row["tag"], "")), **_hidden(row, mask)} for row in rows]
    told = [{**row, "description": row["meaning"], "fresh_at": row["as_of"]} for row in rows]
    return [{**row, **beside} for row, beside in zip(told, more, strict=True)]


def _hidden(row: dict[str, Any], mask: Any) -> dict[str, Any]:
    """What tells somebody's value of a tag that identifies is left out."""
    hides = mask.hides(row["tag"])
    return {"hidden": hides, **({"distribution": None, "min": None, "max": None} if hides else {})}


def _categories(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts: dict[tuple[str, ...], int] = {}
    for row in rows:
        for depth in range(1, len(row["category"]) + 1):
            path = tuple(row["category"][:depth])
            counts[path] = counts.get(path, 0) + 1
    return [{"path": path, "count": counts[path]} for path in sorted(counts)]


def _branches(place: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "tags": child["tags"], "children": _branches(child)}
        for name, child in sorted(place["children"].items())
    ]


def _one(app: FastAPI) -> None:
    @app.get("/api/v1/tags/{tag:path}/values")
    def values(tag: str, door: In, search: Search = "", limit: Limit = 50, entity_kind: str | None = None) -> Any:
        """Its values with how many have each, the commonest first."""
        return answer(counted.tag_values(door, tag, entity_kind, search, limit))

    @app.get("/api/v1/tags/{tag:path}")
    def one(tag: str, door: In, language: Language = "en", entity_kind: str | None = None) -> Any:
        """One tag: what it means, its definition, what it is made of, who uses it, how it is distributed."""
        return answer(_told(door, tag, language, entity_kind))


def _told(door: Door, name: str, language: str, entity_kind: str | None) -> dict[str, Any]:
    tag = door.ws.catalog.tag(name, entity_kind)
    kind = tag.entity_kind
    row = next(r for r in _rows(door, language, kind) if r["tag"] == name)
    others = door.ws.catalog.tags(kind).values()
    users = [{"kind": "tag", "name": other.name} for other in others if name in needs(other)]
    for what in ("audience", "block"):
        users += [{"kind": what, "name": d.name} for d in door.ws.store.all(what) if _names(d.body["rule"], name)]
    made = list(needs(tag))
    datasets = [s for s in row["sources"] if s not in made]
    lineage = {"datasets": datasets, "tags": made, "recipe": tag.recipe, "used_by": users}
    declared = name in door.ws.catalog.declared_tags(kind)
    found = counted.distribution(door, name, kind)
    return {**row, "definition": tag_to_dict(tag), "declared": declared, "lineage": lineage, "distribution": found}


def _names(rule: Any, tag: str) -> bool:
    """Whether a rule names a tag anywhere."""
    if isinstance(rule, dict):
        return any((v == tag and k in ("tag", "lat", "lon")) or _names(v, tag) for k, v in rule.items())
    return isinstance(rule, list) and any(_names(item, tag) for item in rule)


def _defining(app: FastAPI) -> None:
    @app.post("/api/v1/tags")
    def define(body: DefineRequest, door: In) -> Any:
        """Define tags: all of them, or none."""
        return answer({"tags": door.ws.tags.define([], body.tags)})

    @app.put("/api/v1/tags/{tag:path}")
    def change(tag: str, body: DefinitionRequest, door: In) -> Any:
        """Define or change one tag."""
        if body.definition.get("name", tag) != tag:
            fix = "Give the name once."
            raise Refused("bad_definition", "The names differ.", place="definition.name", fix=fix)
        return answer({"tags": door.ws.tags.define([], [{**body.definition, "name": tag}])})

    @app.delete("/api/v1/tags/{tag:path}")
    def delete(tag: str, door: In) -> Any:
        """Forget a declared tag that no other is made of."""
        door.ws.tags.delete(tag)
        return answer({"tag": tag, "deleted": True})

    @app.post("/api/v1/tags/preview")
    def preview(body: PreviewRequest, door: In) -> Any:
        """What a definition would give, on some people; nothing is saved."""
        from coterie.api.trial import preview

        return answer(preview(door, body.definition, body.size))

    @app.get("/api/v1/recipes")
    def recipes(door: In, language: Language = "en") -> Any:
        """Recipes with their options, and those in use."""
        rows = []
        for recipe in RECIPES.values():
            options = [{**o._asdict(), "default": o.default} for o in recipe.options]
            label = recipe.zh if language == "zh" else recipe.en
            rows.append({"recipe": recipe.name, "label": label, "kinds": recipe.kinds, "options": options})
        return answer({"recipes": rows, "used": [recipe_to_dict(u) for u in door.ws.catalog.recipes()]})

    @app.post("/api/v1/tags/recipe")
    def use(body: RecipeRequest, door: In) -> Any:
        """Define the tags of a recipe."""
        from coterie.catalog.schemas import RecipeUse

        recipe = RecipeUse(body.recipe, body.options, body.prefix, body.entity_kind)
        return answer({"tags": door.ws.tags.define([recipe], [])})


def _building(app: FastAPI) -> None:
    @app.post("/api/v1/tags/build")
    def build(body: BuildRequest, door: In) -> Any:
        """Compute all tags as of a moment and publish them, as a job."""
        door.ws.moment(body.as_of, place="as_of")
        return answer({"job": door.ws.jobs.enqueue("tags.build", {"as_of": body.as_of}, key=f"build {body.as_of}")})

    @app.get("/api/v1/tag-plan")
    def plan(door: In, as_of: str | None = None, entity_kind: str = "customer") -> Any:
        """What a build would do, and for old data the moment to build as of."""
        door.ws.moment(as_of, place="as_of")
        stages = door.ws.tags.plan(as_of, entity_kind=entity_kind)
        return answer({"stages": stages, "offered_as_of": door.ws.tags.offered_as_of()})

    @app.get("/api/v1/dictionary")
    def dictionary(door: In, format: Literal["csv", "json"] = "csv", language: Language = "en") -> Any:
        """The tag dictionary as a file."""
        path = made_file(door.ws, f"dictionary.{format}")
        _write_dictionary(_rows(door, language, None), path, language)
        door.note("export", "dictionary")
        return sent(path, f"tags.{format}")


def _write_dictionary(rows: list[dict[str, Any]], path: Path, language: str) -> None:
    """As JSON, or as a table whose cells spreadsheets do not run."""
    if path.suffix == ".json":
        path.write_text(json.dumps({"tags": plain(rows)}, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return
    columns = [c for c in (rows[0] if rows else {"tag": None}) if c not in _BESIDE]
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([_HEADINGS.get(c, c) if language == "zh" else c for c in columns])
        writer.writerows([_cell(row[column]) for column in columns] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return json.dumps(plain(value), ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
