"""Frozen dataclasses and named tuples as plain JSON values, and back by their type hints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> Any:
    """The value as JSON can hold it: objects become mappings of their fields, NaN and infinity text.

    >>> from coterie.learn.segments.choose import Choice
    >>> encode((Choice(3, "apart"), float("nan")))
    [{'k': 3, 'reason': 'apart'}, 'nan']
    """
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: encode(getattr(value, name)) for name in value._fields}
    if isinstance(value, tuple | list):
        return [encode(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): encode(part) for key, part in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def decode(kind: type[T], value: Any) -> T:
    """What `encode` was given, for a class whose fields are of simple types, tuples, mappings and such classes.

    Raises TypeError, KeyError or ValueError where the value does not fit.

    >>> from coterie.learn.segments.choose import Choice
    >>> decode(Choice, {"k": 3, "reason": "apart"})
    Choice(k=3, reason='apart')
    """
    return _decode(kind, value)  # type: ignore[no-any-return]


def _decode(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _decode(next(part for part in inner if part is not NoneType), value)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_decode(part, v) for part, v in zip(kinds, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(inner[1], part) for key, part in value.items()}
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")):
        hints, make = get_type_hints(kind), cast(Any, kind)
        return make(**{name: _decode(hints[name], value[name]) for name in _names(kind)})
    return float(value) if kind is float else value


def _names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)
