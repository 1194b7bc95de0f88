"""Look-alike: the people who resemble a seed, by a classifier on tags; refused where it knows no better than chance.

The seed is told from others by models judged on held-out people (`likeness.py`). Tags that give the seed away are left
out first: those that its rule reads, those made of these, and any that alone tells it almost perfectly.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from coterie.audiences.chosen import Chooser, kin
from coterie.audiences.insight import insights
from coterie.audiences.likeness import (
    FEWEST_EACH,
    KINDS,
    MOST_LEVELS,
    Feature,
    Floats,
    Judged,
    cross_validated,
    level_features,
    levels_sql,
    plain_feature,
    single_auc,
)
from coterie.audiences.resolve import rows_table
from coterie.audiences.seeds import Seed, find_seed
from coterie.audiences.service import Question, check_name
from coterie.audiences.tallies import Sides
from coterie.catalog.schemas import TagDefinition
from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.kit.moments import show_moment
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.tags.publish import publish_frame

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "lookalike."
FEWEST = 50  # of the seed, and of others
LEAK_AUC = 0.98
_SIGNAL_LEVEL = 0.99  # of the interval that must lie above .5: of a hundred random seeds about one passes
_MOST_SEED, _MOST_OTHERS, _FEWEST_OTHERS = 10_000, 30_000, 5_000
_CHUNK_ROWS = 100_000
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_LOOKED_AT = 1_000  # people whose scores are taken apart for the reasons
_MOST_REASONS, _LEAST_WEIGHT = 8, 0.01


@dataclass(frozen=True)
class LeftOut:
    """A tag that was not used, and why."""

    tag: str
    reason: str


@dataclass(frozen=True)
class Point:
    """A size of the audience and how alike its last member is.

    similarity : share of the seed's held-out members who score no higher than the last member; .5 is like the median.
    lift : how many times oftener than by chance a held-out seed member scores at least as high.
    """

    size: int
    score: float
    similarity: float
    lift: float | None


@dataclass(frozen=True)
class Reason:
    """Why the audience was chosen: a tag's share of what raises its scores, and how the audience differs in it."""

    tag: str
    label: str
    weight: float
    finding: str


