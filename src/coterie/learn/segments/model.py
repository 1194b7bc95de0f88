"""Fitting a segmentation and using it: `fit_segments` finds and describes segments, `SegmentModel` assigns new rows.

The path of `fit_segments`, one module each: `prepare` -> `structure`, `choose` -> `stability` -> `profile`, `names`,
`explain`, `map`. Rows are put into the order of their keys first, so that the order of the file has no say in the
result.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import numpy.typing as npt
import pandas as pd

from coterie.errors import Refused, did_you_mean
from coterie.kit.progress import Progress
from coterie.learn.segments.choose import Panel, Trials, choose
from coterie.learn.segments.columns import as_levels, missing
from coterie.learn.segments.criteria import distances, silhouette
from coterie.learn.segments.explain import Explanation, explain, rule_text
from coterie.learn.segments.map import PlaneMap, plane_map
from coterie.learn.segments.methods.base import Clusters, Columns, Method, Nearest, Rule, group_means, ordered_by_rule
from coterie.learn.segments.methods.base import sizes as group_sizes
from coterie.learn.segments.methods.baselines import fills
from coterie.learn.segments.methods.kmeans import settled
from coterie.learn.segments.methods.table import (
    DEFAULT_NUMBER,
    METHODS,
    Entry,
    asked_number,
    distinct_rows,
    rule_from_dict,
    rule_to_dict,
)
from coterie.learn.segments.names import Labels, SegmentName, suggest
from coterie.learn.segments.pipeline import CategoryStep, MissingStep, NumericStep, Pipeline
from coterie.learn.segments.prepare import prepare as make_pipeline
from coterie.learn.segments.prepare import prepare_plain
from coterie.learn.segments.profile import Profile, profile
from coterie.learn.segments.separation import APART
from coterie.learn.segments.stability import Stability, band, bootstrap
from coterie.learn.segments.stored import decode, encode
from coterie.learn.segments.words import choice_text, veto_text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FORMAT = 1
"""Of the stored model; a reader refuses a higher one."""
MOST_K = 50
AMBIGUOUS = 0.1
"""A margin below this: the second nearest centre is less than a tenth farther than the nearest."""
_LEAST_ROWS, _FEW_ROWS = 10, 50
_DRAWS_FINAL, _FINAL_ROWS, _SILHOUETTE_ROWS = 50, 3_000, 600
_PROTOTYPES, _BORDERS = 5, 20
_ASSIGNED_ROWS = 65_536  # prepared at once


class Note(NamedTuple):
    """Something to know about rows that were assigned: a code of `words.NOTES` and its fields."""

    code: str  # filled, taken_as, unknown_level or nothing_known
    column: str
    rows: int
    detail: str = ""


class Prediction(NamedTuple):
    """Assigned rows, and what had to be assumed."""

    table: pd.DataFrame  # entity, segment, second, margin, in the row order given
    notes: tuple[Note, ...]
    distances: Floats  # to the own centre, in the prepared matrix's space


@dataclass(frozen=True)
class SegmentModel:
    """Everything needed to assign rows to segments; plain JSON when stored.

    Segments have ids 1 to k by size at the first fitting; a refit keeps the ids of those that are still the same people
    (`identity`); id 0 is for entities in no segment. `margin` of an assignment is 1 - nearest / second nearest distance: 0
    on the border between two segments, 1 at a centre; of an entity in none it tells how far it is from belonging to one.
    """

    method: str
    seed: int
    pipeline: Pipeline
    centres: tuple[tuple[float, ...], ...]  # in the prepared matrix's columns
    names: tuple[SegmentName, ...]
    sizes: tuple[int, ...]  # at fitting
    versions: Mapping[str, str]  # of Python and the libraries that decided the result
    ids: tuple[int, ...]  # of the segments, in the order of the centres
    rule: Rule  # by which rows are assigned
    unassigned: int  # entities in no segment at fitting

    @property
    def k(self) -> int:
        """The number of segments."""
        return len(self.centres)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a frame must have to be assigned."""
        return self.pipeline.columns

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Assign each row: columns `entity`, `segment`, `second`, `margin`, in the frame's row order.

        frame : indexed by entity key, with at least the model's columns in any order

        Raises Refused `missing_column`, `bad_column`.
        """
        return self.assign(frame).table

    def assign(self, frame: pd.DataFrame) -> Prediction:
        """Like `predict`, and also what had to be assumed: values filled, levels never seen, rows of which "
        "nothing is known."""
        blocks = (frame.iloc[at : at + _ASSIGNED_ROWS] for at in range(0, max(len(frame), 1), _ASSIGNED_ROWS))
        parts = [self.rule.assign(self.pipeline.transform(block), np.array(self.centres)) for block in blocks]
        found = Nearest(*(np.concatenate(values) for values in zip(*parts, strict=True)))
        beyond, ids = np.maximum(found.second_distance, 1e-300), np.array([*self.ids, 0], np.int64)
        table = pd.DataFrame(
            {
                "entity": [str(key) for key in frame.index],
                "segment": ids[found.first],
                "second": ids[found.second],
                "margin": np.maximum(1 - found.first_distance / beyond, 0.0),
            }
        )
        return Prediction(table, tuple(_notes(self.pipeline, frame)), found.first_distance)

    def to_json(self) -> str:
        """The model as JSON text; `from_json` gives an equal model."""
        stored = {
            "format": FORMAT,
            "method": self.method,
            "seed": self.seed,
            "k": self.k,
            "columns": list(self.columns),
            "pipeline": self.pipeline.to_dict(),
            "centres": [list(centre) for centre in self.centres],
            "names": [name._asdict() for name in self.names],
            "sizes": list(self.sizes),
            "versions": dict(self.versions),
            "ids": list(self.ids),
            "rule": rule_to_dict(self.rule),
            "unassigned": self.unassigned,
        }
        return json.dumps(stored, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SegmentModel:
        """The model from what `to_json` gave. Raises Refused `bad_model`: not such a text, or of a newer version."""
        try:
            stored = json.loads(text)
            if stored["format"] > FORMAT:
                raise Refused(
                    "bad_model", f"The model has format {stored['format']}; this version reads up to {FORMAT}."
                )
            return cls(
                method=str(stored["method"]),
                seed=int(stored["seed"]),
                pipeline=Pipeline.from_dict(stored["pipeline"]),
                centres=tuple(tuple(float(v) for v in centre) for centre in stored["centres"]),
                names=tuple(SegmentName(**name) for name in stored["names"]),
                sizes=tuple(int(size) for size in stored["sizes"]),
                versions=dict(stored["versions"]),
                ids=tuple(int(i) for i in stored["ids"]),
                rule=rule_from_dict(stored["rule"]),
                unassigned=int(stored["unassigned"]),
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Refused(
                "bad_model", f"This is no stored segment model ({error!r}).", fix="Fit the segments again."
            ) from error


def _notes(pipeline: Pipeline, frame: pd.DataFrame) -> list[Note]:
    notes, known = [], np.zeros(len(frame), dtype=bool)
    for step in pipeline.steps:
        gone = missing(frame[step.column])
        known |= ~gone
        match step:
            case NumericStep() if gone.any():
                code = "taken_as" if pipeline.mode == "plain" else "filled"
                notes.append(Note(code, step.column, int(gone.sum()), f"{step.fill:g}"))
            case CategoryStep():
                strange = [v for v in as_levels(frame[step.column]) if v not in (None, *step.levels, *step.merged)]
                if strange:
                    notes.append(Note("unknown_level", step.column, len(strange), str(strange[0])))
            case _:
                pass
    if len(frame) and not known.all():
        notes.append(Note("nothing_known", "", int((~known).sum())))
    return notes


class Caveat(NamedTuple):
    """What a reader must keep in mind: a code of `words.CAVEATS` and the figures of its sentence."""

    code: str
    figures: tuple[float, ...]


class Border(NamedTuple):
    """An entity that stands next to a border, and how near (see `SegmentModel`); segments by their ids."""

    entity: str
    segment: int
    second: int
    margin: float


@dataclass(frozen=True)
class SegmentFit:
    """A fitted model with everything that the report, the CLI and the registry show of it."""

    model: SegmentModel
    panel: Panel
    labels: pd.DataFrame  # entity, segment, second, margin, in the row order of the frame fitted
    stability: Stability  # of the recommended solution, segment 1 first
    ambiguous: tuple[float, ...]  # per segment the share of members near a border (margin below `AMBIGUOUS`)
    profile: Profile
    explanation: Explanation
    map: PlaneMap
    silhouettes: tuple[tuple[float, ...], ...]  # per segment, of a sample of members, best first
    caveats: tuple[Caveat, ...]
    column_labels: Labels
    prototypes: tuple[tuple[str, ...], ...]  # per segment the members nearest to its centre, up to 5
    borders: tuple[Border, ...]  # the entities nearest to a border, up to 20

    def identified(self, ids: Sequence[int], labels: pd.DataFrame) -> SegmentFit:
        """The same with these ids of the segments, in their order; `labels` have them already."""
        counts = labels["segment"].value_counts()
        sizes = tuple(int(counts.get(i, 0)) for i in ids)
        model = replace(self.model, ids=tuple(ids), sizes=sizes, unassigned=int(counts.get(0, 0)))
        return replace(self, model=model, labels=labels, borders=_borders(labels))

    @property
    def nature(self) -> str:
        """What the segments are: `types` (all stand apart), `partly` (there are groups, but not all stand apart) "
        "or `cuts`."""
        if not self.panel.structure.found:
            return "cuts"
        return "types" if self.panel.of(self.model.k).apart_p <= APART else "partly"

    @property
    def ambiguous_share(self) -> float:
        """Share of all entities that are near a border."""
        sizes = self.model.sizes
        return sum(size * share for size, share in zip(sizes, self.ambiguous, strict=True)) / sum(sizes)

    def to_json(self) -> str:
        """Everything but `labels` as JSON text, so that the report can be drawn again later and in another language."""
        parts = {name: encode(getattr(self, name)) for name in _STORED}
        return json.dumps({"model": json.loads(self.model.to_json()), **parts}, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SegmentFit:
        """The fit from what `to_json` gave, with empty `labels`. Raises Refused `bad_model`."""
        try:
            stored = json.loads(text)
            model = SegmentModel.from_json(json.dumps(stored["model"]))
            hints = get_type_hints(cls)
            parts: dict[str, Any] = {name: decode(hints[name], stored[name]) for name in _STORED}
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Refused("bad_model", f"This is no stored segment fit ({error!r}).", fix="Fit again.") from error
        columns = {"entity": "str", "segment": "int64", "second": "int64", "margin": "float64"}
        empty = pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})
        return cls(model=model, labels=empty, **parts)

    def summary(self, model_version: int = 1) -> dict[str, Any]:
        """What `segment fit --json` prints: at least version, k, sizes, vetoed, stability and structure."""
        panel, k, ids = self.panel, self.model.k, [str(i) for i in self.model.ids]
        return {
            "version": model_version,
            "k": k,
            "sizes": ({"0": self.model.unassigned} if self.model.unassigned else {})
            | dict(zip(ids, self.model.sizes, strict=True)),
            "names": {i: name._asdict() for i, name in zip(ids, self.model.names, strict=True)},
            "why": choice_text(panel.recommended, panel, "en"),
            "runner_up": panel.runner_up.k if panel.runner_up else None,
            "vetoed": [{"k": v.k, "method": v.method, "reason": veto_text(v, "en")} for v in panel.vetoes],
            "stability": {i: round(value, 4) for i, value in zip(ids, self.stability.jaccard, strict=True)},
            "stability_band": {i: band(value) for i, value in zip(ids, self.stability.jaccard, strict=True)},
            "structure": {
                "found": panel.structure.found,
                "p_value": round(panel.structure.p_value, 4),
                "nature": self.nature,
            },
            "ambiguous": round(self.ambiguous_share, 4),
            "rules": {
                i: {
                    "rule": r.rule,
                    "sentence": rule_text(r.rule, "en", self.column_labels),
                    "precision": round(r.precision, 4),
                    "recall": round(r.recall, 4),
                }
                for i, r in zip(ids, self.explanation.rules, strict=True)
            },
            "tree": {
                "fidelity": round(self.explanation.fidelity, 4),
                "purity": dict(zip(ids, (_number(p) for p in self.explanation.purity), strict=True)),
                "cost_ratio": _number(self.explanation.cost_ratio),
                "depth": self.explanation.depth,
            },
            "prototypes": {i: list(members) for i, members in zip(ids, self.prototypes, strict=True)},
            "borders": [{**border._asdict(), "margin": _number(border.margin)} for border in self.borders],
            "lineage": [
                {"from_k": step.k, "to_k": step.to_k, "flows": [list(flow) for flow in step.flows]}
                for step in panel.lineage
            ],
            "favourites": panel.favourites,
            "dropped": [{"column": d.column, "reason": d.reason} for d in self.model.pipeline.dropped],
            "panel": [_row(f) for f in panel.figures],
        }


_STORED = (
    "panel", "stability", "ambiguous", "profile", "explanation", "map", "silhouettes", "caveats", "column_labels",
    "prototypes", "borders",
)  # fmt: skip


def _number(value: float | None) -> float | None:
    """Four digits; None for what could not be told."""
    return None if value is None or not np.isfinite(value) else round(value, 4)


def _row(figures: Any) -> dict[str, Any]:
    names = (
        "k",
        "silhouette",
        "calinski_harabasz",
        "davies_bouldin",
        "bic",
        "gap",
        "gap_error",
        "separation",
        "apart_p",
        "apart",
    )
    row: dict[str, Any] = {name: getattr(figures, name) for name in names}
    row = {name: None if isinstance(v, float) and not np.isfinite(v) else v for name, v in row.items()}
    return row | {
        "stability_ari": figures.stability.ari,
        "weakest_jaccard": figures.weakest,
        "smallest": figures.shares[-1],
    }


def fit_segments(
    frame: pd.DataFrame,
    *,
    k: int | str = "auto",
    method: str = "kmeans",
    seed: int = 0,
    prepare: str = "auto",
    money: Sequence[str] = (),
    min_size: int | None = None,
    max_k: int = 10,
    starts: int | None = None,
    weights: Mapping[str, float] | None = None,
    pca: float | None = None,
    labels: Labels | None = None,
    progress: Progress | None = None,
) -> SegmentFit:
    """Find segments of entities by their tags, and test, describe and explain them.

    frame : tag values, one row per entity, indexed by its key; a column per tag
    k : number of segments, or `auto` for the panel's recommendation among 2 to `max_k`, or what the method finds
    method : a name of `METHODS`; starts : random starts of each number tried, by default the method's own
    weights : how many times columns or blocks of columns count; pca : components in their place (see `prepare.prepare`)
    prepare : `auto`, `standard` or `none` (see `prepare.prepare`); money : columns that are amounts of money
    min_size : the smallest segment worth acting on, in entities; by default 1 % of them and at least 10 (less if few)
    labels : what columns are called in names and rules, by column

    Raises Refused `too_few_rows` (under 10 entities, or fewer different ones than k), `no_usable_column`, `bad_column`
    (one that the method cannot take, too), `duplicate_entity`, `bad_argument`, `unknown_name`, `no_groups`; Cancelled.

    >>> rng = np.random.default_rng(0)
    >>> spend = np.concatenate([rng.normal(10, 1, 60), rng.normal(30, 1, 40)])
    >>> fit = fit_segments(pd.DataFrame({"spend": spend, "visits": spend / 5 + rng.normal(0, 1, 100)}), max_k=3)
    >>> fit.model.k, fit.model.sizes, [name.en for name in fit.model.names]
    (2, (60, 40), ['Low spending', 'High spending'])
    >>> fit.model.predict(pd.DataFrame({"visits": [6.0], "spend": [29.0]}, index=["new"])).segment.tolist()
    [2]
    """
    progress = progress or Progress()
    entry = _checked(frame, k, method, max_k, starts)
    with progress.stage("Preparing"):
        # by key: the order of the file must not decide where k-means starts
        order = np.argsort(np.array([str(key) for key in frame.index], dtype=object), kind="stable")
        by_key = frame if bool((order == np.arange(len(order))).all()) else frame.iloc[order]
        pipeline = _pipeline(by_key, entry, prepare, money, weights, pca)
        matrix = pipeline.transform(by_key)
    bound = entry.of(Columns.of(pipeline))
    trials = Trials(starts or entry.starts, entry.rows, entry.replace)
    least = min_size if min_size is not None else max(min(10, len(frame) // 20), -(-len(frame) // 100))
    known = _known(matrix, k, entry, bound, seed, trials)
    ks = _range(matrix, k, max_k) if known is None else range(known.k, known.k + 1)
    reason = "given" if k != "auto" else "usual" if entry.number == "default" else "found"
    judge = partial(choose, method=bound, method_name=method, seed=seed, min_size=least, progress=progress)
    panel, solutions = judge(matrix, pipeline.sources, ks, trials=trials, reason=reason, known=known)
    found = known or _whole(matrix, solutions[panel.recommended.k], entry, bound, seed, trials)
    stability = _final_stability(matrix, found, bound, seed, trials, progress)
    with progress.stage("Describing"):
        asked = _Asked(frame, by_key, pipeline, entry, seed, tuple(money), labels or {})
        return _described(asked, matrix, found, panel, stability)


def partition(
    frame: pd.DataFrame,
    *,
    k: int,
    method: str = "kmeans",
    seed: int = 0,
    prepare: str = "auto",
    money: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    pca: float | None = None,
    starts: int | None = None,
) -> Ints:
    """Only the group of each row, from 0 by size, -1 for none, shape (n,): `fit_segments` without judging.

    Raises Refused like `fit_segments`; a method that finds the number itself takes no notice of `k`.

    >>> frame = pd.DataFrame({"spend": [1.0, 2.0, 1.5, 90.0, 91.0, 1.3, 1.2, 95.0, 1.1, 1.4]}, index=list("abcdefghij"))
    >>> partition(frame, k=2, prepare="standard").tolist()
    [0, 0, 0, 1, 1, 0, 0, 1, 0, 0]
    """
    entry = _checked(frame, "auto" if method in METHODS and METHODS[method].number == "found" else k, method, 2, starts)
    order = np.argsort(np.array([str(key) for key in frame.index], dtype=object), kind="stable")
    by_key = frame.iloc[order]
    pipeline = _pipeline(by_key, entry, prepare, money, weights, pca)
    matrix = pipeline.transform(by_key)
    _range(matrix, k, 2)
    found = entry(matrix, k, seed=seed, starts=starts or entry.starts, columns=Columns.of(pipeline))
    labels = np.empty(len(frame), dtype=np.intp)
    labels[order] = found.labels
    return labels


def prepared(
    frame: pd.DataFrame,
    *,
    method: str = "kmeans",
    prepare: str = "auto",
    money: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    pca: float | None = None,
) -> Pipeline:
    """What `fit_segments` would do to the columns first, to look at before it is fitted. Raises Refused like that.

    >>> frame = pd.DataFrame({"spend": [1.0, 2.0, 1.5, 90.0, 91.0, 1.3, 1.2, 95.0, 1.1, 1.4]}, index=list("abcdefghij"))
    >>> [(step.column, step.transform) for step in prepared(frame).steps]
    [('spend', 'log1p')]
    """
    entry = _checked(frame, "auto", method, 2, None)
    return _pipeline(frame, entry, prepare, money, weights, pca)


def _checked(frame: pd.DataFrame, k: int | str, method: str, max_k: int, starts: int | None) -> Entry:
    """Refuse what cannot be fitted, and give the method."""
    if method not in METHODS:
        fix = did_you_mean(method, METHODS) or f"There is: {', '.join(METHODS)}."
        raise Refused("bad_argument", f'There is no clustering method "{method}".', place="--method", fix=fix)
    if k != "auto" and (not isinstance(k, int) or isinstance(k, bool) or not 2 <= k <= MOST_K):
        raise Refused(
            "bad_argument", f"k is {k}.", place="--k", fix=f"Give a whole number from 2 to {MOST_K}, or `auto`."
        )
    asked_number(METHODS[method], k)
    if starts is not None and starts < 1:
        raise Refused("bad_argument", f"starts is {starts}.", place="--starts", fix="Give 1 or more.")
    if not 2 <= max_k <= MOST_K:
        raise Refused(
            "bad_argument", f"max_k is {max_k}.", place="max_k", fix=f"Give a whole number from 2 to {MOST_K}."
        )
    if not len(frame.columns):
        raise Refused("no_usable_column", "No tag was given.", place="--tags", fix="Name the tags to segment by.")
    wanted = k if isinstance(k, int) else 2
    if len(frame) < max(_LEAST_ROWS, wanted):
        fix = f"With fewer than {_LEAST_ROWS} nothing can be told; look at the entities one by one."
        if len(frame) >= _LEAST_ROWS:
            fix = "Ask for fewer segments."
        raise Refused("too_few_rows", f"There are {len(frame)} entities for {wanted} segments.", place="--k", fix=fix)
    if not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()][0]
        raise Refused(
            "duplicate_entity", f'"{twice}" has more than one row.', place=str(twice), fix="Keep one row per entity."
        )
    return METHODS[method]


def _pipeline(
    frame: pd.DataFrame,
    entry: Entry,
    mode: str,
    money: Sequence[str],
    weights: Mapping[str, float] | None,
    pca: float | None,
) -> Pipeline:
    """The preparation that the method takes; what it cannot take is refused."""
    if entry.plain and (weights or pca is not None):
        place = "--weight" if weights else "--pca"
        said = f"{entry.name} cuts columns as they are, so that nothing can be weighed or turned."
        raise Refused("bad_argument", said, place=place, fix="Leave it out, or use a method such as kmeans.")
    if entry.needs_columns and pca is not None:
        said = f"{entry.name} compares categories, which principal components do not keep."
        raise Refused("bad_argument", said, place="--pca", fix="Leave it out, or use a method such as kmeans.")
    if entry.plain:
        return prepare_plain(frame, fills([str(c) for c in frame.columns]))
    return make_pipeline(frame, mode=mode, money=money, weights=weights, pca=pca)


def _known(matrix: Floats, k: int | str, entry: Entry, bound: Method, seed: int, trials: Trials) -> Clusters | None:
    """The only solution of a method that leaves no number to choose; else None."""
    if entry.number == "asked":
        return None
    wanted = k if isinstance(k, int) else DEFAULT_NUMBER
    _range(matrix, wanted if entry.number == "default" else "auto", 2)
    return bound(matrix, wanted, seed=seed, starts=trials.starts)


def _range(matrix: Floats, k: int | str, max_k: int) -> range:
    """The numbers to try: as given, or from 2 to `max_k` as far as there are entities for it."""
    different = distinct_rows(matrix, MOST_K)
    if isinstance(k, int):
        if different < k:
            raise Refused(
                "too_few_rows",
                f"Only {different} entities differ in these tags.",
                place="--k",
                fix="Ask for fewer segments.",
            )
        return range(k, k + 1)
    if different < 2:
        raise Refused("too_few_rows", "All entities are alike in these tags.", fix="Choose other tags.")
    return range(2, min(max_k, different, max(2, len(matrix) // 8)) + 1)


def _whole(matrix: Floats, solution: Clusters, entry: Entry, method: Method, seed: int, trials: Trials) -> Clusters:
    """The recommended solution on all rows; the panel's, where it was found on all of them."""
    if len(solution.labels) < len(matrix):
        starts = min(3, trials.starts)
        solution = method(matrix, solution.k, seed=seed, starts=starts, first=solution.centres)
    # labels must be those of the centres and these the means of the rows, to the last bit
    return ordered_by_rule(matrix, settled(matrix, solution.centres)) if entry.means else solution


def _final_stability(
    matrix: Floats, found: Clusters, method: Method, seed: int, trials: Trials, progress: Progress
) -> Stability:
    rows = np.sort(np.random.default_rng([seed, 5]).permutation(len(matrix))[: trials.rows])
    base = found._replace(labels=found.labels[rows])
    with progress.stage("Testing stability", _DRAWS_FINAL, "resamples"):
        return bootstrap(
            matrix[rows],
            base,
            method,
            draws=_DRAWS_FINAL,
            seed=seed + 1,
            starts=min(3, trials.starts),
            progress=progress,
            replace=trials.replace,
        )


class _Asked(NamedTuple):
    """What a fit was asked for."""

    frame: pd.DataFrame
    by_key: pd.DataFrame  # the same in the order of its keys
    pipeline: Pipeline
    entry: Entry
    seed: int
    money: tuple[str, ...]
    labels: Labels


def _described(asked: _Asked, matrix: Floats, found: Clusters, panel: Panel, stability: Stability) -> SegmentFit:
    """The solution with all that is told of it."""
    k, pipeline, seed = found.k, asked.pipeline, asked.seed
    described = profile(asked.by_key, pipeline, found.labels, k, asked.money)
    scaled = matrix if pipeline.components is None else pipeline.scaled(asked.by_key)
    given = found.rule.names
    tags = tuple(o.column for o in pipeline.scaled_outputs)
    model = SegmentModel(
        method=asked.entry.name,
        seed=seed,
        pipeline=pipeline,
        centres=tuple(tuple(float(v) for v in centre) for centre in found.centres),
        names=tuple(SegmentName(*n) for n in given) if given else suggest(described, scaled, tags, asked.labels),
        sizes=tuple(int(c) for c in group_sizes(found.labels, k)),
        versions=_versions(),
        ids=tuple(range(1, k + 1)),
        rule=found.rule,
        unassigned=int((found.labels < 0).sum()),
    )
    prediction = model.assign(asked.frame)
    middle = found.centres if pipeline.components is None else group_means(scaled, found.labels, k)
    names = tuple(_output_name(o) for o in pipeline.scaled_outputs)
    return SegmentFit(
        model=model,
        panel=panel,
        labels=prediction.table,
        stability=stability,
        ambiguous=_ambiguous(prediction.table, k),
        profile=described,
        explanation=explain(asked.by_key, pipeline, found.labels, k, seed=seed, squares=asked.entry.squares),
        map=plane_map(scaled, found.labels, middle, names, seed),
        silhouettes=_silhouettes(matrix, found, seed),
        caveats=tuple(_caveats(asked.frame, pipeline, k)),
        column_labels=asked.labels,
        prototypes=_prototypes(prediction, k),
        borders=_borders(prediction.table),
    )


def _prototypes(prediction: Prediction, k: int) -> tuple[tuple[str, ...], ...]:
    """The members nearest to each centre; of equally near ones the first by key."""
    entity, segment = (prediction.table[c].to_numpy() for c in ("entity", "segment"))
    order = np.lexsort((entity, prediction.distances))
    return tuple(tuple(entity[order[segment[order] == j][:_PROTOTYPES]].tolist()) for j in range(1, k + 1))


def _borders(labels: pd.DataFrame) -> tuple[Border, ...]:
    """The entities with the smallest margins; of equal ones the first by key."""
    near = labels.nsmallest(_BORDERS, "margin", keep="all").sort_values(["margin", "entity"]).head(_BORDERS)
    columns = (near[c].tolist() for c in ("entity", "segment", "second", "margin"))
    return tuple(Border(*row) for row in zip(*columns, strict=True))


def _ambiguous(assigned: pd.DataFrame, k: int) -> tuple[float, ...]:
    close = assigned["margin"] < AMBIGUOUS
    return tuple(float(close[assigned["segment"] == j].mean()) for j in range(1, k + 1))  # ids at the first fitting


def _silhouettes(matrix: Floats, found: Clusters, seed: int) -> tuple[tuple[float, ...], ...]:
    rows = np.sort(np.random.default_rng([seed, 13]).permutation(len(matrix))[:_SILHOUETTE_ROWS])
    rows = rows[found.labels[rows] >= 0]
    labels = found.labels[rows]
    values = silhouette(distances(matrix[rows]), labels).values
    return tuple(tuple(float(v) for v in -np.sort(-values[labels == j])) for j in range(found.k))


def _output_name(output: Any) -> str:
    return output.column if output.part is None else f"{output.column} = {output.part}"


def _caveats(frame: pd.DataFrame, pipeline: Pipeline, k: int) -> list[Caveat]:
    """What these data cannot tell."""
    n = len(frame)
    caveats = []
    if n < _FEW_ROWS:
        # two means of n/k and n - n/k rows: 80 % power at 5 % needs 2.8 standard errors
        visible = 2.8 * float(np.sqrt(k / n + 1 / max(n - n / k, 1)))
        caveats.append(Caveat("few_rows", (n, visible)))
    if any(isinstance(step, MissingStep) for step in pipeline.steps):
        caveats.append(Caveat("much_missing", (sum(isinstance(step, MissingStep) for step in pipeline.steps),)))
    return caveats


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("coterie", "numpy", "scipy", "scikit-learn", "pandas")}
    return {"python": platform.python_version()} | libraries
