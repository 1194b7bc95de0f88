"""What screens show of a segmentation: figures of its fit, and the map of all customers with outlines drawn on it.

The map's points are made once and kept beside the fit without any key; who stands where is worked out anew from the same
tags, which the map's own name (`map`) vouches for.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.audiences.resolve import AUDIENCE
from coterie.errors import Refused
from coterie.kit.disk import disk_errors
from coterie.learn.segments.frames import tag_name
from coterie.learn.segments.model import SegmentFit, prepared
from coterie.learn.segments.names import label_of
from coterie.learn.segments.plane import MOST_CORNERS, Plane, place
from coterie.learn.segments.registry import Version
from coterie.learn.segments.reporting import Reporting, ReportOptions
from coterie.learn.segments.shown import (
    action_texts,
    panel_figures,
    pipeline_figures,
    profile_figures,
    share_of_money,
    stability_figures,
)
from coterie.learn.segments.words import Language
from coterie.tags.publish import upload_list
from coterie.tags.views import View

_SOME = 10
_AXIS_PARTS, _FAINT = 6, 0.05


class Outline(NamedTuple):
    """A line drawn round customers on a map.

    map : the name of the map it was drawn on; corners : x and y of each; segments : only those of these; None: of all.
    """

    map: str
    corners: Sequence[Sequence[float]]
    segments: Sequence[int] | None = None


class Picturing(Reporting):
    """Figures and maps of segmentations."""

    def profile(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """Every tag per segment against everybody, with intervals, as of the fit; see `shown.profile_figures`."""
        return self._figures(name, version, lambda fit: profile_figures(fit, language))

    def panel(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """Every number of segments tried, and why this one; see `shown.panel_figures`."""
        return self._figures(name, version, lambda fit: panel_figures(fit, language))

    def stability(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """How surely each segment comes back; see `shown.stability_figures`."""
        return self._figures(name, version, lambda fit: stability_figures(fit, language))

    def preparation(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """What was done to each tag before segments were looked for; see `shown.pipeline_figures`."""
        return self._figures(
            name, version, lambda fit: pipeline_figures(fit.model.pipeline, fit.column_labels, language)
        )

    def _figures(self, name: str, version: int | None, made: Any) -> dict[str, Any]:
        """Figures of a fit with what they are of; of an update those of the fit behind it."""
        fitted = self.registry.fitted(self.registry.get(name, version))
        told: dict[str, Any] = made(self.fit_of(name, fitted.number))
        return {"segmentation": name, "version": fitted.number, "as_of": fitted.body["as_of"], **told}

    def cards(self, name: str, version: int | None = None, language: Language = "en") -> dict[int, dict[str, Any]]:
        """For each segment its share of money, the action that its profile suggests, and both of its names, by id."""
        fit, found = self.fit_of(name, version), self.registry.get(name, version)
        actions, money = action_texts(fit, language), share_of_money(fit) or self._shares_today(found)
        return {
            i: {"share_of_money": money.get(i), "suggested_action": actions.get(i), "names": called._asdict()}
            for i, called in self.names(name, version).items()
        }

    def _shares_today(self, version: Version) -> dict[int, float]:
        """The part of all revenue that each segment's people of today hold; nothing where no tag tells revenue."""
        tag = self._adding_up(version, ReportOptions()).get("revenue")
        if tag is None:
            return {}
        view = self._frames.today(version.entity_kind)
        segments, amounts = self._frames.labels_at(version.name, view.kind, view.as_of), self._amounts(view, tag)
        sums = dict.fromkeys(version.model.ids, 0.0)
        for key, i in segments.items():
            if i in sums:
                sums[i] += amounts.get(key, 0.0)
        total = sum(sums.values())
        return {i: part / total for i, part in sums.items()} if total > 0 else {}

    def check(
        self,
        tags: Sequence[str],
        *,
        audience: str | None = None,
        method: str = "kmeans",
        prepare: str = "auto",
        weights: Mapping[str, float] | None = None,
        pca: float | None = None,
        entity_kind: str = "customer",
        language: Language = "en",
    ) -> dict[str, Any]:
        """What a fit on these tags would do to them today, and whom it would be about. Raises Refused as a fit does."""
        view = self._frames.today(entity_kind)
        chosen = list(dict.fromkeys(tags))
        frame = self._frames.frame(view, chosen, self._frames.rule_of(audience))
        money = self._frames.money(chosen, entity_kind)
        made = prepared(frame, method=method, prepare=prepare, money=money, weights=weights, pca=pca)
        labels = self._frames.names(chosen, entity_kind)
        return {"entities": len(frame), "as_of": self._frames.shown(view.as_of)} | pipeline_figures(
            made, labels, language
        )

    def map(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """What a map of today's customers shows; its points are in `map_points`, by the name `map`."""
        found = self.registry.get(name, version)
        view, fit = self._frames.today(found.entity_kind), self.fit_of(name, found.number)
        key = self._map_key(found, view)
        facts, points = self._map_paths(name, key)
        if not (facts.exists() and points.exists()):
            self._draw_map(self._plane(found, view, fit), facts, points)
        told: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
        names = self.names(name, found.number)
        return {
            "segmentation": name,
            "version": found.number,
            "map": key,
            "as_of": self._frames.shown(view.as_of),
            **told,
            "ids": list(found.model.ids),
            "names": {str(i): n.en if language == "en" else n.zh for i, n in names.items()},
            "axes": _axes(fit, language),
        }

    def map_points(self, name: str, key: str) -> Path:
        """The points of a map, see `plane.Plane.binary`, compressed by gzip. Raises Refused: another map is due."""
        self.registry.get(name)
        path = self._map_paths(name, key)[1] if key.isalnum() else None
        if path is None or not path.exists():
            raise _other_map()
        return path

    def selection(self, name: str, outline: Outline) -> dict[str, Any]:
        """How many stand inside an outline, by segment, and some of them."""
        plane, rows = self._inside(name, outline)
        some = plane.entities[rows][:_SOME]
        return {"count": int(rows.sum()), "sizes": plane.counts(rows), "entities": [str(key) for key in some]}

    def save_selection(
        self, name: str, outline: Outline, audience: str, *, owner: str | None = None, language: str = "en"
    ) -> dict[str, Any]:
        """Save whom an outline holds as a list and an audience of one name.

        Raises Refused: there is a list or an audience of that name, or the outline is empty.
        """
        kind = self.registry.get(name).entity_kind
        listed = f"list.{audience}" in self._context.catalog.tags()
        if listed or self._context.store.find(AUDIENCE, audience) is not None:
            said = f'There is an audience or a list "{audience}".'
            raise Refused("bad_argument", said, place="name", fix="Choose another name.")
        plane, rows = self._inside(name, outline)
        if not rows.any():
            raise Refused("nobody", "The outline holds nobody.", place="outline", fix="Draw it round some points.")
        with self._context.lake.staging() as folder:
            pd.DataFrame({"entity": plane.entities[rows]}).to_csv(folder / "outline.csv", index=False)
            made = upload_list(self._context, audience, folder / "outline.csv", "entity", entity_kind=kind)
        about = {"description": f"Drawn on the map of {name}", "owner": owner}
        saved = self._audiences.save(audience, {"list": audience}, entity_kind=kind, language=language, **about)
        return {**saved, "list": audience, "matched": made["matched"]}

    def _inside(self, name: str, outline: Outline) -> tuple[Plane, npt.NDArray[np.bool_]]:
        if not 3 <= len(outline.corners) <= MOST_CORNERS:
            fix = f"Give 3 to {MOST_CORNERS} corners."
            raise Refused("bad_argument", "That is no outline.", place="corners", fix=fix)
        version = self._of_map(name, outline.map)
        view = self._frames.today(version.entity_kind)
        plane = self._plane(version, view, self.fit_of(name, version.number))
        return plane, plane.within(outline.corners, outline.segments)

    def _of_map(self, name: str, key: str) -> Version:
        """The version that a map of today's customers is of. Raises Refused: they are not those of today."""
        self.registry.get(name)
        for version in reversed(self.registry.history(name)):
            if self._map_key(version, self._frames.today(version.entity_kind)) == key:
                return version
        raise _other_map()

    def _map_key(self, version: Version, view: View) -> str:
        """A name for all that decides a map."""
        labels = self._audiences_version(version)
        depends = [version.name, version.number, view.as_of, view.data_version, labels, self._in_use(version)]
        return hashlib.sha256(json.dumps(depends, default=str).encode()).hexdigest()[:16]

    def _map_paths(self, name: str, key: str) -> tuple[Path, Path]:
        return self._folder / f"{name}@map.{key}.json", self._folder / f"{name}@map.{key}.bin.gz"

    def _draw_map(self, plane: Plane, facts: Path, points: Path) -> None:
        told = {"points": len(plane.shown), "of": len(plane.entities), "bounds": plane.bounds()}
        told |= {"sizes": plane.counts(), "middles": plane.middles()}
        with disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.glob(f"{facts.name.partition('.')[0]}.*"):
                old.unlink(missing_ok=True)
            for path, body in ((points, gzip.compress(plane.binary(), 1)), (facts, json.dumps(told).encode())):
                staged = path.with_name(f".{path.name}.part")
                staged.write_bytes(body)
                staged.replace(path)

    def _plane(self, version: Version, view: View, fit: SegmentFit) -> Plane:
        tag, used = tag_name(version.name), self._in_use(version)
        labelled = used and tag in self._context.catalog.tags(view.kind)
        tags = [*version.tags, tag] if labelled else version.tags
        frame = self._frames.frame(view, tags, self._frames.rule_of(version.body["audience"]))
        if frame.empty:
            raise Refused("nobody", "Nobody is left to be drawn.", place="map", fix="Look at the audience's rule.")
        if used:
            segments = frame[tag] if labelled else pd.Series(0, index=frame.index)
        else:
            segments = version.model.predict(frame).set_index(frame.index)["segment"]
        return place(fit, frame, segments)

    def _in_use(self, version: Version) -> bool:
        used = self.registry.promoted(version.name)
        return used is not None and used.version == version.number


def _axes(fit: SegmentFit, language: Language) -> list[dict[str, Any]]:
    """Both axes: the share of the variance that each shows, and the tags that make most of it."""
    across = [(name, x) for name, x, _ in fit.map.loadings], [(name, y) for name, _, y in fit.map.loadings]
    axes = []
    for share, parts in zip(fit.map.variance, across, strict=True):
        longest = sorted(parts, key=lambda part: -abs(part[1]))[:_AXIS_PARTS]
        told = [{"label": _part_label(fit, name, language), "weight": w} for name, w in longest if abs(w) > _FAINT]
        axes.append({"share": share, "parts": told})
    return axes


def _part_label(fit: SegmentFit, output: str, language: Language) -> str:
    column, sign, level = output.partition(" = ")
    return label_of(column, language, fit.column_labels) + sign + level


def _other_map() -> Refused:
    said = "The map shows other customers or segments than there are now."
    return Refused("newer_version", said, place="map", fix="Load the map again.")
