"""The plan of one import: which columns of the source become which columns of the lake, and as what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused, did_you_mean
from coterie.ingest.columns import ColumnType
from coterie.ingest.mapping import ROW, ImportSpec
from coterie.ingest.readers.source import Source, SourceColumn
from coterie.ingest.readings import (
    Reading,
    in_zone,
    missing_sql,
    native_reading,
    native_type,
    reading,
    trimmed_sql,
    vector_reading,
)

RESERVED = ("_entity", "_at", "_key", "_target", "_weight", "_values", "_seq", "_batch", "coterie_publish")
_UNSAFE = re.compile(r"[ ,;{}()\n\t=]")  # what Delta's readers refuse in a column's name
ORDERED = frozenset({DatasetKind.PROFILES, DatasetKind.RECORDS, DatasetKind.EDGES, DatasetKind.LOOKUP})


class Role(StrEnum):
    """The lake columns that mean something to every room."""

    ENTITY = "_entity"
    AT = "_at"
    KEY = "_key"
    TARGET = "_target"
    WEIGHT = "_weight"
    VALUES = "_values"


KEY_ROLES = (Role.ENTITY, Role.KEY, Role.TARGET)


@dataclass(frozen=True)
class Planned:
    """One column of the lake table.

    name : as people call it; of several source columns together, their prefix.
    raw : SQL over the source's relation of the raw value, missing words and clean-up applied.
    column : of the lake table.
    kind : how it is read; of keys `style` tells more: `digits`, `whole` or `text`.
    native : the source's own type, where it is read as that.
    """

    name: str
    raw: str
    column: str
    kind: ColumnType
    role: Role | None = None
    style: str = "text"
    native: str | None = None

    def reading(self, raw: str, value: str, zone: str) -> Reading:
        """How the column is read, over the raw value and the value under these names."""
        if self.role in KEY_ROLES:
            return _key_reading(raw, self.style)
        if self.role is Role.VALUES:
            return _vector(self, raw, value)
        if self.native is not None:
            return native_reading(raw, value, self.native, self.kind, zone)
        read = reading(raw, value, self.kind, zone)
        if self.role is Role.AT and self.kind.type is ValueType.DATE:
            return read._replace(output=in_zone(f"CAST({value} AS TIMESTAMP)", zone))
        if self.role is Role.WEIGHT:
            return read._replace(output=f"CAST({read.output or value} AS DOUBLE)")
        return read

    @property
    def sql_type(self) -> str:
        """The lake's type."""
        roles = {Role.AT: "TIMESTAMPTZ", Role.WEIGHT: "DOUBLE", Role.VALUES: "FLOAT[]"}
        return self.kind.sql if self.role is None else roles.get(self.role, "VARCHAR")


def _key_reading(raw: str, style: str) -> Reading:
    text = trimmed_sql(raw)
    if style == "whole":
        value = rf"regexp_replace({text}, '\.0+$', '')"
        fits = rf"(regexp_full_match({raw}, '\s*-?[0-9]+(\.0+)?\s*') OR {missing_sql(raw)})"
        return Reading(value, fits, "true", "bad_key")
    if style == "digits":
        return Reading(text, f"({raw} IS NULL OR NOT (suffix({raw}, '.0') OR suffix({raw}, '.00')))", "true", "bad_key")
    return Reading(text)


def _vector(planned: Planned, raw: str, value: str) -> Reading:
    if planned.native == "cells":
        return vector_reading(f"CAST({raw} AS FLOAT[])", value, "false")
    return vector_reading(f"TRY_CAST({raw} AS FLOAT[])", value, missing_sql(raw))


