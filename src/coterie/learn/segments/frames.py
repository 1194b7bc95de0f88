"""What segments are fitted on and published as: tag values at a moment, files as frames, labels as a tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from coterie.catalog.schemas import Aggregate, Measure, TagSpec, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import Refused, unknown_name
from coterie.kit.moments import show_moment
from coterie.learn.segments.pipeline import NumericStep, Pipeline
from coterie.learn.segments.registry import Version
from coterie.learn.segments.words import Text
from coterie.tags.context import TagContext
from coterie.tags.publish import publish_frame
from coterie.tags.values import values
from coterie.tags.views import View

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences


class Frames:
    """Reads tag values and files, and publishes labels."""

    def __init__(self, context: TagContext, audiences: Audiences) -> None:
        self.context, self._audiences = context, audiences

    def today(self, kind: str) -> View:
        """The view of the published build."""
        return View.at(self.context, kind)

    def then(self, version: Version) -> View:
        """The view that a version was fitted at."""
        return View.at(self.context, version.entity_kind, version.as_of, version.data_version)

    def of(self, version: Version, view: View) -> pd.DataFrame:
        """The tags of a version at a view; its audience is asked by the rule that it had then."""
        return self.frame(view, version.tags, version.body.get("audience_rule"))

    def frame(self, view: View, tags: Sequence[str], rule: Any = None) -> pd.DataFrame:
        """Tag values of the universe, or of those whom a rule finds, at a view; indexed by entity."""
        wanted, version = list(dict.fromkeys(tags)), view.data_version
        frame = values(self.context, wanted, view.as_of, data_version=version, entity_kind=view.kind).set_index(
            "entity"
        )
        if rule is None:
            return frame
        chosen = self._audiences._chooser(view.as_of, view.data_version).choose(rule, view.kind).asked
        members = chosen.engine.rows(f"SELECT entity FROM ({chosen.members_sql()})")
        return frame[frame.index.isin([key for (key,) in members])]

    def shown(self, moment: datetime) -> str:
        """A moment as people read it, in the workspace's zone."""
        return show_moment(moment, self.context.zone)

    def rule_of(self, audience: str | None) -> Any:
        """The rule of a saved audience as it is now."""
        return None if audience is None else self._audiences.get(audience).body["rule"]

    def labels_at(self, name: str, kind: str, as_of: datetime, data_version: int | None = None) -> dict[str, int]:
        """The segment that each entity had in the tag at a moment, by key."""
        tag = tag_name(name)
        if tag not in self.context.catalog.tags(kind):
            return {}
        found = values(self.context, [tag], as_of, data_version=data_version, entity_kind=kind).dropna(subset=[tag])
        return dict(zip(found["entity"].tolist(), found[tag].astype(int).tolist(), strict=True))

    def money(self, tags: Sequence[str], kind: str) -> tuple[str, ...]:
        """Tags that are sums of exact decimals, which is money: of those a segment has a share, of an average not."""
        defined = self.context.catalog.tags(kind)
        return tuple(t for t in tags if defined[t].type is ValueType.DECIMAL and _sums(defined[t].spec))

    def names(self, tags: Sequence[str], kind: str) -> dict[str, Text]:
        """What tags are called in both languages, where they have a label."""
        labels = {t: self.context.catalog.tag(t, kind).label for t in tags}
        return {t: Text(found["en"], found.get("zh", found["en"])) for t, found in labels.items() if "en" in found}

    def publish(self, frame: Any, tag: str, view: View, about: Mapping[str, Any]) -> None:
        """Publish a frame of today's entities as tags."""
        publish_frame(self.context, frame, tag, as_of=view.as_of, entity_kind=view.kind, about=about)

    def describe(self, tag: str, kind: str, about: Mapping[str, Any]) -> None:
        """Say anew what is said of a tag beside its values."""
        known = self.context.catalog.tag(tag, kind)
        self.context.catalog.save_tags([replace(known, **{k: v for k, v in about.items() if v is not None})])

    def read(self, file: Path) -> pd.DataFrame:
        """All columns of a file as text, in its row order. Raises Refused: it cannot be read."""
        from coterie.ingest.readers.opening import open_source
        from coterie.ingest.readers.options import ReadOptions

        with self.context.lake.staging() as work:
            source = open_source(str(file), ReadOptions(), self.context.engine, work, None)
            columns = ", ".join(f"{c.text} AS {quote_name(c.name)}" for c in source.columns)
            frame = self.context.engine.frame(f"SELECT _row, {columns} FROM {source.numbered} ORDER BY _row")
        return frame.drop(columns="_row")


def tag_name(name: str) -> str:
    """The tag of a segmentation.

    >>> tag_name("buyers")
    'segment.buyers'
    """
    return f"segment.{name}"


def rows_for(pipeline: Pipeline, raw: pd.DataFrame, entity: str | None, file: str) -> pd.DataFrame:
    """The columns of a file that a model uses, numbers as numbers, indexed by key.

    entity : the column with the key; by default the first column of different values that the model does not use, else
        the number of the row.
    """
    frame = pd.DataFrame({c: raw[c] for c in pipeline.columns if c in raw})
    for step in pipeline.steps:
        if isinstance(step, NumericStep) and step.column in frame:
            frame[step.column] = _numbers(frame[step.column], file)
    frame.index = pd.Index(_keys(raw, entity, pipeline.columns))
    return frame


def _sums(spec: TagSpec) -> bool:
    return isinstance(spec, Aggregate) and spec.measure in (Measure.SUM, Measure.DECAYED_SUM)


def _keys(raw: pd.DataFrame, entity: str | None, used: Sequence[str]) -> list[str]:
    if entity is not None and entity not in raw:
        raise unknown_name("column", entity, list(raw.columns), place="--entity")
    free = [c for c in raw.columns if c not in used and raw[c].is_unique and raw[c].notna().all()]
    column = entity or (free[0] if free else None)
    if column is None:
        return [str(i) for i in range(1, len(raw) + 1)]
    return [str(v) for v in raw[column]]


def _numbers(values: pd.Series[Any], file: str) -> pd.Series[Any]:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = numbers.isna() & values.notna() & (values.astype(str).str.strip() != "")
    if wrong.any():
        line = int(np.flatnonzero(wrong.to_numpy())[0]) + 2
        said = f'"{values[wrong].iloc[0]}" in {values.name} is no number.'
        raise Refused("bad_column", said, place=f"{file} line {line}", fix="Mend the value or leave it empty.")
    return numbers
