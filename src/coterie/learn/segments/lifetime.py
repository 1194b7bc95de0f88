"""Versions compared: made again, set side by side, and today's customers against a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused
from coterie.learn.segments.drift import REFIT_DAYS, Drift, Reference, compare
from coterie.learn.segments.explain import rule_text
from coterie.learn.segments.frames import Frames
from coterie.learn.segments.identity import migration, steadied
from coterie.learn.segments.model import AMBIGUOUS, SegmentModel
from coterie.learn.segments.names import Labels, SegmentName
from coterie.learn.segments.registry import Registry, Version, environment
from coterie.learn.segments.stored import decode
from coterie.learn.segments.strategy import Strategy
from coterie.learn.segments.update import changed, moved
from coterie.learn.segments.words import Language
from coterie.stats.agreement import adjusted_rand, contingency
from coterie.tags.views import View

Floats = npt.NDArray[np.float64]

CLOSE = 1e-6
"""Centres this near, in prepared units, are the same but for rounding."""
_OWN = (
    "ids",
    "sizes",
    "unassigned",
    "versions",
)  # what identity and hysteresis decide, and what only tells where it was made


@dataclass(frozen=True)
class Rebuilt:
    """A version made again.

    identical : every number of the model is the same to the last bit.
    same : all customers are together with the same others (ARI 1) and centres are within a millionth.
    ari : of the customers' assignments by both; centres : the greatest difference of a coordinate, None where centres
        cannot be compared (another number of them, or a method without).
    then, now : code, libraries and threads.
    """

    segmentation: str
    version: int
    identical: bool
    same: bool
    ari: float
    centres: float | None
    entities: int
    then: Mapping[str, Any]
    now: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def essence(model: SegmentModel) -> dict[str, Any]:
    """What a fit alone decides of a model: all but ids, sizes after hysteresis, and versions of libraries."""
    stored = json.loads(model.to_json())
    return {key: value for key, value in stored.items() if key not in _OWN}


def compared(version: Version, again: SegmentModel, frame: pd.DataFrame, threads: int) -> Rebuilt:
    """A version beside the same made again; frame : the rows that it was fitted on."""
    kept, body = version.model, version.body
    identical = essence(kept) == essence(again)
    ari = _ari(kept, again, frame)
    centres = _centre_gap(kept, again)
    same = identical or (ari == 1.0 and (centres is None or centres <= CLOSE))
    then, now = body.get("environment", {}), environment(threads)
    return Rebuilt(version.name, version.number, identical, same, ari, centres, len(frame), then, now)


def _ari(one: SegmentModel, other: SegmentModel, frame: pd.DataFrame) -> float:
    parts = [np.unique(m.predict(frame)["segment"].to_numpy(), return_inverse=True) for m in (one, other)]
    (a, first), (b, second) = parts
    return adjusted_rand(contingency(first, second, len(a), len(b)))


def _centre_gap(one: SegmentModel, other: SegmentModel) -> float | None:
    from scipy.optimize import linear_sum_assignment

    a, b = centres_of(one), centres_of(other)
    if a is None or b is None or a.shape != b.shape:
        return None
    gaps = np.abs(a[:, None, :] - b[None, :, :]).max(axis=2)
    rows, columns = linear_sum_assignment(gaps)
    return float(gaps[rows, columns].max())


def centres_of(model: SegmentModel) -> Floats | None:
    """The centres of a model that has some, shape (k, columns of the prepared matrix)."""
    found = json.loads(model.to_json()).get("centres")
    return np.array(found, np.float64) if found else None


def rebuilt_update(frames: Frames, registry: Registry, version: Version) -> Rebuilt:
    """An update made again from the version that it moved and the rows that were new or changed then."""
    base = registry.get(version.name, int(version.body["from_version"]))
    before, now = frames.of(base, frames.then(base)), frames.of(version, frames.then(version))
    used = list(base.model.columns)
    rows = now[changed(before[used], now[used])]
    days = (version.as_of - base.as_of).total_seconds() / 86_400
    half_life = float(version.body["update"]["half_life_days"])
    fitted = registry.fitted(base).model
    made = moved(base.model, fitted, rows, weights_of(base), days=days, half_life_days=half_life)
    return compared(version, made.model, now, int(version.body["environment"]["threads"]))


def weights_of(version: Version) -> tuple[float, ...]:
    """Rows that each centre stands for: as updates left them, at a fit the segment's size."""
    kept = version.body.get("weights")
    return tuple(float(w) for w in (version.model.sizes if kept is None else kept))


def drift_of(
    fitted: Version, model: SegmentModel, frame: pd.DataFrame, at: datetime, *, every_days: float = REFIT_DAYS
) -> Drift:
    """Today's rows against what was fitted, assigned by the model in use."""
    kept = decode(Reference, fitted.body["reference"])
    return compare(kept, frame, model.assign(frame), fitted_at=fitted.as_of, at=at, every_days=every_days)


