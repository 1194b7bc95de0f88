"""A model of likeness: tags as numbers, and classifiers that tell a seed from others, judged on people held out.

Everyone is scored by models that did not see him: a held-out person by the one of his fold, the others by the mean of
all. So the scores of seed members and of candidates can be compared, also where the population is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from coterie.catalog.schemas import NUMERIC, TagDefinition, ValueType
from coterie.engines.sql import quote_name, quote_value
from coterie.stats.ranking import Auc, cross_validated_auc, roc_auc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FOLDS = 5
MOST_LEVELS = 20  # of a text or list of texts; the others are as one
FEWEST_EACH = 10  # in the sample, of a level
_ROUNDS = 150
_FEW_NUMBERS = 1_000_000
_CLIPPED = 5.0  # standard deviations, for the straight line


@dataclass(frozen=True)
class Feature:
    """A column of numbers: a tag's own, or whether it has one value. `sql` gives it, yes or no as such, missing as NULL."""

    tag: str
    sql: str
    level: str | None = None


def plain_feature(tag: TagDefinition, as_of: Any) -> Feature | None:
    """The one feature of a number, a yes or no, or a date (days before as-of); None for other types."""
    value = quote_name(tag.name)
    if tag.type in NUMERIC or tag.type is ValueType.BOOLEAN:
        return Feature(tag.name, value)
    if tag.type in (ValueType.DATE, ValueType.MOMENT):
        return Feature(tag.name, f"(epoch({quote_value(as_of)}) - epoch({value})) / 86400.0")
    return None


def levels_sql(tag: TagDefinition) -> str | None:
    """SQL of the list of levels that a row has; None where the type has none."""
    value = quote_name(tag.name)
    match tag.type:
        case ValueType.TEXT:
            return f"CASE WHEN {value} IS NOT NULL THEN [{value}] END"
        case ValueType.TEXTS:
            return value
        case ValueType.PATH:  # every step from the top
            return f"list_transform(range(1, len({value}) + 1), lambda i: array_to_string({value}[1:i], ' > '))"
        case _:
            return None


def level_features(tag: TagDefinition, levels: Sequence[str]) -> list[Feature]:
    """Whether each of these levels is there."""
    if tag.type is ValueType.TEXT:
        return [Feature(tag.name, f"{quote_name(tag.name)} = {quote_value(x)}", x) for x in levels]
    listed = levels_sql(tag)
    return [Feature(tag.name, f"list_contains({listed}, {quote_value(x)})", x) for x in levels]


def single_auc(columns: Floats, seed: Flags) -> float:
    """How well one tag alone tells the seed apart: .5 to 1; columns : its features, shape (n, n_features).

    A missing value may mean either end; of a tag with levels, these stand in the order of their shares of the seed.
    """
    if columns.shape[1] == 1:
        x = columns[:, 0]
        ends = (np.where(np.isnan(x), end, x) for end in (-np.inf, np.inf)) if np.isnan(x).any() else (x,)
        return max(max(a, 1 - a) for a in (roc_auc(end, seed).value for end in ends))
    _, group = np.unique(np.nan_to_num(columns, nan=-1.0), axis=0, return_inverse=True)
    group = group.ravel()
    sizes, hits = np.bincount(group), np.bincount(group, weights=seed)
    share = (hits + seed.mean() * FEWEST_EACH) / (sizes + FEWEST_EACH)  # few people say little
    return roc_auc(share[group], seed).value


class Model(Protocol):
    """A fitted classifier."""

    def score(self, x: Floats) -> Floats:
        """Likeness, 0 to 1, shape (n,)."""
        ...

    def contributions(self, x: Floats) -> Floats:
        """What each feature adds to the log odds, shape (n, n_features)."""
        ...