@dataclass(frozen=True)
class Area:
    """An area under the ROC curve on held-out people, with its 95 % interval; .5 is chance."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LookAlike:
    """People who resemble a seed.

    seed : its name, of a file without folder and ending; seed_count : its people; unmatched : keys of a file that are nobody's.
    audience : the audience of the `size` most alike; tag : `TAG.score` and `TAG.rank` of every candidate. None where
        nothing was saved.
    candidates : everyone who is not in the seed.
    model : the one used, the better of two; auc : its area; baseline : of chance; logistic : of the straight line.
    tags : how many were used; left_out : the others.
    curve : sizes against similarity, with the size asked for.
    """

    seed: str
    seed_count: int
    unmatched: int
    audience: str | None
    tag: str | None
    rule: Mapping[str, Any] | None
    size: int
    candidates: int
    model: str
    auc: Area
    baseline: float
    logistic: Area
    tags: int
    left_out: tuple[LeftOut, ...]
    curve: tuple[Point, ...]
    reasons: tuple[Reason, ...]
    as_of: str
    data_version: int
    elapsed_ms: float

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    def table(self) -> list[dict[str, Any]]:
        """The curve, for a file."""
        return [asdict(point) for point in self.curve]


def lookalike(
    chooser: Chooser,
    seed: str,
    size: int,
    *,
    column: str | None = None,
    files: bool = True,
    name: str | None = None,
    save: bool = True,
    kind: str = "customer",
    language: str = "en",
    random_state: int = 0,
    progress: Progress | None = None,
) -> LookAlike:
    """The `size` people most like a seed, who are not in it.

    seed : an audience, a snapshot (`NAME@2`), a list, or a file with keys in `column` (its first unless given).
    files : whether a file may be named; not over HTTP, where it would be the server's.
    name : of the audience to make; save : whether to publish the scores as tags; the caller saves the audience.

    Raises NotFound: no such seed. Refused: `too_few_rows`, `no_usable_column`, or `no_signal`: the tags tell the seed
    no better than chance. Cancelled.
    """
    started = time.perf_counter()
    progress = progress or Progress()
    found = find_seed(chooser, seed, kind, column=column, files=files)
    named = name or f"like {re.sub(r'[/@]', ' ', found.name)}"
    check_name(named)
    work = _Work(found, named, language, random_state, progress)
    work.check(size)
    judged = work.judged
    with progress.stage("Scoring", len(work.candidates), "people"):
        rows, scores = work.scored(judged)
    table = work.ranked(rows, scores)
    best = np.asarray(table["row"].to_numpy()[:size])
    tag = work.publish(table) if save else None
    rule = {"entity": found.asked.kind, "tag": f"{tag}.rank", "op": "lte", "value": size} if tag else None
    other = work.other_kind
    return LookAlike(
        seed=found.name,
        seed_count=len(found.members),
        unmatched=found.unmatched,
        audience=named if save else None,
        tag=tag,
        rule=rule,
        size=size,
        candidates=len(work.candidates),
        model=judged.kind,
        auc=_area(judged),
        baseline=0.5,
        logistic=_area(judged if judged.kind == "logistic" else other),
        tags=len({f.tag for f in work.features}),
        left_out=tuple(work.left_out),
        curve=_curve(np.sort(scores)[::-1], judged, size),
        reasons=work.reasons(judged, best),
        as_of=show_moment(found.asked.as_of, found.asked.context.zone),
        data_version=found.asked.data_version,
        elapsed_ms=round((time.perf_counter() - started) * 1000, 3),
    )


def _area(judged: Judged) -> Area:
    return Area(judged.auc.value, *judged.auc.interval())


def _curve(falling: Floats, judged: Judged, size: int) -> tuple[Point, ...]:
    known = np.sort(judged.held_out[judged.seed])
    sizes = sorted({size, *(max(1, round(share * len(falling))) for share in _SHARES)})
    points = []
    for n in sizes:
        score = float(falling[n - 1])
        similarity = float(np.searchsorted(known, score, "right") / len(known))
        found = 1 - float(np.searchsorted(known, score, "left") / len(known))
        points.append(Point(n, score, similarity, found / (n / len(falling))))
    return tuple(points)


@dataclass
class _Work:
    """One search, step by step."""

    seed: Seed
    name: str
    language: str
    random_state: int
    progress: Progress
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def asked(self) -> Question:
        return self.seed.asked

    def say(self, english: str, chinese: str) -> str:
        return chinese if self.language == "zh" else english

    @cached_property
    def candidates(self) -> BitMap:
        """Everyone who is not in the seed."""
        return self.asked.index.universe(self.asked.view) - self.seed.members

    def check(self, size: int) -> None:
        for people, who in ((self.seed.members, "The seed has"), (self.candidates, "Beside the seed there are")):
            if len(people) < FEWEST:
                fix = f"At least {FEWEST} are needed."
                raise Refused("too_few_rows", f"{who} {len(people):,} people.", place="seed", fix=fix)
        if not 1 <= size <= len(self.candidates):
            fix = f"Give 1 to {len(self.candidates):,}."
            raise Refused("bad_argument", f"{size:,} people cannot be found.", place="--size", fix=fix)

    # ------------------------------------------------------------ the sample

    @cached_property
    def sample(self) -> BitMap:
        """The seed, or some of it, and others."""
        rng = np.random.default_rng(self.random_state)
        others = min(max(_FEWEST_OTHERS, 5 * len(self.seed.members)), _MOST_OTHERS)
        return _some(self.seed.members, _MOST_SEED, rng) | _some(self.candidates, others, rng)

    @cached_property
    def in_seed(self) -> npt.NDArray[np.bool_]:
        """By person of the sample, in the order of row numbers."""
        return np.isin(_rows(self.sample), _rows(self.seed.members), assume_unique=True)

    @cached_property
    def features(self) -> list[Feature]:
        """What the models read: features of tags that do not give the seed away."""
        return self._fitted[0]

    @cached_property
    def _fitted(self) -> tuple[list[Feature], Floats]:
        """Features, and their values in the sample."""
        kept: list[Feature] = []
        parts: list[Floats] = []
        tags = self._allowed()
        with self.progress.stage("Reading tags", len(tags), "tags"):
            for tag in tags:
                features = self._features_of(tag)
                values = self._matrix(features, self.sample) if features else np.zeros((len(self.sample), 0))
                reason = self._reason(features, values)
                if reason is None:
                    kept += features
                    parts.append(values)
                else:
                    self.left_out.append(LeftOut(tag.name, reason))
                self.progress.advance(1)
        if not kept:
            said = "No tag can be used: " + "; ".join(f"{t.tag}: {t.reason}" for t in self.left_out[:5]) + "."
            raise Refused("no_usable_column", said, place="seed", fix="Import or build more tags.")
        return kept, np.concatenate(parts, axis=1)

    def _allowed(self) -> list[TagDefinition]:
        definitions = self.asked.vocabulary.definitions
        defining = kin(self.seed.tags, definitions)
        kept = []
        for tag in definitions.values():
            if tag.name in defining:
                self.left_out.append(LeftOut(tag.name, self.say("it defines the seed", "用于定义种子人群")))
            elif tag.name.startswith(PREFIX):
                self.left_out.append(LeftOut(tag.name, self.say("it is of a look-alike", "来自相似人群")))
            else:
                kept.append(tag)
        return kept

    def _features_of(self, tag: TagDefinition) -> list[Feature]:
        plain_one = plain_feature(tag, self.asked.as_of)
        if plain_one is not None:
            return [plain_one]
        levels = levels_sql(tag)
        if levels is None:
            return []
        items = f"SELECT unnest(list_distinct({levels})) AS level FROM {self._source((tag.family,), self.sample)}"
        counted = f"SELECT level, count(*) AS n FROM ({items}) GROUP BY level HAVING n >= {FEWEST_EACH}"
        found = self.asked.engine.rows(f"{counted} ORDER BY n DESC, level LIMIT {MOST_LEVELS}")
        return level_features(tag, [level for level, _ in found])

    def _reason(self, features: Sequence[Feature], values: Floats) -> str | None:
        """Why a tag cannot be used."""
        if not features:
            return self.say("no value is common", "没有常见取值")
        if all(len(np.unique(column)) < 2 for column in values.T):  # NaN counts once
            return self.say("everyone has the same value", "取值全部相同")
        auc = single_auc(values, self.in_seed)
        if auc < LEAK_AUC:
            return None
        return self.say(f"alone it tells the seed (AUC {auc:.3f})", f"单独即可识别种子人群（AUC {auc:.3f}）")

    # ------------------------------------------------------------ the models

    @cached_property
    def judged(self) -> Judged:
        """The better of the two kinds of model. Raises Refused(`no_signal`)."""
        best = max(self._kinds.values(), key=lambda j: j.auc.value)
        low, _ = best.auc.interval(_SIGNAL_LEVEL)
        if low <= 0.5:
            area = _area(best)
            said = (
                f"The tags tell the seed no better than chance: on held-out people the AUC is {area.value:.3f}"
                f" ({area.low:.3f} to {area.high:.3f}), and .5 is chance."
            )
            fix = "Use a seed whose people have something in common, or bring more tags."
            raise Refused("no_signal", said, place="seed", fix=fix)
        return best

    @cached_property
    def _kinds(self) -> dict[str, Judged]:
        options = {"threads": self.asked.context.settings.number("threads"), "random_state": self.random_state}
        values = self._fitted[1]
        made = {}
        with self.progress.stage("Learning", len(KINDS), "models"):
            for kind in KINDS:
                made[kind] = cross_validated(kind, values, self.in_seed, **options)
                self.progress.advance(1)
        return made

    @property
    def other_kind(self) -> Judged:
        """The straight line."""
        return self._kinds["logistic"]

    def scored(self, judged: Judged) -> tuple[npt.NDArray[np.int64], Floats]:
        """Row numbers and scores of all candidates, rising by row."""
        scores: list[Floats] = []
        known = _rows(self.sample)
        for chunk in _chunks(self.candidates):
            rows = _rows(chunk)
            place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
            seen = known[place] == rows  # models that learnt from someone must not score him
            told = judged.score(self._matrix(self.features, chunk))
            scores.append(np.where(seen, judged.held_out[place], told))
            self.progress.advance(len(chunk))
        return _rows(self.candidates), np.asarray(np.round(np.concatenate(scores), 9), np.float64)

    def ranked(self, rows: npt.NDArray[np.int64], scores: Floats) -> pa.Table:
        """entity, row, score and rank of all candidates, best first; ties by key."""
        import pyarrow as pa

        engine, name = self.asked.engine, f"scores:{uuid.uuid4().hex}"
        self.asked.use(())
        engine.register(name, pa.table({"row": rows, "score": scores}))
        try:
            order = "row_number() OVER (ORDER BY score DESC, entity)"
            joined = f'{quote_name(name)} JOIN "universe" USING (row)'
            return engine.arrow(f"SELECT entity, row, score, {order} AS rank FROM {joined} ORDER BY rank")
        finally:
            engine.unregister(name)

    def publish(self, table: pa.Table) -> str:
        """Publish scores and ranks as tags; returns their common name."""
        tag = PREFIX + re.sub(r"[^\w -]+", "_", self.name).strip()
        about = {
            "score": {"label": {"en": f"{self.name}: score", "zh": f"{self.name}：相似度"}, "category": ["look-alike"]},
            "rank": {"label": {"en": f"{self.name}: rank", "zh": f"{self.name}：排名"}, "category": ["look-alike"]},
        }
        frame = table.select(["entity", "score", "rank"])
        publish_frame(self.asked.context, frame, tag, self.asked.as_of, entity_kind=self.asked.kind, about=about)
        return tag

    def reasons(self, judged: Judged, best: npt.NDArray[np.int64]) -> tuple[Reason, ...]:
        """The tags that raise the scores of the chosen above those of the others, with words."""
        rng = np.random.default_rng(self.random_state)
        chosen = BitMap(best.tolist())
        groups = [_some(people, _LOOKED_AT, rng) for people in (chosen, self.candidates)]
        mine, others = (judged.contributions(self._matrix(self.features, g)).mean(axis=0) for g in groups)
        raised: dict[str, float] = {}
        for feature, more in zip(self.features, (mine - others).tolist(), strict=True):
            raised[feature.tag] = raised.get(feature.tag, 0.0) + more
        total = sum(v for v in raised.values() if v > 0)
        telling = (t for t, v in raised.items() if v > _LEAST_WEIGHT * total)
        order = sorted(telling, key=lambda t: -raised[t])[:_MOST_REASONS]
        sides = Sides(chosen, self.asked.index.universe(self.asked.view), True)
        told = {t.tag: t for t in insights(self.asked, sides, order, language=self.language)} if order else {}
        return tuple(Reason(t, told[t].label, raised[t] / total, told[t].finding) for t in order)

    # ------------------------------------------------------------ reading

    def _matrix(self, features: Sequence[Feature], people: BitMap) -> Floats:
        """Values of features, missing as NaN, shape (n_people, n_features), by row number."""
        definitions = self.asked.vocabulary.definitions
        families = tuple(dict.fromkeys(definitions[f.tag].family for f in features))
        columns = ", ".join(f"CAST({f.sql} AS FLOAT) AS f{i}" for i, f in enumerate(features))
        table = self.asked.engine.arrow(f"SELECT {columns} FROM {self._source(families, people)} ORDER BY row")
        values = np.empty((len(people), len(features)))
        for i in range(len(features)):
            values[:, i] = table[f"f{i}"].to_numpy()
        return values

    def _source(self, families: Sequence[str], people: BitMap) -> str:
        """A relation of some people with all tags of these families."""
        engine = self.asked.engine
        self.asked.use(families)
        engine.register("looked:at", rows_table(people))
        joins = "".join(f" LEFT JOIN {quote_name(f'family:{f}')} USING (row)" for f in families)
        return f'"looked:at"{joins}'


def _rows(people: BitMap) -> npt.NDArray[np.int64]:
    return np.frombuffer(people.to_array(), np.uint32).astype(np.int64)


def _some(people: BitMap, most: int, rng: np.random.Generator) -> BitMap:
    if len(people) <= most:
        return people
    return BitMap(rng.choice(_rows(people), most, replace=False).tolist())


def _chunks(people: BitMap) -> Iterator[BitMap]:
    for start in range(0, len(people), _CHUNK_ROWS):
        yield people[start : start + _CHUNK_ROWS]