def since_published(frames: Frames, registry: Registry, name: str) -> dict[str, Any]:
    """Who would move if the tag were published today by the same model: customers who changed."""
    version, last = registry.get(name), registry.promoted(name)
    if last is None:
        fix = f"Publish one: coterie segment promote {name} VERSION"
        raise Refused("bad_argument", f'No version of "{name}" was published.', place="name", fix=fix)
    had = frames.labels_at(name, version.entity_kind, last.as_of, last.data_version)
    view = frames.today(version.entity_kind)
    frame = frames.frame(view, version.tags, frames.rule_of(version.body["audience"]))
    today = steadied(version.model.predict(frame), had, AMBIGUOUS)
    moves = migration(had, today, today).as_dict()
    told = {"version": version.number, "as_of": frames.shown(last.as_of), "data_version": last.data_version}
    now = {"version": version.number, "as_of": frames.shown(view.as_of), "data_version": view.data_version}
    return {"segmentation": name, "from": told, "to": now, **moves}


def between(frames: Frames, registry: Registry, name: str, before: int, after: int) -> dict[str, Any]:
    """Who moved from one version to another: then, by the old model on the later data, and as the later version said."""
    old, new = registry.get(name, before), registry.get(name, after)
    if old.entity_kind != new.entity_kind:
        said = f"Version {before} is about {old.entity_kind}s, version {after} about {new.entity_kind}s."
        raise Refused("bad_argument", said, place="versions", fix="Compare versions about the same kind of subject.")
    had, now = labels_of(frames, registry, old), labels_of(frames, registry, new)
    view = _moment(frames, registry, new)
    frame = frames.frame(view, old.tags)
    frame = frame[frame.index.isin(list(now))]
    by_old = steadied(old.model.predict(frame), had, AMBIGUOUS)
    today = by_old.assign(segment=[now[key] for key in by_old["entity"]])
    sides = [{"version": v.number, "as_of": v.body["as_of"], "data_version": v.data_version} for v in (old, new)]
    return {"segmentation": name, "from": sides[0], "to": sides[1], **migration(had, by_old, today).as_dict()}


def labels_of(frames: Frames, registry: Registry, version: Version) -> dict[str, int]:
    """The segment of each entity as a version first gave it: published, else by its model on its own data."""
    first = next((p for p in registry.promotions(version.name) if p.version == version.number), None)
    if first is not None:
        return frames.labels_at(version.name, version.entity_kind, first.as_of, first.data_version)
    table = version.model.predict(frames.of(version, frames.then(version)))
    return dict(zip(table["entity"], (int(i) for i in table["segment"]), strict=True))


def _moment(frames: Frames, registry: Registry, version: Version) -> View:
    """The view at which a version's labels were first given."""
    first = next((p for p in registry.promotions(version.name) if p.version == version.number), None)
    if first is None:
        return frames.then(version)
    return View.at(frames.context, version.entity_kind, first.as_of, first.data_version)


def version_row(version: Version, promoted: bool) -> dict[str, Any]:
    """What a list of versions says of one."""
    body, summary = version.body, version.body["summary"]
    return {
        "version": version.number,
        "promoted": promoted,
        "kind": version.kind,
        "from_version": body.get("from_version", (body.get("identity") or {}).get("from_version")),
        "created_at": version.created_at,
        "as_of": body["as_of"],
        "data_version": version.data_version,
        "method": version.options.get("method", "kmeans"),
        "seed": version.options.get("seed", 0),
        "k": summary["k"],
        "sizes": version.sizes,
    }


def metrics(version: Version) -> dict[str, Any]:
    """The figures of a version's fit in short."""
    summary = version.body["summary"]
    weakest = min(summary["stability"].values(), default=None)
    chosen: Mapping[str, Any] = next((row for row in summary["panel"] if row["k"] == summary["k"]), {})
    return {
        "structure": summary["structure"],
        "weakest_stability": weakest,
        "silhouette": chosen.get("silhouette"),
        "ambiguous": summary["ambiguous"],
        "why": summary["why"],
        "vetoed": summary["vetoed"],
    }


def segment_rows(
    version: Version,
    names: Mapping[int, SegmentName],
    strategies: Mapping[int, Strategy],
    language: Language,
    labels: Labels | None = None,
) -> list[dict[str, Any]]:
    """The segments of a version, by id: name, size, stability, rule in words, and what is to be done.

    labels : what tags are called in the rules, by tag.
    """
    summary, sizes = version.body["summary"], version.sizes
    total = max(sum(sizes.values()), 1)
    rows = []
    called = dict(names)
    if sizes.get("0"):
        called[0] = SegmentName("In no segment", "不属于任何分群")
    for i in sorted(called):
        rule = summary["rules"].get(str(i))
        rows.append(
            {
                "segment": i,
                "name": called[i].en if language == "en" else called[i].zh,
                "size": sizes.get(str(i), 0),
                "share": sizes.get(str(i), 0) / total,
                "stability": summary["stability"].get(str(i)),
                "band": summary["stability_band"].get(str(i)),
                "rule": None if rule is None else rule_text(rule["rule"], language, labels or {}),
                "precision": None if rule is None else rule["precision"],
                "recall": None if rule is None else rule["recall"],
                **{k: v for k, v in strategies.get(i, Strategy(i)).as_dict().items() if k != "segment"},
            }
        )
    return rows
