"""What is to become of a source: the kind of dataset, which column plays which role, types and clean-up.

From flags, or from a YAML file with the same words; flags win over the file:

    kind: events
    name: orders
    entity: CustomerID
    time: InvoiceDate
    types: {StockCode: text, UnitPrice: decimal(2)}
    rename: {"Qty.": Quantity}
    skip: [Comment]
    missing: [NA, "?"]              # words that mean missing, or {Column: [words]}
    clean: {product: {GTXPro: GTX Pro}}
    delimiter: ";"                  # delimiter, quote, encoding, header, columns, sheet: where they are not found out right
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coterie.catalog.schemas import DatasetKind
from coterie.errors import Refused, did_you_mean
from coterie.ingest.columns import ColumnType, parse_types
from coterie.ingest.readers.options import ReadOptions

ROW = "@row"
_NAME = re.compile(r"[^\W_][\w-]{0,79}")
_KINDS = tuple(k.value for k in DatasetKind if k is not DatasetKind.SCORES)
_ROLES = ("entity", "time", "key", "target", "weight", "modality", "values")
_READING = ("delimiter", "quote", "encoding", "header", "columns", "sheet")
_KEYS = ("kind", "name", "entity_kind", *_ROLES, "types", "rename", "skip", "missing", "clean", "segment", *_READING)
# Which roles a kind needs, and which it may have besides.
_NEEDS: Mapping[DatasetKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    DatasetKind.PROFILES: (("entity",), ("time", "key")),
    DatasetKind.EVENTS: (("entity",), ("time", "key")),
    DatasetKind.RECORDS: (("key",), ("entity", "time")),
    DatasetKind.EDGES: (("entity", "target"), ("weight", "time", "key")),
    DatasetKind.VECTORS: (("entity", "values"), ("modality", "time", "key")),
    DatasetKind.LOOKUP: (("entity",), ()),
}


_AS_FOUND = ReadOptions()


@dataclass(frozen=True)
class ImportSpec:
    """A checked mapping. `missing` and `clean` are by column; in `missing`, `*` stands for all columns.

    segment : the file is in the Segment specification's form; None finds out.
    """

    kind: DatasetKind
    name: str
    entity: str | None = None
    entity_kind: str = "customer"
    time: str | None = None
    key: str | None = None
    target: str | None = None
    weight: str | None = None
    modality: str | None = None
    values: str | None = None
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clean: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    segment: bool | None = None
    reading: ReadOptions = _AS_FOUND

    def fingerprint(self) -> str:
        """The mapping as one line, for the batch's hash: two spellings of the same mapping are equal.

        >>> spec = make_spec(kind="events", name="orders", entity="id")
        >>> spec.fingerprint() == make_spec(kind="events", name="orders", entity="id", types={}).fingerprint()
        True
        """
        body = {k: v for k, v in vars(self).items() if v not in (None, {}, (), "")}
        return json.dumps(body, sort_keys=True, default=_plain, ensure_ascii=False)

    def shown(self) -> dict[str, Any]:
        """The mapping as a report shows it."""
        roles = {role: value for role in _ROLES if (value := getattr(self, role)) is not None}
        body: dict[str, Any] = {"kind": self.kind.value, "entity_kind": self.entity_kind, **roles}
        optional = {
            "rename": dict(self.rename),
            "skip": list(self.skip),
            "clean": {k: dict(v) for k, v in self.clean.items()},
        }
        return body | {k: v for k, v in optional.items() if v}

    def with_clean(self, rules: Mapping[str, Mapping[str, str]]) -> ImportSpec:
        """The mapping with clean-up rules that persons confirmed earlier; its own win over them."""
        merged = {column: {**rules.get(column, {}), **self.clean.get(column, {})} for column in {*rules, *self.clean}}
        return replace(self, clean={k: v for k, v in merged.items() if v})


def _plain(value: object) -> object:
    return dict(vars(value)) if isinstance(value, ColumnType) else str(value)


def make_spec(mapping: Mapping[str, Any] | str | Path | None = None, **flags: Any) -> ImportSpec:
    """A mapping from flags and, under them, a dict or a YAML file.

    Raises Refused: `bad_mapping` where the file cannot be used; `bad_argument` where a role is missing or of no use for
    the kind; `bad_types`.
    """
    body = _body(mapping) | {k: v for k, v in flags.items() if v is not None}
    kind, segment = _kind(body)
    name = body.get("name")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        fix = "Use letters, digits, _ and -, at most 80, such as orders."
        raise Refused("bad_argument", f"{name!r} cannot name a dataset.", place="--name", fix=fix)
    roles = {role: _text(body, role) for role in _ROLES}
    if kind is DatasetKind.LOOKUP and roles["entity"] is None:
        roles["entity"], roles["key"] = roles["key"], None
    if segment is not True:
        _check_roles(kind, roles)
    return ImportSpec(
        kind,
        name,
        entity_kind=str(body.get("entity_kind") or "customer"),
        types=parse_types(_types(body)),
        rename={str(k): str(v) for k, v in _mapping(body, "rename").items()},
        skip=tuple(map(str, _list(body, "skip"))),
        missing=_missing(body.get("missing")),
        clean={str(c): {str(a): str(b) for a, b in rules.items()} for c, rules in _mapping(body, "clean").items()},
        segment=segment,
        reading=_read_options(body),
        **roles,
    )


def _kind(body: Mapping[str, Any]) -> tuple[DatasetKind, bool | None]:
    kind = body.get("kind")
    if kind == "segment":
        return DatasetKind.EVENTS, True
    if kind not in _KINDS:
        fix = did_you_mean(str(kind), _KINDS) or f"Use one of: {', '.join(_KINDS)}."
        if kind is None:
            raise Refused("bad_argument", "It is not said what the rows are.", place="--as", fix=fix)
        raise Refused("bad_argument", f'"{kind}" is no kind of dataset.', place="--as", fix=fix)
    return DatasetKind(kind), body.get("segment")


def _body(mapping: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    if mapping is None:
        return {}
    place = "mapping" if isinstance(mapping, Mapping) else str(mapping)
    body = dict(mapping) if isinstance(mapping, Mapping) else _yaml(Path(mapping))
    for key in body:
        if key not in _KEYS:
            fix = did_you_mean(str(key), _KEYS) or f"There is: {', '.join(_KEYS)}."
            raise Refused("bad_mapping", f'A mapping has no "{key}".', place=place, fix=fix)
    return body


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise Refused("missing_file", "There is no such mapping file.", place=str(path), fix="Check the path.")
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        place = f"{path.name}:{where.line + 1}" if where else path.name
        raise Refused("bad_mapping", "The mapping file is no YAML.", place=place, fix=str(error)) from None
    if not isinstance(body, dict):
        raise Refused("bad_mapping", "The mapping file holds no keys.", place=path.name, fix="Write `entity: COLUMN`.")
    return body


def _text(body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    return None if value in (None, "") else str(value)


def _types(body: Mapping[str, Any]) -> Mapping[str, str] | str | None:
    given = body.get("types")
    if given is not None and not isinstance(given, Mapping | str):
        raise Refused("bad_mapping", "`types` is no mapping.", place="types", fix="Write `types: {column: type}`.")
    return given


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
    value = body.get(key) or {}
    if not isinstance(value, Mapping):
        raise Refused("bad_mapping", f"`{key}` is no mapping.", place=key, fix=f"Write `{key}: {{a: b}}`.")
    return value


def _list(body: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = body.get(key) or []
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Refused("bad_mapping", f"`{key}` is no list.", place=key, fix=f"Write `{key}: [a, b]`.")
    return value


def _missing(given: Any) -> dict[str, tuple[str, ...]]:
    if not given:
        return {}
    by_column = given if isinstance(given, Mapping) else {"*": given}
    return {str(c): tuple(str(w) for w in ([ws] if isinstance(ws, str) else ws)) for c, ws in by_column.items()}


def _read_options(body: Mapping[str, Any]) -> ReadOptions:
    given = {key: body[key] for key in _READING if body.get(key) is not None}
    if "columns" in given:
        given["columns"] = tuple(str(c) for c in _list(body, "columns"))
    if not isinstance(given.get("header", True), bool):
        raise Refused(
            "bad_mapping", "`header` is neither true nor false.", place="header", fix="Write `header: false`."
        )
    if given.get("delimiter") in ("tab", "\\t"):
        given["delimiter"] = "\t"
    return ReadOptions(**given)


def _check_roles(kind: DatasetKind, roles: Mapping[str, str | None]) -> None:
    needed, possible = _NEEDS[kind]
    for role in needed:
        if roles[role] is None:
            hint = " or `@row`, the number of the row" if role == "entity" else ""
            fix = f"Add --{role} COLUMN{hint}."
            raise Refused("bad_argument", f"{kind.value} need --{role}.", place=f"--{role}", fix=fix)
    for role, value in roles.items():
        if value is not None and role not in (*needed, *possible):
            fix = f"Leave it out; {kind.value} take {', '.join(f'--{r}' for r in (*needed, *possible))}."
            raise Refused("bad_argument", f"{kind.value} have no {role}.", place=f"--{role}", fix=fix)
