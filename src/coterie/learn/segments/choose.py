"""How many segments: one panel of figures for every k, vetoes with reasons, a recommendation and its runner-up.

The rule, in order:

1. If there is structure, and for 3 or more segments any two stand apart (see `separation`), the largest such number.
2. Else the largest k whose segments all come back in bootstraps (mean Jaccard less one standard error at least .75,
   "valid" in Hennig's words). Where two segments stand apart, more must be nearly as compact: at least 85 % of the
   silhouette of two.
3. Else the k whose weakest segment comes back most often.

Vetoed solutions are left out first. Silhouette, Calinski-Harabasz, Davies-Bouldin, BIC and gap are shown beside, with
the k that each favours, and do not decide. On 66 simulated sets of 2 to 7 groups with noise columns, what each alone picks
costs .14 to .29 of adjusted Rand index against the best k on average, this rule .03 (whose 85 % was set on these sets).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coterie.kit.progress import Progress
from coterie.learn.segments.criteria import (
    Silhouette,
    calinski_harabasz,
    davies_bouldin,
    distances,
    silhouette,
)
from coterie.learn.segments.methods.base import Clusters, Method, sizes
from coterie.learn.segments.separation import APART, few_valued, separation, spread_ties
from coterie.learn.segments.stability import DISSOLVED, Stability, bootstrap
from coterie.learn.segments.structure import Gap, Structure, find_structure
from coterie.stats.agreement import contingency

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

GIANT, SPECK = 0.90, 0.02
"""A solution with a segment above the first share and another below the second is one crowd and its outliers."""
VALID = 0.75
_AS_COMPACT = 0.85
DRAWS_PANEL = 20
STRUCTURE_DRAWS = 59
_PANEL_ROWS, _STRUCTURE_ROWS = 10_000, 1_000
_SILHOUETTE_ALL, _SILHOUETTE_SAMPLE = 3_000, 2_000


@dataclass(frozen=True)
class Veto:
    """Why a solution is out: the code of the reason (a key of `words.VETOES`) and the figures of its sentence."""

    k: int
    method: str
    reason: str  # giant, too_small or unstable
    figures: tuple[float, ...]


@dataclass(frozen=True)
class KFigures:
    """Everything the panel knows of one k. Shares are fractions, intervals 95 %."""

    k: int
    inertia: float  # the method's own cost of the panel's rows; of k-means the squared distances to the centres
    silhouette: float
    silhouette_low: float
    silhouette_high: float
    calinski_harabasz: float
    davies_bouldin: float
    bic: float | None  # smaller is better; None where the method has no likelihood
    gap: float
    gap_error: float
    separation: float  # smallest dip x sqrt(n) of two segments
    apart_p: float  # of the two segments that are hardest to tell apart
    apart: int  # how many segments stand apart from every other one
    stability: Stability
    shares: tuple[float, ...]  # of the segments, largest first

    @property
    def weakest(self) -> float:
        """The lowest mean bootstrap Jaccard of a segment."""
        return min(self.stability.jaccard)

    @property
    def surely(self) -> float:
        """The same less one standard error, so that the luck of the draws does not decide."""
        return min(mean - error for mean, error in zip(self.stability.jaccard, self.stability.error, strict=True))


@dataclass(frozen=True)
class Choice:
    """A k and the code of why (a key of `words.CHOICES`)."""

    k: int
    reason: str


class Lineage(NamedTuple):
    """How the segments of one number split and merge into those of the next one tried, on the panel's rows.

    Segments are numbered from 1 by size in each solution. Source: Dolnicar & Leisch (2017), Using segment level stability
    to select target segments, Marketing Letters 28(3): segment level stability across solutions (SLSA).
    """

    k: int
    to_k: int
    flows: tuple[tuple[int, int, int], ...]  # from, to, rows; without empty ones


@dataclass(frozen=True)
class Panel:
    """The figures of every k tried, what was vetoed, and what is recommended."""

    figures: tuple[KFigures, ...]
    structure: Structure
    vetoes: tuple[Veto, ...]
    recommended: Choice
    runner_up: Choice | None
    rows: int  # rows the solutions were compared on
    silhouette_rows: int
    min_size: int
    lineage: tuple[Lineage, ...]  # one for each step from a number to the next

    def of(self, k: int) -> KFigures:
        """The figures of one k."""
        return next(f for f in self.figures if f.k == k)

    @property
    def favourites(self) -> dict[str, int]:
        """The k that each criterion alone would pick."""
        picks = {
            "silhouette": max(self.figures, key=lambda f: f.silhouette).k,
            "calinski_harabasz": max(self.figures, key=lambda f: f.calinski_harabasz).k,
            "davies_bouldin": min(self.figures, key=lambda f: f.davies_bouldin).k,
            "gap": _first_gap(self.figures),
            "stability": max(self.figures, key=lambda f: f.stability.ari).k,
        }
        by_bic = [(f.bic, f.k) for f in self.figures if f.bic is not None]
        if by_bic:
            picks["bic"] = min(by_bic)[1]
        apart = [f.k for f in self.figures if f.apart_p <= APART]
        return picks | ({"separation": max(apart)} if apart else {})


def _first_gap(figures: tuple[KFigures, ...]) -> int:
    """The smallest k whose gap is within one error of the next one's (Tibshirani, Walther & Hastie 2001)."""
    for this, following in pairwise(figures):
        if this.gap >= following.gap - following.gap_error:
            return this.k
    return figures[-1].k