@dataclass(frozen=True)
class Plan:
    """What an import will do with a source.

    columns : the lake's columns that come from the source; roles stand first.
    absent : lake columns of the dataset that the source lacks, with their types; they are filled with nothing.
    row_entity : the key is the number of the row.
    """

    spec: ImportSpec
    source: Source
    zone: str
    columns: tuple[Planned, ...]
    absent: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def row_entity(self) -> bool:
        """Whether the key is the number of the row."""
        return self.spec.entity == ROW

    @property
    def numbered(self) -> bool:
        """Whether the pass needs the rows' numbers, which costs it the engine's parallel reading."""
        return self.row_entity or self.spec.kind in ORDERED

    def role(self, role: Role) -> Planned | None:
        """The column of a role, or None."""
        return next((c for c in self.columns if c.role is role), None)

    def with_types(self, changed: Mapping[str, Planned]) -> Plan:
        """The plan with other columns in the place of those of the same lake name."""
        return replace(self, columns=tuple(changed.get(c.column, c) for c in self.columns))

    def needs(self) -> Iterator[tuple[Role, str]]:
        """Roles whose value no row may lack, with the reason of a reject."""
        if self.spec.kind is not DatasetKind.RECORDS:
            yield Role.ENTITY, "missing_entity"
        if self.spec.kind is DatasetKind.RECORDS:
            yield Role.KEY, "missing_key"
        if self.spec.kind is DatasetKind.EDGES:
            yield Role.TARGET, "missing_target"
        if self.spec.kind is DatasetKind.VECTORS:
            yield Role.VALUES, "missing_values"
        if self.spec.kind is DatasetKind.EVENTS and self.spec.time is not None:
            yield Role.AT, "missing_time"

    def dataset(self, earlier: Dataset | None, *, closing: bool) -> Dataset:
        """The definition of the dataset once this batch is in; labels and joins that a person gave stay.

        closing : earlier rows are closed, so that the batch alone tells the fields.
        """
        known = {f.name: f for f in earlier.fields} if earlier else {}
        if earlier is None or closing:
            fields: dict[str, Field] = {}
            for c in self.columns:
                fields.setdefault(c.name, _field(c, known.get(c.name)))
            fresh = self._fresh_dataset(tuple(fields.values()))
            return fresh if earlier is None else replace(fresh, joins=earlier.joins, partial=earlier.partial)
        fields = dict(known)
        roles = {f.column for f in known.values()} & set(Role)
        for c in self.columns:
            new_role = c.role is not None and c.column not in roles and c.name not in known
            if new_role or c.role is None:
                fields[c.name] = _field(c, known.get(c.name))
        return replace(earlier, fields=tuple(fields.values()))

    def _fresh_dataset(self, fields: tuple[Field, ...]) -> Dataset:
        spec = self.spec
        modality = spec.modality or (spec.name if spec.kind is DatasetKind.VECTORS else None)
        roles: dict[str, Any] = {
            "entity": spec.entity,
            "time": spec.time,
            "key": spec.key,
            "target": spec.target,
            "weight": spec.weight,
        }
        return Dataset(spec.name, spec.kind, fields, entity_kind=spec.entity_kind, modality=modality, **roles)


def _field(planned: Planned, known: Field | None) -> Field:
    roles = {Role.AT: ValueType.MOMENT, Role.WEIGHT: ValueType.NUMBER, Role.VALUES: ValueType.VECTOR}
    type = planned.kind.type if planned.role is None else roles.get(planned.role, ValueType.TEXT)
    scale = planned.kind.scale if type is ValueType.DECIMAL else None
    if known is not None:
        return replace(known, type=type, scale=scale, column=planned.column)
    return Field(planned.name, type, planned.column, scale)


@dataclass(frozen=True)
class Draft:
    """A column whose type is still to be found. `cells` are the source columns of a vector, in order."""

    name: str
    raw: str
    source: SourceColumn | None
    role: Role | None = None
    cells: int = 0


def drafts(spec: ImportSpec, source: Source) -> list[Draft]:
    """The columns to import, roles first.

    Raises Refused(`unknown_column`): a role, a type or a skip names a column that is not there.
    """
    named = _renamed(spec, source)
    _refuse_unknown(spec, source, named)
    pairs = {Role.ENTITY: spec.entity, Role.AT: spec.time, Role.KEY: spec.key, Role.TARGET: spec.target}
    pairs[Role.WEIGHT] = spec.weight
    found = [_draft(spec, named[n], role) for role, n in pairs.items() if n is not None and n != ROW]
    taken = {n for n in pairs.values() if n is not None}
    if spec.values is not None:
        vector, used = _vector_draft(spec, named)
        found.append(vector)
        taken |= used
    skipped = {*spec.skip, *taken}
    return found + [_draft(spec, c, None) for n, c in named.items() if n not in skipped]


def _renamed(spec: ImportSpec, source: Source) -> dict[str, SourceColumn]:
    named = {spec.rename.get(c.name, c.name): c._replace(name=spec.rename.get(c.name, c.name)) for c in source.columns}
    if len(named) != len(source.columns):
        fix = "Give every column a name of its own."
        raise Refused("duplicate_columns", "`rename` gives two columns one name.", place="rename", fix=fix)
    return named


def _refuse_unknown(spec: ImportSpec, source: Source, named: Mapping[str, SourceColumn]) -> None:
    roles = {"--entity": spec.entity, "--time": spec.time, "--key": spec.key, "--target": spec.target}
    wanted = [(place, name) for place, name in {**roles, "--weight": spec.weight}.items() if name not in (None, ROW)]
    wanted += [("--types", name) for name in spec.types] + [("skip", name) for name in spec.skip]
    wanted += [("missing", name) for name in spec.missing if name != "*"] + [("clean", name) for name in spec.clean]
    wanted += [("rename", name) for name in spec.rename if source.column(name) is None and name not in named]
    for place, name in wanted:
        if name not in named and not (place == "--types" and name == spec.values):
            raise unknown_column(str(name), list(named), source.label, place)


