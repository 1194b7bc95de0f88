"""Segmentations of one workspace: fit on tags, keep every version, publish as a tag, assign new rows of a file.

Tag values of the universe (or an audience) -> `fit_segments` -> the model and its figures as a document -> the tag
`segment.NAME` -> reports, drawn by what the workspace gives as `draw`, since the room of reports stands below this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from coterie.catalog.schemas import Aggregate, Measure, TagSpec, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import Failed, Refused, unknown_name
from coterie.kit.disk import disk_errors
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.learn.segments.identity import match, migration, steadied
from coterie.learn.segments.model import AMBIGUOUS, SegmentFit, SegmentModel, fit_segments
from coterie.learn.segments.pipeline import NumericStep
from coterie.learn.segments.words import Language, Text
from coterie.tags.context import TagContext
from coterie.tags.publish import publish_frame
from coterie.tags.values import values
from coterie.tags.views import View

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences
    from coterie.store.service import Document

KIND = "segmentation"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Draw = Callable[[SegmentFit, str, Language], str]


class Segments:
    """Fit, keep, publish and use segmentations.

    folder : where the reports of every version are kept.
    draw : makes the report of (fit, title, language) as HTML.
    """

    def __init__(self, context: TagContext, audiences: Audiences, folder: Path, draw: Draw) -> None:
        self._context, self._audiences, self._folder, self._draw = context, audiences, folder, draw

    def fit(
        self,
        name: str,
        tags: Sequence[str],
        *,
        audience: str | None = None,
        method: str = "kmeans",
        k: int | str = "auto",
        seed: int = 0,
        prepare: str = "auto",
        max_k: int = 10,
        min_size: int | None = None,
        entity_kind: str = "customer",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Find segments of an entity kind (or of an audience now) by their tags, and publish the tag `segment.NAME`.

        Returns the summary of `SegmentFit` with the version. The same data and options give the same version again.
        Raises Refused: unknown tags, too few entities, nothing usable.
        """
        _check_name(name)
        view = View.at(self._context, entity_kind)
        frame = self._frame(view, tags, audience)
        fit = fit_segments(
            frame,
            k=_number(k),
            method=method,
            seed=seed,
            prepare=prepare,
            money=self._money(tags, entity_kind),
            max_k=max_k,
            min_size=min_size,
            labels=self._labels(tags, entity_kind),
            progress=progress,
        )
        asked = {"tags": list(tags), "audience": audience, "entity_kind": entity_kind}
        moment = {"as_of": show_moment(view.as_of, self._context.zone), "data_version": view.data_version}
        before = self._context.store.find(KIND, name)
        fit, identity = self._identified(before, fit, frame, view, audience)
        summary = plain(fit.summary())
        body = {**asked, **moment, "model": json.loads(fit.model.to_json()), "summary": summary, "identity": identity}
        if before is not None and _same(before.body, body):
            version = before.version
        else:
            version = self._context.store.put(KIND, name, body)
        self._keep_reports(name, version, fit)
        self._publish(name, fit, view)
        told = {"segmentation": name, "tag": f"segment.{name}", **moment, **summary}
        return {**told, "identity": identity, "version": version}

    def _identified(
        self, before: Document | None, fit: SegmentFit, frame: pd.DataFrame, view: View, audience: str | None
    ) -> tuple[SegmentFit, dict[str, Any] | None]:
        """The fit with the ids that its segments had before, and what became of all; None at the first fitting."""
        if before is None:
            return fit, None
        name = before.name
        old, last_id = SegmentModel.from_json(json.dumps(before.body["model"])), self._last_id(name)
        if _same_model(old, fit.model):  # the same data and options: the ids and the story of that version
            ids, identity = old.ids, before.body.get("identity")
            return fit.identified(ids, _renamed(fit.labels, ids)), identity
        known = set(self._context.catalog.tags(view.kind))
        if before.body["entity_kind"] != view.kind or not known.issuperset(before.body["tags"]):
            ids = tuple(range(last_id + 1, last_id + 1 + fit.model.k))
            return fit.identified(ids, _renamed(fit.labels, ids)), {"from_version": before.version, "comparable": False}
        same_tags = set(before.body["tags"]) == set(frame.columns)
        seen = frame if same_tags else self._frame(view, before.body["tags"], audience).loc[frame.index]
        panel = old.assign(seen)
        places = {i: place for place, i in enumerate(old.ids)}
        by_old = np.asarray(panel.table["segment"].map(places), np.intp)
        by_new = np.asarray(fit.labels["segment"], np.intp) - 1
        had = self._published(name, view)
        then = np.asarray(fit.labels["entity"].map(had).map(places).fillna(-1), np.intp)
        found = match(by_old, by_new, old.ids, fit.model.k, last_id=last_id, distances=panel.distances, then=then)
        labels = steadied(_renamed(fit.labels, found.ids), had, AMBIGUOUS)
        moved = migration(had, panel.table, labels).as_dict()
        story = {"from_version": before.version, "comparable": True, "segments": [f._asdict() for f in found.fates]}
        return fit.identified(found.ids, labels), plain({**story, "migration": moved})

    def _last_id(self, name: str) -> int:
        """The highest id that any version of a segmentation ever gave."""
        history = self._context.store.history(KIND, name)
        return max(max(SegmentModel.from_json(json.dumps(d.body["model"])).ids) for d in history)

    def _published(self, name: str, view: View) -> dict[str, int]:
        """The segment that each entity has in the published tag."""
        tag = f"segment.{name}"
        if tag not in self._context.catalog.tags(view.kind):
            return {}
        found = values(self._context, [tag], view.as_of, entity_kind=view.kind).dropna(subset=[tag])
        return {str(key): int(segment) for key, segment in zip(found["entity"], found[tag], strict=True)}

    def model(self, name: str, version: int | None = None) -> SegmentModel:
        """The fitted model; the newest unless a version is named. Raises NotFound."""
        return SegmentModel.from_json(json.dumps(self._document(name, version).body["model"]))

    def report(self, name: str, version: int | None = None, language: str = "en") -> str:
        """The report of a fitted version as one HTML page. Raises NotFound."""
        document = self._document(name, version)
        path = self._report_path(name, document.version, language)
        if not path.exists():
            fix = f"Fit the segments again: coterie segment fit {name} ..."
            raise Failed("damaged", "The report is missing.", place=path.name, fix=fix)
        return path.read_text(encoding="utf-8")

    def sizes(self, name: str) -> dict[str, int]:
        """Customers by segment id at the newest fit."""
        return dict(self._document(name, None).body["summary"]["sizes"])

    def rows(self) -> list[dict[str, Any]]:
        """All segmentations, newest version each."""
        return [_row(d) for d in self._context.store.all(KIND)]

    def predict(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Assign the rows of a frame indexed by entity: columns entity, segment, second, margin, in its row order."""
        return self.model(name).predict(frame)

    def predict_file(self, name: str, file: Path, to: Path, *, entity: str | None = None) -> int:
        """Assign the rows of a file; writes entity, segment, second, margin as CSV in its row order.

        entity : the column with the key; by default the first column of different values that the model does not use, else the row.
        """
        model = self.model(name)
        raw = self._read(file)
        keys = _keys(raw, entity, model.columns)
        frame = pd.DataFrame({c: raw[c] for c in model.columns if c in raw})
        for step in model.pipeline.steps:
            if isinstance(step, NumericStep) and step.column in frame:
                frame[step.column] = _numbers(frame[step.column], file.name)
        frame.index = pd.Index(keys)
        table = model.predict(frame)
        with disk_errors():
            table.to_csv(to, index=False)
        return len(table)

    def _document(self, name: str, version: int | None) -> Document:
        found = self._context.store.find(KIND, name, version)
        if found is None:
            known = [d.name for d in self._context.store.all(KIND)]
            raise unknown_name("segmentation", name if version is None else f"{name} (version {version})", known)
        return found

    def _frame(self, view: View, tags: Sequence[str], audience: str | None) -> pd.DataFrame:
        """Tag values of the universe, or of an audience's members; indexed by entity."""
        frame = values(self._context, list(dict.fromkeys(tags)), view.as_of, entity_kind=view.kind).set_index("entity")
        if audience is None:
            return frame
        return frame[frame.index.isin(self._audiences.keys_of(audience))]

    def _money(self, tags: Sequence[str], kind: str) -> tuple[str, ...]:
        """Tags that are sums of exact decimals, which is money: a segment has a share of those, of an average it "
        "has none."""
        defined = self._context.catalog.tags(kind)
        return tuple(t for t in tags if defined[t].type is ValueType.DECIMAL and _sums(defined[t].spec))

    def _labels(self, tags: Sequence[str], kind: str) -> dict[str, Text]:
        labels = {t: self._context.catalog.tag(t, kind).label for t in tags}
        return {t: Text(found["en"], found.get("zh", found["en"])) for t, found in labels.items() if "en" in found}

    def _publish(self, name: str, fit: SegmentFit, view: View) -> None:
        table = fit.labels[["entity", "segment"]]
        publish_frame(self._context, table, f"segment.{name}", as_of=view.as_of, entity_kind=view.kind)

    def _keep_reports(self, name: str, version: int, fit: SegmentFit) -> None:
        with disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            for language in LANGUAGES:
                path = self._report_path(name, version, language)
                path.write_text(self._draw(fit, name, language), encoding="utf-8")

    def _report_path(self, name: str, version: int, language: str) -> Path:
        return self._folder / f"{name}@{version}.{language}.html"

    def _read(self, file: Path) -> pd.DataFrame:
        """All columns of a file as text, in its row order."""
        from coterie.ingest.readers.opening import open_source
        from coterie.ingest.readers.options import ReadOptions

        with self._context.lake.staging() as work:
            source = open_source(str(file), ReadOptions(), self._context.engine, work, None)
            columns = ", ".join(f"{c.text} AS {quote_name(c.name)}" for c in source.columns)
            frame = self._context.engine.frame(f"SELECT _row, {columns} FROM {source.numbered} ORDER BY _row")
        return frame.drop(columns="_row")


def _row(document: Document) -> dict[str, Any]:
    summary = document.body["summary"]
    return {
        "segmentation": document.name,
        "version": document.version,
        "k": summary["k"],
        "sizes": summary["sizes"],
        "structure": summary["structure"]["nature"],
        "as_of": document.body["as_of"],
        "data_version": document.body["data_version"],
    }


def _renamed(labels: pd.DataFrame, ids: Sequence[int]) -> pd.DataFrame:
    """Segments numbered from 1 as ids."""
    names = np.array([0, *ids], np.int64)
    return labels.assign(segment=names[labels["segment"]], second=names[labels["second"]])


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two versions say the same, whenever they were made: publishing a segmentation is itself new data."""
    parts = ("tags", "audience", "entity_kind", "model", "summary")
    return all(one[part] == other[part] for part in parts)


def _same_model(one: SegmentModel, other: SegmentModel) -> bool:
    return (one.pipeline, one.centres, one.method, one.seed) == (
        other.pipeline,
        other.centres,
        other.method,
        other.seed,
    )


def _sums(spec: TagSpec) -> bool:
    return isinstance(spec, Aggregate) and spec.measure in (Measure.SUM, Measure.DECAYED_SUM)


def _check_name(name: str) -> None:
    if not name.replace("_", "").replace("-", "").isalnum():
        fix = "Use letters, digits, - and _."
        raise Refused("bad_argument", f'"{name}" cannot name a segmentation.', place="name", fix=fix)


def _number(k: int | str) -> int | str:
    if isinstance(k, str) and k != "auto":
        try:
            return int(k)
        except ValueError:
            fix = "Give a whole number, or `auto`."
            raise Refused("bad_argument", f'"{k}" is no number of segments.', place="--k", fix=fix) from None
    return k


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
