"""The wares: some 400 products in eight categories, with English and Chinese names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coterie.simulate.random_streams import stream
from coterie.simulate.seasons import Floats, Ints
from coterie.simulate.words import BRANDS, CATEGORIES, STYLES

PER_THING = 3
PRICE_SPREAD = 0.60
"""Standard deviation of the logarithm of prices inside a category."""

LUXURY_FACTOR = 30


@dataclass(frozen=True)
class Goods:
    """All products, sorted by category and price; product p has the id `key[p]`."""

    key: Ints
    category: Ints
    path: list[str]  # "Home > Kitchen"
    path_zh: list[str]
    name_en: list[str]
    name_zh: list[str]
    thing_en: list[str]
    thing_zh: list[str]
    description_en: list[str]
    description_zh: list[str]
    brand: list[str]
    cents: Ints  # list price
    quality: Floats  # latent: average rating, 1 to 5
    shelf: Floats  # sort key: category * 1000 + log price

    def __len__(self) -> int:
        return len(self.key)

    def nearest(self, category: Ints, log_price: Floats) -> Ints:
        """The product of that category whose price comes next to `log_price`, as an index."""
        wanted = category * 1000 + np.clip(log_price, -5, 15)
        place = np.clip(np.searchsorted(self.shelf, wanted), 0, len(self) - 1)
        before = np.maximum(place - 1, 0)
        closer = np.abs(self.shelf[before] - wanted) < np.abs(self.shelf[place] - wanted)
        return np.where(closer, before, place).astype(np.int64)


def make_goods(seed: int) -> Goods:
    """Draw the shop's wares.

    >>> goods = make_goods(7)
    >>> len(goods), len(set(goods.key.tolist())) == len(goods), len(set(goods.path))
    (384, True, 32)
    """
    rng = stream(seed, "goods")
    shelves = [(c, sub) for c, category in enumerate(CATEGORIES) for sub in category.subcategories]
    rows = [(c, sub, thing) for c, sub in shelves for thing in sub.things for _ in range(PER_THING)]
    category = np.array([c for c, _, _ in rows])
    typical = np.log([c.typical_price for c in CATEGORIES])[category]
    cents = np.maximum(np.rint(100 * np.exp(typical + rng.normal(0, PRICE_SPREAD, len(rows)))), 99)
    luxury = np.flatnonzero(np.diff(category, prepend=-1))  # the first thing of each category has a precious edition
    cents[luxury] *= LUXURY_FACTOR
    cents = cents - cents % 10 + 9  # prices end in 9
    style = np.concatenate([rng.permutation(len(STYLES))[:PER_THING] for _ in range(len(rows) // PER_THING)])
    brand = rng.integers(0, len(BRANDS), len(rows))
    quality = rng.beta(6, 2.2, len(rows)) * 4 + 1
    keys = 1_000 + rng.permutation(9_000)[: len(rows)]
    order = np.lexsort((cents, category))
    picked = [(*rows[i], STYLES[style[i]], BRANDS[brand[i]]) for i in order]
    shelf = category[order] * 1000 + np.log(cents[order] / 100)
    return Goods(
        key=keys[order].astype(np.int64),
        category=category[order].astype(np.int64),
        path=[f"{CATEGORIES[c].en} > {sub.en}" for c, sub, *_ in picked],
        path_zh=[f"{CATEGORIES[c].zh} > {sub.zh}" for c, sub, *_ in picked],
        name_en=[f"{b[0]} {s[0].lower()} {t[0]}" for _, _, t, s, b in picked],
        name_zh=[f"{b[1]}{s[1]}{t[1]}" for _, _, t, s, b in picked],
        thing_en=[t[0] for _, _, t, _, _ in picked],
        thing_zh=[t[1] for _, _, t, _, _ in picked],
        description_en=[f"{_capital(t[0])} by {b[0]}: {s[2]}. For {sub.en.lower()}." for _, sub, t, s, b in picked],
        description_zh=[f"{b[1]}{t[1]}，{s[3]}，适合{sub.zh}。" for _, sub, t, s, b in picked],
        brand=[b[0] for *_, b in picked],
        cents=cents[order].astype(np.int64),
        quality=quality[order],
        shelf=shelf,
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