class Trials(NamedTuple):
    """How thoroughly a method is tried: random starts, rows of a resample, and whether it draws with replacement."""

    starts: int = 10
    rows: int = 3_000
    replace: bool = True


class _Work(NamedTuple):
    """What all k share, computed once."""

    matrix: Floats  # the panel's rows
    spread: Floats
    sources: Ints
    flags: npt.NDArray[np.bool_]
    silhouette_rows: Ints
    between: Floats  # distances of those
    stability_rows: Ints
    seed: int
    trials: Trials


def choose(
    matrix: Floats,
    sources: Ints,
    ks: range,
    *,
    method: Method,
    method_name: str,
    seed: int,
    min_size: int,
    progress: Progress,
    trials: Trials = Trials(),
    reason: str = "given",
    known: Clusters | None = None,
) -> tuple[Panel, dict[int, Clusters]]:
    """Try every k and recommend one; also each k's solution on the panel's rows (at most 10,000).

    matrix : prepared rows in an order of their own (not that of the file), shape (n, columns)
    ks : the numbers to try, ascending; a single one gives its figures and is recommended for the `reason`
    min_size : the smallest segment worth acting on, in entities
    known : the one solution to judge, on all rows, where it is there already
    """
    rng = np.random.default_rng([seed, 1])
    rows = _sample(len(matrix), _PANEL_ROWS, rng)
    with progress.stage("Testing for structure", STRUCTURE_DRAWS, "draws"):
        few = matrix[_sample(len(matrix), _STRUCTURE_ROWS, rng)]
        structure, gaps = find_structure(few, sources, ks, seed, progress)
    work = _work(matrix[rows], sources, seed, rng, trials)
    figures, solutions = [], {}
    with progress.stage(f"Trying {ks[0]} to {ks[-1]} segments", len(ks) * DRAWS_PANEL, "resamples"):
        for k in ks:
            if known is None:
                solutions[k] = method(work.matrix, k, seed=seed, starts=trials.starts)
            else:
                solutions[k] = known._replace(labels=known.labels[rows])
            figures.append(_figures(work, solutions[k], gaps[k], method, progress))
    smallest = min_size / len(matrix)
    vetoes = tuple(v for f in figures for v in _vetoes(f, method_name, smallest, structure.found, len(matrix)))
    order = _order(tuple(figures), vetoes, structure)
    recommended = Choice(ks[0], reason) if len(ks) == 1 else order[0]
    runner_up = next((c for c in order if c.k != recommended.k), None)
    counts = (len(rows), len(work.silhouette_rows), min_size)
    lineage = tuple(_lineage(solutions[k], solutions[following]) for k, following in pairwise(ks))
    return Panel(tuple(figures), structure, vetoes, recommended, runner_up, *counts, lineage), solutions


def _lineage(one: Clusters, other: Clusters) -> Lineage:
    k, to_k = one.k, other.k
    both = (one.labels >= 0) & (other.labels >= 0)
    table = contingency(one.labels[both], other.labels[both], k, to_k)
    flows = ((int(i) + 1, int(j) + 1, int(table[i, j])) for i, j in np.argwhere(table))
    return Lineage(k, to_k, tuple(flows))


