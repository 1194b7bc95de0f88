"""Reviews in English and Chinese, made of sentences on a known topic in a known mood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coterie.simulate.goods import Goods
from coterie.simulate.orders import Lines, Orders
from coterie.simulate.people import People
from coterie.simulate.random_streams import stream
from coterie.simulate.seasons import Calendar, Ints
from coterie.simulate.words import CLOSERS_EN, CLOSERS_ZH, REVIEWS_EN, REVIEWS_ZH, TOPICS

REVIEWED = 0.06
"""Share of bought lines that are reviewed."""
LANGUAGES: tuple[str, ...] = ("en", "zh")


@dataclass(frozen=True)
class Reviews:
    """Reviews in order of time; `topic` and the mood are truth, the rest is imported."""

    owner: Ints
    second: Ints
    product: Ints
    rating: Ints  # 1 to 5
    language: Ints
    topic: Ints
    text: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.owner)


def make_reviews(people: People, orders: Orders, lines: Lines, goods: Goods, seed: int, when: Calendar) -> Reviews:
    """Some buyers say what they think, two days to a month after buying."""
    rng = stream(seed, "reviews")
    later = lines.second + rng.integers(2 * 86_400, 30 * 86_400, len(lines))
    said = (
        (lines.quantity > 0) & (rng.random(len(lines)) < REVIEWED) & (later < when.epoch_seconds + when.days * 86_400)
    )
    chosen = np.flatnonzero(said)
    chosen = chosen[np.argsort(later[chosen], kind="stable")]
    owner, product = orders.owner[lines.order[chosen]], lines.product[chosen]
    rating = np.clip(np.rint(goods.quality[product] + rng.normal(0, 1.0, len(chosen))), 1, 5).astype(np.int64)
    language = np.asarray(people.chinese[owner], dtype=np.int64)
    topic = (goods.category[product] + rng.choice(len(TOPICS), len(chosen), p=[0.4, 0.2, 0.2, 0.1, 0.1])) % len(TOPICS)
    happy = np.where(rating == 3, rng.random(len(chosen)) < 0.5, rating > 3)
    text = _texts(rng, goods, product, language, topic, happy)
    return Reviews(owner, later[chosen], product, rating, language, topic.astype(np.int64), text)


def _texts(
    rng: np.random.Generator, goods: Goods, product: Ints, language: Ints, topic: Ints, happy: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    n, mood = len(product), 1 - happy.astype(np.int64)
    variant, closing = rng.integers(0, 3, n), rng.integers(0, 4, n)
    english = _sentences(REVIEWS_EN)[topic, mood, variant]
    chinese = _sentences(REVIEWS_ZH)[topic, mood, variant]
    thing_en = np.array([f"The {t}: " for t in goods.thing_en], dtype=object)[product]
    thing_zh = np.array([f"{t}，" for t in goods.thing_zh], dtype=object)[product]
    end_en = np.array([[f" {c}".rstrip() for c in row] for row in CLOSERS_EN], dtype=object)[mood, closing]
    end_zh = np.array(CLOSERS_ZH, dtype=object)[mood, closing]
    return np.asarray(np.where(language == 0, thing_en + english + end_en, thing_zh + chinese + end_zh), dtype=object)


def _sentences(book: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> npt.NDArray[np.object_]:
    """Shape (topics, 2 moods, 3 variants)."""
    return np.array([book[topic] for topic in TOPICS], dtype=object)