def unknown_column(name: str, known: Sequence[str], label: str, place: str) -> Refused:
    """The error for a column that the source lacks."""
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    fix = did_you_mean(name, known) or f"It has: {shown}."
    if len(known) == 1 and name.casefold() in known[0].casefold():
        fix = f'It has one column, "{known[0][:80]}": give its delimiter in a mapping file, such as `delimiter: ";"`.'
    return Refused("unknown_column", f'{label} has no column "{name}".', place=place, fix=fix)


def _draft(spec: ImportSpec, column: SourceColumn, role: Role | None) -> Draft:
    raw = column.text if role is not None else column.sql
    words = (*spec.missing.get("*", ()), *spec.missing.get(column.name, ()))
    rules = spec.clean.get(column.name, {})
    if words or rules:
        raw = column.text
        column = column._replace(native=None)
    if rules:
        cases = " ".join(f"WHEN {quote_value(a)} THEN {quote_value(b)}" for a, b in sorted(rules.items()))
        raw = f"CASE trim({raw}) {cases} ELSE {raw} END"
    if words:
        listed = ", ".join(map(quote_value, words))
        raw = f"CASE WHEN trim({raw}) IN ({listed}) THEN NULL ELSE {raw} END"
    return Draft(column.name, raw, column, role)


def _vector_draft(spec: ImportSpec, named: Mapping[str, SourceColumn]) -> tuple[Draft, set[str]]:
    """The columns PREFIX0, PREFIX1, ... in the order of their numbers, or the one column of lists called PREFIX."""
    prefix = spec.values or ""
    if prefix in named:
        column = named[prefix]
        return Draft(prefix, column.text, column, Role.VALUES), {prefix}
    numbered = {int(n[len(prefix) :]): n for n in named if n.startswith(prefix) and n[len(prefix) :].isdigit()}
    if not numbered:
        fix = f"Give the prefix of columns {prefix}0, {prefix}1, ..., or a column of lists."
        raise Refused("unknown_column", f'No column is "{prefix}" and a number.', place="--values", fix=fix)
    names = [numbered[i] for i in sorted(numbered)]
    cells = ", ".join(f"TRY_CAST({named[n].text} AS FLOAT)" for n in names)
    return Draft(prefix, f"[{cells}]", None, Role.VALUES, cells=len(names)), set(names)


def physical_name(name: str, taken: set[str]) -> str:
    """The lake's column for a name: what Delta's readers refuse becomes `_`, and nothing is there twice.

    >>> physical_name("Clothing ID", set()), physical_name("_At", set()), physical_name("a", {"A"})
    ('Clothing_ID', '_At_2', 'a_2')
    """
    base = _UNSAFE.sub("_", name)
    used = {t.casefold() for t in (*taken, *RESERVED)}
    candidate, n = base, 1
    while candidate.casefold() in used:
        n += 1
        candidate = f"{base}_{n}"
    return candidate


def preset_type(spec: ImportSpec, draft: Draft, earlier: Dataset | None) -> ColumnType | None:
    """The type that a person declared, the source's form tells, or the source brings; None where the values must tell."""
    if draft.role in KEY_ROLES:
        return ColumnType(ValueType.TEXT)
    if draft.role is Role.VALUES:
        return ColumnType(ValueType.VECTOR)
    declared = spec.types.get(draft.name)
    if declared is not None:
        return declared
    if draft.role is Role.WEIGHT:
        return ColumnType(ValueType.NUMBER, declared=True)
    if draft.source is None or draft.role is not None:
        return None
    if draft.source.hint is not None:
        return ColumnType(ValueType(draft.source.hint))
    if draft.source.native is None:
        return None
    own = native_type(draft.source.native)
    known = earlier.field(draft.name) if earlier else None
    return own if known is None or own is None or known.type is own.type else None


def as_planned(draft: Draft, kind: ColumnType, column: str, style: str = "text") -> Planned:
    """The draft with its type. A source's own type is kept where it says the same."""
    native = draft.source.native if draft.source is not None else "cells"
    if draft.role is Role.VALUES:
        return Planned(draft.name, draft.raw, column, kind, draft.role, native="cells" if draft.cells else None)
    keeps = draft.role is None and not kind.declared and native is not None and native_type(native) == kind
    raw = draft.raw if keeps or draft.source is None else _as_text(draft)
    return Planned(draft.name, raw, column, kind, draft.role, style, native if keeps else None)


def _as_text(draft: Draft) -> str:
    assert draft.source is not None, "only vectors are made of several columns"
    return draft.source.text if draft.raw == draft.source.sql else draft.raw


def quoted(planned: Planned) -> str:
    """The lake column, quoted."""
    return quote_name(planned.column)
