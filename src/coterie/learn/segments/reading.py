"""What there is of segmentations: versions, models, names, reports, and the segment of new rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from coterie.errors import Failed
from coterie.kit.disk import disk_errors
from coterie.kit.plain import plain
from coterie.learn.segments import humans, lifetime
from coterie.learn.segments.drift import Drift
from coterie.learn.segments.drift_words import drift_text
from coterie.learn.segments.frames import Frames, rows_for
from coterie.learn.segments.humans import Marks
from coterie.learn.segments.model import SegmentFit, SegmentModel
from coterie.learn.segments.names import Labels, SegmentName, label_of
from coterie.learn.segments.registry import Registry, Version
from coterie.learn.segments.strategy import Strategies
from coterie.learn.segments.words import Language, note_text
from coterie.tags.context import TagContext
from coterie.tags.views import View

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences


class Reading:
    """What is known of segmentations.

    folder : where the fits of every version are kept, which reports are drawn from.
    draw : makes the report of a fit and its study, see `reporting.Draw`.
    """

    def __init__(self, context: TagContext, audiences: Audiences, folder: Path, draw: Callable[..., Any]) -> None:
        self._context, self._audiences, self._folder, self._draw = context, audiences, folder, draw
        self._frames, self.registry = Frames(context, audiences), Registry(context.store)
        self._marks, self._strategies = Marks(context.store), Strategies(context.store)

    def drift_sentence(self, name: str, found: Drift, language: Language = "en") -> str:
        """The verdict of drift in words."""
        version = self.registry.get(name)
        return drift_text(found, language, self._frames.names(version.tags, version.entity_kind))

    def model(self, name: str, version: int | None = None) -> SegmentModel:
        """The fitted model; that of the promoted version unless one is named. Raises NotFound."""
        return self.registry.get(name, version).model

    def frame_of(self, name: str, version: int | None = None, as_of: datetime | None = None) -> pd.DataFrame:
        """The tag values that a version was fitted on, or of the same people's tags at another moment. Raises NotFound."""
        found = self.registry.get(name, version)
        view = self._frames.then(found)
        if as_of is not None:
            view = View.at(self._context, found.entity_kind, as_of, found.data_version)
        return self._frames.of(found, view)

    def sizes(self, name: str) -> dict[str, int]:
        """Customers by segment id, of the promoted version."""
        return self.registry.get(name).sizes

    def names(self, name: str, version: int | None = None) -> dict[int, SegmentName]:
        """What the segments of a version are called: as people said, else as suggested."""
        model = self.registry.get(name, version).model
        return self._marks.names(name, model.ids, model.names)

    def rows(self) -> list[dict[str, Any]]:
        """All segmentations, as promoted."""
        return [self._row(self.registry.get(name)) for name in self.registry.names()]

    def _row(self, version: Version) -> dict[str, Any]:
        summary, newest = version.body["summary"], self.registry.newest(version.name)
        return {
            "segmentation": version.name,
            "version": version.number,
            "newest": version.number if newest is None else newest.number,
            "k": summary["k"],
            "sizes": summary["sizes"],
            "structure": summary["structure"]["nature"],
            "as_of": version.body["as_of"],
            "data_version": version.data_version,
        }

    def versions(self, name: str) -> list[dict[str, Any]]:
        """All versions of a segmentation, oldest first, and which one is promoted. Raises NotFound."""
        self.registry.get(name)
        used = self.registry.promoted(name)
        return [
            lifetime.version_row(v, used is not None and used.version == v.number) for v in self.registry.history(name)
        ]

    def show(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """Everything recorded of a version, its segments with names, rules, strategies, and all marks. Raises NotFound."""
        found = self.registry.get(name, version)
        used = self.registry.promoted(name)
        facts = lifetime.version_row(found, used is not None and used.version == found.number)
        kept = ("tags", "audience", "entity_kind", "options", "environment", "update", "identity")
        facts |= {part: found.body[part] for part in kept if found.body.get(part) is not None}
        facts["metrics"] = lifetime.metrics(found)
        labels = self._context.store.find(humans.LABELS, name)
        facts["labels"] = None if labels is None else {k: v for k, v in labels.body.items() if k != "agreement"}
        names, strategies = self.names(name, found.number), self._strategies.of(name)
        segments = lifetime.segment_rows(found, names, strategies, language, self._labels(found))
        return {
            "segmentation": name,
            **facts,
            "segments": segments,
            "marks": [m.as_dict() for m in self._marks.of(name)],
        }

    def labels(self, name: str, language: Language = "en") -> dict[str, str]:
        """What the tags of a segmentation are called. Raises NotFound."""
        version = self.registry.get(name)
        known = self._labels(version)
        return {tag: label_of(tag, language, known) for tag in version.tags}

    def _labels(self, version: Version) -> Labels:
        """What the tags of a version are called, those of them that there still are."""
        there = self._context.catalog.tags(version.entity_kind)
        return self._frames.names([t for t in version.tags if t in there], version.entity_kind)

    def fit_of(self, name: str, version: int | None = None) -> SegmentFit:
        """A version as it was fitted, with the names that people gave; without labels. Raises NotFound."""
        fitted = self.registry.fitted(self.registry.get(name, version))
        path = self._path(name, fitted.number)
        if not path.exists():
            fix = f"Fit the segments again: coterie segment refit {name}"
            raise Failed("damaged", "The fit is missing.", place=path.name, fix=fix)
        fit = SegmentFit.from_json(path.read_text(encoding="utf-8"))
        names = self.names(name, fitted.number)
        return replace(fit, model=replace(fit.model, names=tuple(names[i] for i in fit.model.ids)))

    def known(self, name: str, version: int | None = None) -> dict[str, Any]:
        """What a report tells beside the fit: facts of the version, marks, strategies, people's labels."""
        shown = self.show(name, version)
        strategies = {str(i): s.as_dict() for i, s in self._strategies.of(name).items()}
        return {**shown, "strategies": strategies}

    def predict(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Assign the rows of a frame indexed by entity: columns entity, segment, second, margin, in its row order."""
        return self.model(name).predict(frame)

    def predict_file(
        self, name: str, file: Path, to: Path, *, entity: str | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Assign the rows of a file; writes entity, segment, second, margin as CSV in its row order.

        entity : the column with the key; by default the first column of different values that the model does not use,
            else the number of the row.
        Returns file, rows, version and notes: what had to be assumed, as code, column, rows, detail and text.
        """
        found = self.registry.get(name, version)
        model = found.model
        frame = rows_for(model.pipeline, self._frames.read(file), entity, file.name)
        made = model.assign(frame)
        with disk_errors():
            made.table.to_csv(to, index=False)
        texts = [
            {**note._asdict(), "text": {"en": note_text(note, "en"), "zh": note_text(note, "zh")}}
            for note in made.notes
        ]
        return {"file": str(to), "rows": len(made.table), "version": found.number, "notes": plain(texts)}

    def _path(self, name: str, version: int) -> Path:
        return self._folder / f"{name}@{version}.fit.json"
