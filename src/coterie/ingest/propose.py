"""The types of an import's columns, from what was declared, what the dataset has, and the values themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.ingest.columns import ColumnType
from coterie.ingest.formats import Dates
from coterie.ingest.mapping import ImportSpec
from coterie.ingest.plan import KEY_ROLES, Draft, Role, preset_type
from coterie.ingest.readings import missing_sql
from coterie.ingest.tally import (
    Tally,
    date_type,
    decimal_scale,
    key_styles,
    plain_type,
    tallies,
    whole_number_time,
)

SAMPLE_ROWS = 20_000
_TIMES = (ValueType.DATE, ValueType.MOMENT)
_FIX_TIME = "Declare how it is written, such as --types '{name}=date(%d/%m/%Y)' or moment(%m/%d/%Y %H:%M)."


class Typed(NamedTuple):
    """A draft with its type; of keys `style` says how they are written."""

    draft: Draft
    kind: ColumnType
    style: str = "text"


class Judge:
    """Finds types of columns in `sample`, a table of the source's first rows, and where that cannot tell, in the whole.

    whole : the source's relation; None where the sample is the whole.
    notes : collects what a person should know.
    """

    def __init__(self, engine: Engine, spec: ImportSpec, label: str, sample: str, whole: str | None) -> None:
        self._engine, self._spec, self._label = engine, spec, label
        self._sample, self._whole = sample, whole
        self._late: set[str] = set()  # columns with nothing in the first rows
        self.notes: list[str] = []

    def types(self, drafts: Sequence[Draft], earlier: Dataset | None) -> list[Typed]:
        """The type of every draft.

        Raises Refused: the time column holds no times, or times that cannot be told apart; `type_changed`.
        """
        preset = {d.name: preset_type(self._spec, d, earlier) for d in drafts}
        judged = [d for d in drafts if d.role not in (*KEY_ROLES, Role.VALUES) and _open(preset[d.name])]
        counted = self._tallies(judged)
        keys = [d for d in drafts if d.role in KEY_ROLES]
        styles = dict(zip((d.role for d in keys), self.styles(self._sample, keys), strict=True))
        found = []
        for draft in drafts:
            kind = self._kind(draft, preset[draft.name], counted.get(draft.name))
            if draft.role is None:
                kind = _as_before(kind, earlier.field(draft.name) if earlier else None)
            found.append(Typed(draft, kind, styles.get(draft.role, "text")))
        return found

    def styles(self, relation: str, keys: Sequence[Draft]) -> list[str]:
        """How the keys of columns are written."""
        return [s.name for s in key_styles(self._engine, relation, [d.raw for d in keys])]

    def again(self, draft: Draft, kind: ColumnType) -> ColumnType:
        """The type of a column by all its values, after too many misfitted `kind`."""
        whole = self._whole or self._sample
        if draft.role is Role.AT:
            return self._time(draft, None, whole)
        tally = tallies(self._engine, whole, {draft.name: draft.raw})[draft.name]
        if kind.declared:
            return replace(kind, scale=decimal_scale(tally) or kind.scale)
        found = plain_type(tally) or self._dated(draft, whole) or ColumnType(ValueType.TEXT)
        if found.type is not kind.type:
            self.notes.append(f"{draft.name} was taken as {kind.type.value} first; it is {found.type.value}.")
        return found

    def _tallies(self, judged: Sequence[Draft]) -> dict[str, Tally]:
        counted = tallies(self._engine, self._sample, {d.name: d.raw for d in judged})
        empty = {d.name: d.raw for d in judged if not counted[d.name].filled}
        if empty and self._whole is not None:
            counted |= tallies(self._engine, self._whole, empty)
            self._late = set(empty)
        return counted

    def _kind(self, draft: Draft, preset: ColumnType | None, tally: Tally | None) -> ColumnType:
        if draft.role is Role.AT:
            return self._time(draft, preset, self._sample, tally)
        if preset is None:
            assert tally is not None, "a column without a preset type is counted"
            found = plain_type(tally)
            if found is None and tally.filled:
                late = self._whole if draft.name in self._late else None
                found = self._dated(draft, late or self._sample)
            return found or ColumnType(ValueType.TEXT)
        if preset.open_scale and tally is not None:
            return replace(preset, scale=decimal_scale(tally) or 4)
        if preset.declared and preset.type in _TIMES and not preset.formats:
            kind, _ = date_type(self._engine, self._sample, draft.raw)
            return preset if kind is None else replace(preset, formats=kind.formats, zoned=kind.zoned)
        return preset

    def _dated(self, draft: Draft, relation: str) -> ColumnType | None:
        kind, dates = self._dates(draft, relation)
        if dates is not None and dates.problem:
            self.notes.append(f"{draft.name} is kept as text: {_problem(dates)}.")
        return kind

    def _dates(self, draft: Draft, relation: str) -> tuple[ColumnType | None, Dates | None]:
        kind, dates = date_type(self._engine, relation, draft.raw)
        if dates is not None and dates.problem == "ambiguous" and self._whole is not None and relation != self._whole:
            kind, dates = date_type(self._engine, self._whole, draft.raw)
        if kind is not None and dates is not None:
            self._tell_ways(draft.name, dates)
        return kind, dates

    def _tell_ways(self, name: str, dates: Dates) -> None:
        ways = list(dict.fromkeys(f.replace("T", " ").split(" %H")[0].split(" %I")[0] for f in dates.formats))
        if len({w.replace("%B", "%b") for w in ways}) > 1:
            self.notes.append(f"{name} writes dates in several ways; all are read: {', '.join(ways)}.")

    def _time(self, draft: Draft, preset: ColumnType | None, relation: str, tally: Tally | None = None) -> ColumnType:
        """The type of the time column, a date or a moment."""
        if preset is not None:
            return self._declared_time(draft, preset)
        tally = tally or tallies(self._engine, relation, {draft.name: draft.raw})[draft.name]
        if not tally.filled:
            if self._spec.kind is DatasetKind.EVENTS:
                fix = "Name another column, or leave --time out for events without a time."
                raise Refused("not_a_time", f"{draft.name} holds no values.", place="--time", fix=fix)
            return ColumnType(ValueType.MOMENT)
        plain = plain_type(tally)
        if plain is not None and plain.type is ValueType.INTEGER:
            if found := whole_number_time(self._engine, relation, draft.raw):
                self.notes.append(
                    f"{draft.name} is read as {found.formats[0].replace('%Y%m%d', 'days such as 20110930')}."
                )
                return found
        kind, dates = self._dates(draft, relation)
        if kind is None:
            raise self._no_time(draft, dates, relation)
        return kind

    def _declared_time(self, draft: Draft, preset: ColumnType) -> ColumnType:
        if preset.type not in _TIMES:
            fix = "Declare it as date or moment."
            message = f"The time column {draft.name} is declared as {preset.type.value}."
            raise Refused("not_a_time", message, place="--time", fix=fix)
        if preset.formats:
            return preset
        kind, _ = date_type(self._engine, self._sample, draft.raw)
        return preset if kind is None else replace(preset, type=kind.type, formats=kind.formats, zoned=kind.zoned)

    def _no_time(self, draft: Draft, dates: Dates | None, relation: str) -> Refused:
        fix = _FIX_TIME.format(name=draft.name)
        if dates is not None and dates.problem:
            code = "ambiguous_date" if dates.problem == "ambiguous" else "mixed_dates"
            return Refused(code, f"{draft.name}: {_problem(dates)}.", place="--time", fix=fix)
        examples = self._engine.rows(
            f"SELECT DISTINCT left({draft.raw}, 40) FROM {relation} WHERE NOT {missing_sql(draft.raw)} "
            f"AND TRY_CAST({draft.raw} AS TIMESTAMP) IS NULL ORDER BY 1 LIMIT 3"
        )
        shown = ", ".join(quote_value(e) for (e,) in examples)
        message = f"{draft.name} holds values that are no times, such as {shown}."
        return Refused("not_a_time", message, place="--time", fix=f"{fix} A declared column rejects such rows.")


def _problem(dates: Dates) -> str:
    if dates.problem == "ambiguous":
        return "no value tells whether the day or the month stands first"
    return "some dates have the day first and others the month"


def _open(preset: ColumnType | None) -> bool:
    """Whether the values must be counted to know the type."""
    return preset is None or preset.open_scale


def _as_before(kind: ColumnType, known: Field | None) -> ColumnType:
    """The dataset's type for the column, read in the ways that the new values are written.

    Raises Refused(`type_changed`): another type is declared.
    """
    if known is None:
        return kind
    if kind.declared and kind.type is not known.type:
        message = f"{known.name} is {known.type.value} in this dataset and is declared as {kind.type.value}."
        fix = "Leave the declaration out, or import with --replace."
        raise Refused("type_changed", message, place=f"--types {known.name}", fix=fix)
    if known.type in _TIMES and kind.type in _TIMES:
        if known.type is ValueType.DATE and kind.type is ValueType.MOMENT:
            return ColumnType(ValueType.DATE)  # which a time of day misfits, so that the dataset's column is widened
        return replace(kind, type=known.type)
    if known.type is kind.type:
        return replace(kind, scale=known.scale) if not kind.declared or kind.open_scale else kind
    return ColumnType(known.type, scale=known.scale)
