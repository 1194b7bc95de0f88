"""Segmentations of one workspace: fit on tags, keep every version, publish the promoted one as the tag `segment.NAME`.

Tag values of the universe (or an audience) -> `fit_segments` -> ids of the segments that are still themselves
(`identity`) -> a version (`registry`) with the model, its figures and a reference of its data (`drift`) -> promoted: the
tag gets its labels. Between fits `update` moves the centres; `lifetime` compares versions. Reports are drawn by what the
workspace gives as `draw`, since the room of reports stands below this one.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from coterie.errors import Refused, did_you_mean
from coterie.kit.disk import disk_errors
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.learn.segments import lifetime
from coterie.learn.segments.drift import reference
from coterie.learn.segments.drift_words import drift_text
from coterie.learn.segments.frames import tag_name
from coterie.learn.segments.identity import match, migration, steadied
from coterie.learn.segments.lifetime import Rebuilt
from coterie.learn.segments.model import AMBIGUOUS, SegmentFit, SegmentModel, fit_segments
from coterie.learn.segments.picturing import Picturing
from coterie.learn.segments.registry import FIT, REFIT, UPDATE, Version, environment
from coterie.learn.segments.stored import encode
from coterie.learn.segments.update import (
    HALF_LIFE_DAYS,
    MOST_SHIFT,
    MOVING,
    changed,
    described,
    moved,
    refuse_far,
    resized,
)
from coterie.tags.views import View


class Asked(NamedTuple):
    """What a fit is asked for."""

    name: str
    tags: list[str]
    audience: str | None
    entity_kind: str
    options: dict[str, Any]  # of `fit_segments`


class Segments(Picturing):
    """Fit, keep, publish, use and look after segmentations; see `Reading` for what it is made of."""

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
        promote: bool = True,
        progress: Progress | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Find segments of an entity kind (or of an audience now) by their tags, and publish the tag `segment.NAME`.

        promote : whether the tag gets the labels of this version at once; else `promote` does it later.
        more : further options of `fit_segments`, such as `weights` and `pca`; those that are None count as not given.

        Returns the summary of `SegmentFit` with the version. The same data and options give the same version again.
        Raises Refused: unknown tags, too few entities, nothing usable.
        """
        _check_name(name)
        options = {"method": method, "k": _number(k), "seed": seed, "prepare": prepare, "max_k": max_k}
        options |= {"min_size": min_size} | {key: value for key, value in more.items() if value is not None}
        asked = Asked(name, list(dict.fromkeys(tags)), audience, entity_kind, options)
        return self._fit(asked, FIT, promote, progress)

    def refit(
        self, name: str, *, seed: int | None = None, promote: bool = True, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Fit again with the recorded options on today's data; segments that are still themselves keep their ids.

        seed : another one than recorded. Returns what `fit` does. Raises NotFound.
        """
        known = self.registry.fitted(self.registry.get(name))
        options = known.options if seed is None else {**known.options, "seed": seed}
        asked = Asked(name, known.tags, known.body["audience"], known.entity_kind, options)
        return self._fit(asked, REFIT, promote, progress)

    def _fit(self, asked: Asked, kind: str, promote: bool, progress: Progress | None) -> dict[str, Any]:
        _check_options(asked.options)
        name, view = asked.name, self._frames.today(asked.entity_kind)
        rule = self._frames.rule_of(asked.audience)
        frame = self._frames.frame(view, asked.tags, rule)
        fit, identity = self._identified(asked, self._run(asked, frame, progress), frame, view)
        summary = plain(fit.summary())
        moment = {"as_of": show_moment(view.as_of, self._context.zone), "data_version": view.data_version}
        kept = reference(frame, fit.model.columns, fit.model.assign(frame), fit.model.ids)
        body = {
            "kind": kind,
            "tags": asked.tags,
            "audience": asked.audience,
            "audience_rule": rule,
            "entity_kind": asked.entity_kind,
            **moment,
            "options": plain(asked.options),
            "environment": environment(self._threads),
            "model": json.loads(fit.model.to_json()),
            "summary": summary,
            "identity": identity,
            "reference": encode(kept),
        }
        version = self.registry.record(name, body)
        self._keep(name, version, fit)
        if promote:
            self._publish(self.registry.get(name, version), fit.labels, view, kind)
        used = self.registry.promoted(name)
        told = {"segmentation": name, "tag": tag_name(name), **moment, **summary, "identity": identity}
        return {**told, "version": version, "promoted": used is not None and used.version == version}

    @property
    def _threads(self) -> int:
        return self._context.settings.number("threads")

    def _run(
        self, asked: Asked, frame: pd.DataFrame, progress: Progress | None, threads: int | None = None
    ) -> SegmentFit:
        """The fit itself, its segments numbered from 1."""
        kind = asked.entity_kind
        with _limited(threads or self._threads):
            return fit_segments(
                frame,
                money=self._frames.money(asked.tags, kind),
                labels=self._frames.names(asked.tags, kind),
                progress=progress,
                **asked.options,
            )

    def _identified(
        self, asked: Asked, fit: SegmentFit, frame: pd.DataFrame, view: View
    ) -> tuple[SegmentFit, dict[str, Any] | None]:
        """The fit with the ids that its segments had before, and what became of all; None at the first fitting."""
        base = self.registry.in_use(asked.name)
        if base is None:
            return fit, None
        if _same_model(base.model, fit.model):  # the same data and options: the ids and the story of that version
            ids, had = base.model.ids, self._frames.labels_at(asked.name, view.kind, view.as_of)
            return fit.identified(ids, steadied(_renamed(fit.labels, ids), had, AMBIGUOUS)), base.body.get("identity")
        last_id = self.registry.last_id(asked.name)
        known = set(self._context.catalog.tags(view.kind))
        if base.entity_kind != view.kind or not known.issuperset(base.tags):
            ids = tuple(range(last_id + 1, last_id + 1 + fit.model.k))
            return fit.identified(ids, _renamed(fit.labels, ids)), {"from_version": base.number, "comparable": False}
        seen = frame if set(base.tags) == set(asked.tags) else self._frames.frame(view, base.tags).loc[frame.index]
        return self._matched(base, fit, seen, view, last_id)

    def _matched(
        self, base: Version, fit: SegmentFit, seen: pd.DataFrame, view: View, last_id: int
    ) -> tuple[SegmentFit, dict[str, Any]]:
        """Ids by what the model before makes of the same entities; `seen` has its tags, in the order of the labels."""
        old = base.model
        panel = old.assign(seen)
        places = {i: place for place, i in enumerate(old.ids)}
        by_old = np.asarray(panel.table["segment"].map(places).fillna(-1), np.intp)
        by_new = np.asarray(fit.labels["segment"], np.intp) - 1
        had = self._frames.labels_at(base.name, view.kind, view.as_of)
        then = np.asarray(fit.labels["entity"].map(had).map(places).fillna(-1), np.intp)
        found = match(by_old, by_new, old.ids, fit.model.k, last_id=last_id, distances=panel.distances, then=then)
        labels = steadied(_renamed(fit.labels, found.ids), had, AMBIGUOUS)
        # near a border the old model, too, lets everyone stay, or hesitation would count as two moves
        moves = migration(had, steadied(panel.table, had, AMBIGUOUS), labels).as_dict()
        story = {"from_version": base.number, "comparable": True, "segments": [f._asdict() for f in found.fates]}
        return fit.identified(found.ids, labels), plain({**story, "migration": moves})

    def update(self, name: str, *, half_life_days: float = HALF_LIFE_DAYS, promote: bool = True) -> dict[str, Any]:
        """Assign today's customers, and let the centres follow those that are new or changed, as version N.

        half_life_days : after so many days a row counts half. Methods without centres only assign (`moved` false).
        Raises Refused `refit_needed`: the customers or the centres went too far since the last fit.
        """
        if not half_life_days > 0:
            raise Refused("bad_argument", "A half-life is above 0.", place="--half-life", fix="Give days, such as 90.")
        base = self.registry.get(name)
        fitted, view = self.registry.fitted(base), self._frames.today(base.entity_kind)
        frame = self._frames.frame(view, base.tags, self._frames.rule_of(base.body["audience"]))
        found = lifetime.drift_of(fitted, base.model, frame, view.as_of)
        if found.far:
            raise refuse_far(name, drift_text(found, "en", self._frames.names(base.tags, view.kind)))
        used = list(base.model.columns)
        before = self._frames.of(base, self._frames.then(base))
        rows = frame[changed(before[used], frame[used])]
        had = self._frames.labels_at(name, view.kind, view.as_of)
        told = {"segmentation": name, "tag": tag_name(name), "rows": len(rows), "of": len(frame)}
        if base.options.get("method", "kmeans") not in MOVING or rows.empty:
            labels = steadied(base.model.predict(frame), had, AMBIGUOUS)
            if promote:
                self._publish(base, labels, view, UPDATE)
            return {**told, "version": base.number, "moved": False, "shift": 0.0, "sizes": _sizes(base.model, labels)}
        weights = lifetime.weights_of(base)
        days = (view.as_of - base.as_of).total_seconds() / 86_400
        made = moved(base.model, fitted.model, rows, weights, days=days, half_life_days=half_life_days)
        if made.shift > MOST_SHIFT:
            said = f"a centre went {made.shift:.0%} of the way to its neighbour, above {MOST_SHIFT:.0%}."
            raise refuse_far(name, said)
        labels = steadied(made.model.predict(frame), had, AMBIGUOUS)
        model = resized(made.model, labels)
        version = self._updated(base, model, view, half_life_days, made.weights, made.shift, len(rows))
        if promote:
            self._publish(self.registry.get(name, version), labels, view, UPDATE)
        return {**told, "version": version, "moved": True, "shift": made.shift, "sizes": _sizes(model, labels)}

    def _updated(
        self,
        base: Version,
        model: SegmentModel,
        view: View,
        half_life_days: float,
        weights: tuple[float, ...],
        shift: float,
        rows: int,
    ) -> int:
        body = {
            **base.body,
            "kind": UPDATE,
            "from_version": base.number,
            "identity": None,
            "audience_rule": self._frames.rule_of(base.body["audience"]),
            "as_of": show_moment(view.as_of, self._context.zone),
            "data_version": view.data_version,
            "environment": environment(self._threads),
            "model": json.loads(model.to_json()),
            "summary": described(model, dict(base.body["summary"])),
            "weights": list(weights),
            "update": {"half_life_days": half_life_days, "shift": shift, "rows": rows},
        }
        return self.registry.record(base.name, body)

    def promote(self, name: str, version: int) -> dict[str, Any]:
        """Let the tag show a version: today's customers by its model. Raises NotFound."""
        return self._use(self.registry.get(name, version), "promote")

    def rollback(self, name: str) -> dict[str, Any]:
        """Let the tag show the version that was in use before. Raises Refused: there was none."""
        return self._use(self.registry.get(name, self.registry.before(name)), "rollback")

    def _use(self, version: Version, why: str) -> dict[str, Any]:
        name, view = version.name, self._frames.today(version.entity_kind)
        frame = self._frames.frame(view, version.tags, self._frames.rule_of(version.body["audience"]))
        last = self.registry.published(name, version.number)
        moment = (view.as_of, None) if last is None else (last.as_of, last.data_version)
        had = self._frames.labels_at(name, view.kind, *moment)
        before = self.registry.promoted(name)
        labels = steadied(version.model.predict(frame), had, AMBIGUOUS)
        self._publish(version, labels, view, why)
        told = {"segmentation": name, "tag": tag_name(name), "version": version.number}
        return {**told, "was": None if before is None else before.version, "sizes": _sizes(version.model, labels)}

    def _publish(self, version: Version, labels: pd.DataFrame, view: View, why: str) -> None:
        """Let the tag have these labels, and its definition say whose they are."""
        name, tag = version.name, tag_name(version.name)
        now = {str(key): int(i) for key, i in zip(labels["entity"], labels["segment"], strict=True)}
        used = self.registry.promoted(name)
        same = self._frames.labels_at(name, view.kind, view.as_of) == now
        about = self._about(version)
        if same:
            self._frames.describe(tag, view.kind, about)
        else:
            self._frames.publish(labels[["entity", "segment"]], tag, view, {"segment": about})
        if same and used is not None and used.version == version.number and why != "rollback":
            return
        self._publish_strategies(name, labels, view)
        as_of = show_moment(view.as_of, self._context.zone)
        self.registry.promote(name, version.number, why, as_of, self._context.lake.data_version)

    def rebuild(self, name: str, version: int | None = None) -> Rebuilt:
        """Make a version again from what was recorded, and compare: identical, or how far from it. Raises NotFound."""
        found = self.registry.get(name, version)
        if found.kind == UPDATE:
            return lifetime.rebuilt_update(self._frames, self.registry, found)
        frame = self._frames.of(found, self._frames.then(found))
        asked = Asked(name, found.tags, found.body["audience"], found.entity_kind, found.options)
        threads = int(found.body["environment"]["threads"])
        return lifetime.compared(found, self._run(asked, frame, None, threads).model, frame, self._threads)

    def migrate(self, name: str, before: int | None = None, after: int | None = None) -> dict[str, Any]:
        """Who moved between two versions, or since the last publish, and whether customers or the model changed.

        Raises NotFound, and Refused: only one version is given, or nothing was published.
        """
        if (before is None) != (after is None):
            fix = "Give two versions, or none for the time since the last publish."
            raise Refused("bad_argument", "One version is given.", place="versions", fix=fix)
        if before is None or after is None:
            return lifetime.since_published(self._frames, self.registry, name)
        return lifetime.between(self._frames, self.registry, name, before, after)

    def _keep(self, name: str, version: int, fit: SegmentFit) -> None:
        with disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path(name, version).write_text(fit.to_json(), encoding="utf-8")


def _limited(threads: int) -> AbstractContextManager[Any]:
    """At most so many threads of numeric libraries, since their number is part of what decides a result."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(limits=threads)
    return limits


def _renamed(labels: pd.DataFrame, ids: Sequence[int]) -> pd.DataFrame:
    """Segments numbered from 1 as ids; 0, in none, stays."""
    names = np.array([0, *ids], np.int64)
    return labels.assign(segment=names[labels["segment"]], second=names[labels["second"]])


def _sizes(model: SegmentModel, labels: pd.DataFrame) -> dict[str, int]:
    counts = labels["segment"].value_counts()
    none = {"0": int(counts[0])} if 0 in counts else {}
    return none | {str(i): int(counts.get(i, 0)) for i in model.ids}


def _same_model(one: SegmentModel, other: SegmentModel) -> bool:
    """Whether two models say the same but for the segments' ids, and so their sizes."""
    return lifetime.essence(one) == lifetime.essence(other)


def _check_name(name: str) -> None:
    if not name.replace("_", "").replace("-", "").isalnum():
        fix = "Use letters, digits, - and _."
        raise Refused("bad_argument", f'"{name}" cannot name a segmentation.', place="name", fix=fix)


def _check_options(options: dict[str, Any]) -> None:
    """Refuse an option that no fit takes."""
    known = set(inspect.signature(fit_segments).parameters) - {"frame", "money", "labels", "progress"}
    for name in options.keys() - known:
        fix = did_you_mean(name, known) or f"There are: {', '.join(sorted(known))}."
        raise Refused("bad_argument", f'A fit has no option "{name}".', place=name, fix=fix)


def _number(k: int | str) -> int | str:
    if isinstance(k, str) and k != "auto":
        try:
            return int(k)
        except ValueError:
            fix = "Give a whole number, or `auto`."
            raise Refused("bad_argument", f'"{k}" is no number of segments.', place="--k", fix=fix) from None
    return k
