"""Tag definitions and recipes as documents: read with precise places, and written so that a round trip changes
nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, TypeAlias

from coterie.catalog.schemas import (
    Aggregate,
    Band,
    Cell,
    FieldOf,
    Formula,
    ListMember,
    Measure,
    Published,
    RecipeUse,
    Score,
    TagDefinition,
    TagSpec,
    ValueType,
)
from coterie.errors import Refused, did_you_mean

InferType: TypeAlias = Callable[[TagSpec, str, str], ValueType]  # (spec, entity kind, place) -> type of the value

# The key of a document that says how the tag is made.
SPECS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "field": FieldOf,
        "aggregate": Aggregate,
        "formula": Formula,
        "band": Band,
        "score": Score,
        "cell": Cell,
        "published": Published,
        "list": ListMember,
    }
)
_KEYS = {kind: key for key, kind in SPECS.items()}
# Specs of one part are written as that part alone.
_BARE: Mapping[type[Any], str] = {Formula: "expression", Cell: "tags", ListMember: "list"}
_TAG_KEYS = (
    "name",
    "type",
    "family",
    "entity_kind",
    "label",
    "description",
    "category",
    "unit",
    "owner",
    "levels",
    "recipe",
)
_RECIPE_KEYS = ("recipe", "prefix", "entity_kind")
_NAME = re.compile(r"[^\W\d][\w.\- ]*[\w]|[^\W\d]")
MAX_NAME = 100


def tag_to_dict(tag: TagDefinition) -> dict[str, Any]:
    """The document of a tag; what is empty is left out.

    >>> tag_to_dict(TagDefinition("spent", ValueType.DECIMAL, Aggregate("orders", Measure.SUM, of="amount"), "orders"))
    {'name': 'spent', 'type': 'decimal', 'family': 'orders',
     'aggregate': {'dataset': 'orders', 'measure': 'sum', 'of': 'amount'}}
    """
    body: dict[str, Any] = {"name": tag.name, "type": tag.type.value, "family": tag.family}
    if tag.entity_kind != "customer":
        body["entity_kind"] = tag.entity_kind
    for key in ("label", "description", "unit", "owner", "recipe"):
        if value := getattr(tag, key):
            body[key] = dict(value) if isinstance(value, Mapping) else value
    if tag.category:
        body["category"] = list(tag.category)
    if tag.levels:
        body["levels"] = {value: dict(names) for value, names in tag.levels.items()}
    return body | {spec_key(tag.spec): spec_to_dict(tag.spec)}


def spec_key(spec: TagSpec) -> str:
    """The key of a document under which such a spec stands.

    >>> spec_key(Formula("a / b"))
    'formula'
    """
    return _KEYS[type(spec)]


def spec_to_dict(spec: TagSpec) -> Any:
    """The part of the document that says how the tag is made."""
    parts = {f.name: _plain(getattr(spec, f.name)) for f in dataclasses.fields(spec)}
    if bare := _BARE.get(type(spec)):
        return parts[bare]
    defaults = {f.name: f.default for f in dataclasses.fields(spec)}
    return {name: value for name, value in parts.items() if value != _plain(defaults[name])}


def _plain(value: Any) -> Any:
    match value:
        case Measure():
            return value.value
        case Decimal():
            shortest = float(value)
            return shortest if Decimal(repr(shortest)) == value else str(value)
        case tuple():
            return [_plain(v) for v in value]
        case Mapping():
            return {k: _plain(v) for k, v in value.items()}
        case _:
            return value


def tag_from_dict(body: Any, *, infer: InferType | None = None, place: str = "tag") -> TagDefinition:
    """Read a tag's document.

    infer : finds the type where the document tells none; without it the type must stand there.

    >>> tag_from_dict({"name": "spent", "type": "decimal", "agregate": {}})
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_definition` at `tag`: The key "agregate" does not belong here. Did you mean ...

    Raises Refused `bad_definition`.
    """
    body = _mapping(body, place)
    _known_keys(body, (*_TAG_KEYS, *SPECS), place)
    name = read_name(body.get("name"), place)
    chosen = [key for key in SPECS if key in body]
    if len(chosen) != 1:
        said = f'Tag "{name}" says {"not" if not chosen else "in two ways"} how it is made.'
        raise Refused("bad_definition", said, place=place, fix=f"Give exactly one of: {', '.join(SPECS)}.")
    spec = spec_from_dict(chosen[0], body[chosen[0]], f"{place}.{chosen[0]}")
    kind = body.get("entity_kind", "customer")
    return TagDefinition(
        name=name,
        type=_type(body, spec, kind, infer, place),
        spec=spec,
        family=read_name(body.get("family", default_family(spec)), f"{place}.family"),
        entity_kind=kind,
        label=_texts(body.get("label", {}), f"{place}.label"),
        description=_texts(body.get("description", {}), f"{place}.description"),
        category=_category(body.get("category", ()), f"{place}.category"),
        unit=_text_or_none(body.get("unit"), f"{place}.unit"),
        owner=_text_or_none(body.get("owner"), f"{place}.owner"),
        levels={
            str(k): _texts(v, f"{place}.levels") for k, v in _mapping(body.get("levels", {}), f"{place}.levels").items()
        },
        recipe=body.get("recipe"),
    )


def default_family(spec: TagSpec) -> str:
    """The family of a tag that names none: its dataset, and `formulas` for what is made of other tags."""
    match spec:
        case FieldOf(dataset=dataset) | Aggregate(dataset=dataset) | Published(dataset=dataset):
            return dataset
        case ListMember(list=name):
            return f"list.{name}"
        case _:
            return "formulas"


def _type(body: Mapping[str, Any], spec: TagSpec, kind: str, infer: InferType | None, place: str) -> ValueType:
    given = body.get("type")
    if given is None:
        if infer is None:
            raise Refused("bad_definition", '"type" is missing.', place=place, fix=f"One of: {', '.join(ValueType)}.")
        return infer(spec, kind, place)
    return ValueType(_one_of(given, tuple(ValueType), "type", f"{place}.type"))


def spec_from_dict(key: str, body: Any, place: str) -> TagSpec:
    """Read the part that says how a tag is made.

    >>> spec_from_dict("aggregate", {"dataset": "orders", "measure": "totl"}, "tag")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_definition` at `tag.measure`: "totl" is no measure. There is: count, sum, ...
    """
    kind = SPECS[key]
    if bare := _BARE.get(kind):
        body = {bare: body}
    body = _mapping(body, place)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    _known_keys(body, tuple(fields), place)
    for name, f in fields.items():
        if name not in body and f.default is dataclasses.MISSING:
            raise Refused("bad_definition", f'"{name}" is missing.', place=place, fix=f"Parts: {', '.join(fields)}.")
    parts = {name: _part(kind, name, value, f"{place}.{name}") for name, value in body.items()}
    spec: TagSpec = kind(**parts)
    return spec


def _part(kind: type[Any], name: str, value: Any, place: str) -> Any:
    match name:
        case "measure":
            return Measure(_one_of(value, tuple(Measure), "measure", place))
        case "better":
            return _one_of(value, ("high", "low"), "choice", place)
        case "end":
            return _one_of(value, ("entity", "target", "both"), "end of an edge", place)
        case "where" | "among":
            return value if value is None or isinstance(value, str) else dict(_mapping(value, place))
        case "between":
            return None if value is None else _pair(value, place)
        case "edges":
            return tuple(_number(v, place) for v in _sequence(value, place))
        case "labels" | "tags":
            return tuple(_text(v, place) for v in _sequence(value, place))
        case "parts" | "missing":
            if not isinstance(value, int) and not (name == "missing" and value is None):
                raise Refused("bad_definition", "This is no whole number.", place=place, fix="Write one, such as 5.")
            return value
        case _:
            optional = {f.name for f in dataclasses.fields(kind) if f.default is None}
            return _text_or_none(value, place) if name in optional else _text(value, place)


def recipe_to_dict(use: RecipeUse) -> dict[str, Any]:
    """The document of a recipe in use.

    >>> recipe_to_dict(RecipeUse("rfm", {"events": "orders", "amount": "amount"}))
    {'recipe': 'rfm', 'events': 'orders', 'amount': 'amount'}
    """
    body: dict[str, Any] = {"recipe": use.recipe}
    if use.prefix is not None:
        body["prefix"] = use.prefix
    if use.entity_kind != "customer":
        body["entity_kind"] = use.entity_kind
    return body | dict(use.options)


def recipe_from_dict(body: Any, *, place: str = "recipe") -> RecipeUse:
    """Read a recipe in use; its options are checked when it is expanded."""
    body = _mapping(body, place)
    prefix = body.get("prefix")
    return RecipeUse(
        recipe=_text(body.get("recipe"), f"{place}.recipe"),
        options={k: v for k, v in body.items() if k not in _RECIPE_KEYS},
        prefix=None if prefix is None else read_name(prefix, f"{place}.prefix"),
        entity_kind=body.get("entity_kind", "customer"),
    )


def read_name(value: Any, place: str) -> str:
    """A tag's or family's name: letters of any script, digits, `_`, `-`, spaces and dots, beginning with a letter.

    >>> read_name("1st", "tag")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_definition` at `tag`: "1st" cannot be a name. Begin with a letter; ...
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > MAX_NAME or ".." in value:
        fix = "Begin with a letter; use letters, digits, _ - . and spaces."
        raise Refused("bad_definition", f'"{value}" cannot be a name.', place=place, fix=fix)
    return value


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused(
            "bad_definition", "Names with values belong here.", place=place, fix="Write KEY: VALUE, one a line."
        )
    return value


def _known_keys(body: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    for key in body:
        if key not in known:
            fix = did_you_mean(str(key), known) or f"Here stand: {', '.join(known)}."
            raise Refused("bad_definition", f'The key "{key}" does not belong here.', place=place, fix=fix)


def _sequence(value: Any, place: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Refused("bad_definition", "A list belongs here.", place=place, fix="Write [A, B].")
    return value


def _pair(value: Any, place: str) -> tuple[str, str]:
    texts = tuple(_text(v, place) for v in _sequence(value, place))
    if len(texts) != 2:
        raise Refused("bad_definition", "Two spans belong here.", place=place, fix='Write ["90d", "30d"].')
    return texts


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused("bad_definition", "Text belongs here.", place=place, fix="Write it in quotes.")
    return value


def _text_or_none(value: Any, place: str) -> str | None:
    return None if value is None else _text(value, place)


def _texts(value: Any, place: str) -> dict[str, str]:
    if isinstance(value, str):
        return {"en": value}
    texts = _mapping(value, place)
    _known_keys(texts, ("en", "zh"), place)
    return {language: _text(text, place) for language, text in texts.items()}


def _category(value: Any, place: str) -> tuple[str, ...]:
    return tuple(_text(v, place) for v in ([value] if isinstance(value, str) else _sequence(value, place)))


def _number(value: Any, place: str) -> int | Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise Refused("bad_definition", f'"{value}" is no number.', place=place, fix="Write numbers, the least first.")
    return number


def _one_of(value: Any, known: Sequence[str], noun: str, place: str) -> str:
    names = [str(k) for k in known]
    if value not in names:
        fix = did_you_mean(str(value), names) or f"There is: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}."
        raise Refused("bad_definition", f'"{value}" is no {noun}.', place=place, fix=fix)
    return str(value)
