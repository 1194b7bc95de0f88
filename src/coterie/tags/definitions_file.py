"""Definitions of tags and recipes as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from coterie.catalog.definitions import recipe_from_dict
from coterie.catalog.schemas import RecipeUse
from coterie.catalog.service import Catalog
from coterie.errors import Refused, did_you_mean

_PARTS = ("recipes", "tags")


class Definitions(NamedTuple):
    """What a file defines: recipes in use, and documents of tags, not yet checked."""

    recipes: list[RecipeUse]
    tags: list[Any]


def read_file(path: Path) -> Definitions:
    """The definitions in a YAML file.

    Raises Refused `bad_definition`: it cannot be read, with the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fix = "Give a YAML file in UTF-8."
        raise Refused("bad_definition", f"The file cannot be read: {error}.", place=path.name, fix=fix) from None
    return read_text(text, place=path.name)


def read_text(text: str, *, place: str = "definitions") -> Definitions:
    """The definitions in YAML text.

    >>> found = read_text("recipes:\\n- {recipe: rfm, events: orders, amount: amount}\\ntags: []\\n")
    >>> found.recipes[0].options
    {'events': 'orders', 'amount': 'amount'}
    >>> read_text("tag: []")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_definition` at `definitions`: The key "tag" does not belong here. Did you mean "tags"?
    """
    import yaml

    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}, line {mark.line + 1}" if mark is not None else place
        problem = getattr(error, "problem", None) or "it cannot be read"
        fix = "Check indentation, colons and quotes."
        raise Refused("bad_definition", f"This is not YAML: {problem}.", place=where, fix=fix) from None
    return read_body(body, place=place)


def read_body(body: Any, *, place: str = "definitions") -> Definitions:
    """The definitions in what YAML or JSON held: lists under `recipes` and `tags`."""
    if not isinstance(body, Mapping):
        fix = "Write `recipes:` or `tags:`, with a list under it."
        raise Refused("bad_definition", "There are no definitions.", place=place, fix=fix)
    for key in body:
        if key not in _PARTS:
            fix = did_you_mean(str(key), _PARTS) or f"Here stand: {', '.join(_PARTS)}."
            raise Refused("bad_definition", f'The key "{key}" does not belong here.', place=place, fix=fix)
    found = {part: body.get(part) or [] for part in _PARTS}
    for part, items in found.items():
        if not isinstance(items, list):
            raise Refused("bad_definition", f"`{part}` is a list.", place=place, fix=f"Begin each under {part} with -.")
    recipes = [recipe_from_dict(r, place=f"recipes[{n}]") for n, r in enumerate(found["recipes"])]
    return Definitions(recipes, list(found["tags"]))


def write_text(catalog: Catalog) -> str:
    """The recipes in use and the tags that no recipe made, as YAML that `read_text` reads."""
    import yaml

    return str(yaml.safe_dump(catalog.export(), sort_keys=False, allow_unicode=True, width=120))
