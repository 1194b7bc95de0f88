"""Reading the simulated files as a person with pandas would, and the demo's tags computed by that person."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from coterie.simulate.demo_tags import DEMO_TAGS, DemoTag
from coterie.simulate.shop import ShopFiles

MOMENTS = {"orders": "ordered_at", "visits": "at", "reviews": "at", "campaign_response": "at"}


class Shop(NamedTuple):
    """The files of one shop as frames."""

    files: ShopFiles
    frames: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def read_shop(files: ShopFiles) -> Shop:
    """All files; moments are read as such, phones as text."""
    frames = {name: _read(path, MOMENTS.get(name)) for name, path in files.imported.items()}
    return Shop(files, frames, {name: pd.read_csv(path) for name, path in files.truth.items()})


def _read(path: Path, moment: str | None) -> pd.DataFrame:
    return pd.read_csv(path, parse_dates=[moment] if moment else [], dtype={"phone": str})


def demo_tag_frame(shop: Shop) -> pd.DataFrame:
    """One row a customer that is no bot, one column a demo tag, computed from its definition."""
    rows = pd.Index(shop.truth["segments"]["customer_id"], name="customer_id")
    tags = pd.DataFrame(index=rows)
    for tag in DEMO_TAGS:
        tags[tag.name] = _formula(tag.formula, tags) if tag.formula else _aggregate(tag, shop).reindex(rows)
        if tag.measure in ("count", "distinct", "sum"):
            tags[tag.name] = tags[tag.name].fillna(0)
    return tags


def _formula(expression: str, tags: pd.DataFrame) -> pd.Series:
    values = tags.eval(re.sub(r"shop\.\w+", lambda name: f"`{name[0]}`", expression))
    return values.replace([np.inf, -np.inf], np.nan)  # something divided by zero is missing


def _aggregate(tag: DemoTag, shop: Shop) -> pd.Series:
    assert tag.dataset and tag.measure
    frame = _with_parts(shop.frames[tag.dataset])
    rows = tag.among if tag.measure == "share" else tag.where
    if rows:
        frame = frame[frame.eval(_parts(rows))]
    by = frame["customer_id"]
    match tag.measure:
        case "count":
            return by.groupby(by).size()
        case "distinct":
            return frame[tag.of].groupby(by).nunique()
        case "share":
            return frame.eval(_parts(str(tag.where))).groupby(by).mean()
        case "sum" | "avg":
            return frame.eval(tag.of).groupby(by).agg("mean" if tag.measure == "avg" else "sum")
    raise AssertionError(tag.measure)


def _parts(expression: str) -> str:
    """`hour(ordered_at)` as the column `hour`."""
    return re.sub(r"(hour|weekday)\(\w+\)", r"\1", expression)


def _with_parts(frame: pd.DataFrame) -> pd.DataFrame:
    moment = next(frame[name] for name in ("ordered_at", "at") if name in frame)
    return frame.assign(hour=moment.dt.hour, weekday=moment.dt.day_of_week + 1)