@dataclass(frozen=True)
class Trees:
    """Boosted trees (LightGBM); a missing value goes to the better side of each split."""

    booster: Any

    @classmethod
    def fit(cls, x: Floats, seed: Flags, threads: int, random_state: int) -> Trees:
        """Fit; the same data and random state give the same trees."""
        import lightgbm

        options = {
            "objective": "binary",
            "num_leaves": 15,
            "learning_rate": 0.05,
            "min_data_in_leaf": 20,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
            "verbosity": -1,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "seed": random_state,
        }
        return cls(lightgbm.train(options, lightgbm.Dataset(x, seed.astype(np.float64)), _ROUNDS))

    def score(self, x: Floats) -> Floats:
        """Likeness, 0 to 1."""
        return np.asarray(self.booster.predict(x), np.float64)

    def contributions(self, x: Floats) -> Floats:
        """Shapley values of the trees. Source: Lundberg et al. (2020), Nature Machine Intelligence 2."""
        return np.asarray(self.booster.predict(x, pred_contrib=True), np.float64)[:, :-1]


@dataclass(frozen=True)
class Line:
    """Logistic regression on standardized features; a missing value counts as the mean, and by itself."""

    mean: Floats
    spread: Floats
    weights: Floats  # of features, then of their being missing
    intercept: float

    @classmethod
    def fit(cls, x: Floats, seed: Flags, threads: int, random_state: int) -> Line:
        """Fit; there is nothing random about it."""
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        known = ~np.isnan(x)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / counts)
        line = cls(mean, np.where(spread > 0, spread, 1.0), np.zeros(0), 0.0)
        with threadpool_limits(threads):
            fitted = LogisticRegression(C=0.1, max_iter=2_000).fit(line._scaled(x), seed)
        return cls(line.mean, line.spread, fitted.coef_[0], float(fitted.intercept_[0]))

    def _scaled(self, x: Floats) -> Floats:
        missing = np.isnan(x)
        scaled = np.where(missing, 0.0, (x - self.mean) / self.spread).clip(-_CLIPPED, _CLIPPED)
        return np.concatenate([scaled, missing.astype(np.float64)], axis=1)

    def score(self, x: Floats) -> Floats:
        """Likeness, 0 to 1."""
        return np.asarray(1 / (1 + np.exp(-(self._scaled(x) @ self.weights + self.intercept))))

    def contributions(self, x: Floats) -> Floats:
        """Weight times distance from the mean."""
        parts = self._scaled(x) * self.weights
        return np.asarray(parts[:, : x.shape[1]] + parts[:, x.shape[1] :])


KINDS: Mapping[str, type[Trees] | type[Line]] = {"lightgbm": Trees, "logistic": Line}


@dataclass(frozen=True)
class Judged:
    """Models of one kind, one a fold, with how well they tell people whom they did not see.

    fold : of each person of the sample; held_out : their scores.
    """

    kind: str
    models: tuple[Model, ...]
    fold: npt.NDArray[np.intp]
    held_out: Floats
    seed: Flags

    @cached_property
    def auc(self) -> Auc:
        """The mean over the folds."""
        folds = [self.fold == k for k in range(FOLDS)]
        return cross_validated_auc([roc_auc(self.held_out[f], self.seed[f]) for f in folds])

    def score(self, x: Floats) -> Floats:
        """Likeness of people who are not in the sample."""
        return np.asarray(np.mean([model.score(x) for model in self.models], axis=0))

    def contributions(self, x: Floats) -> Floats:
        """What each feature adds, mean of the models."""
        return np.asarray(np.mean([model.contributions(x) for model in self.models], axis=0))


def cross_validated(kind: str, x: Floats, seed: Flags, *, threads: int, random_state: int) -> Judged:
    """Fit a kind of model without each fold in turn; folds hold the same share of the seed."""
    if x.size < _FEW_NUMBERS:  # threads wait for each other longer than they work
        threads = 1
    rng = np.random.default_rng(random_state)
    fold = np.empty(len(seed), np.intp)
    for group in (np.flatnonzero(seed), np.flatnonzero(~seed)):
        fold[rng.permutation(group)] = np.arange(len(group)) % FOLDS
    held_out, models = np.empty(len(seed)), []
    for k in range(FOLDS):
        model = KINDS[kind].fit(x[fold != k], seed[fold != k], threads, random_state)
        held_out[fold == k] = model.score(x[fold == k])
        models.append(model)
    return Judged(kind, tuple(models), fold, held_out, seed)