def _sample(n: int, most: int, rng: np.random.Generator) -> Ints:
    """Row numbers, ascending: all, or `most` drawn without replacement."""
    return np.arange(n) if n <= most else np.sort(rng.permutation(n)[:most])


def _work(matrix: Floats, sources: Ints, seed: int, rng: np.random.Generator, trials: Trials) -> _Work:
    n = len(matrix)
    few = np.arange(n) if n <= _SILHOUETTE_ALL else _sample(n, _SILHOUETTE_SAMPLE, rng)
    return _Work(
        matrix,
        spread_ties(matrix, seed),
        sources,
        few_valued(matrix),
        few,
        distances(matrix[few]),
        _sample(n, trials.rows, rng),
        seed,
        trials,
    )


def _figures(work: _Work, found: Clusters, gap: Gap, method: Method, progress: Progress) -> KFigures:
    score = _silhouette(work, found)
    apart = separation(work.spread, found, work.sources, work.flags, work.seed)
    few, trials = work.stability_rows, work.trials
    base = found._replace(labels=found.labels[few])
    starts = min(3, trials.starts)
    again = bootstrap(
        work.matrix[few],
        base,
        method,
        draws=DRAWS_PANEL,
        seed=work.seed,
        starts=starts,
        progress=progress,
        replace=trials.replace,
    )
    return KFigures(
        k=found.k,
        inertia=found.inertia,
        silhouette=score.mean,
        silhouette_low=score.low,
        silhouette_high=score.high,
        calinski_harabasz=calinski_harabasz(work.matrix, found),
        davies_bouldin=davies_bouldin(work.matrix, found),
        bic=found.bic,
        gap=gap.gap,
        gap_error=gap.error,
        separation=apart.weakest,
        apart_p=apart.p_value,
        apart=sum(p <= APART for p in apart.p_values),
        stability=again,
        shares=tuple(float(c) / len(work.matrix) for c in sizes(found.labels, found.k)),
    )


def _silhouette(work: _Work, found: Clusters) -> Silhouette:
    """Of the sample's rows that are in a segment."""
    labels = found.labels[work.silhouette_rows]
    inside = labels >= 0
    between = work.between if inside.all() else work.between[np.ix_(inside, inside)]
    return silhouette(between, labels[inside])


def _vetoes(figures: KFigures, method: str, smallest: float, structure: bool, rows: int) -> list[Veto]:
    """What speaks against a solution, whatever its scores."""
    vetoes = []
    if figures.shares[0] > GIANT and figures.shares[-1] < SPECK:
        vetoes.append(Veto(figures.k, method, "giant", (figures.shares[0], figures.shares[-1])))
    if figures.shares[-1] < smallest:
        vetoes.append(Veto(figures.k, method, "too_small", (round(figures.shares[-1] * rows), round(smallest * rows))))
    stands_apart = structure and figures.apart_p <= APART
    if figures.weakest <= DISSOLVED and not stands_apart:
        vetoes.append(Veto(figures.k, method, "unstable", (figures.weakest,)))
    return vetoes


def _order(figures: tuple[KFigures, ...], vetoes: tuple[Veto, ...], structure: Structure) -> list[Choice]:
    """All k from the most to the least recommended, by the rule at the top of this file."""
    out = {v.k for v in vetoes}
    left = [f for f in figures if f.k not in out]
    apart = {f.k for f in left if structure.found and f.apart_p <= APART}
    compact = next((_AS_COMPACT * f.silhouette for f in left if f.k == 2 and f.k in apart), -1.0)
    stable = [f.k for f in reversed(left) if f.surely >= VALID and f.silhouette >= compact]
    best = [k for k in sorted(apart, reverse=True) if k >= 3]
    rest = [f.k for f in sorted(left, key=lambda f: (-f.weakest, f.k))]
    vetoed = [f.k for f in sorted(figures, key=lambda f: (-f.weakest, f.k)) if f.k in out]
    reasons: dict[int, str] = {}
    for k in (*best[:1], *stable[:1], *best[1:], *stable[1:], *rest, *vetoed):
        flawed = "all_vetoed" if k in out else "least_unstable"
        reasons.setdefault(k, "apart" if k in apart else "stable" if k in stable else flawed)
    return [Choice(k, reason) for k, reason in reasons.items()]
