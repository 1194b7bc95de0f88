"""The map: everybody once, segments by their place, drawn square by square and by chance within."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tests.learn.segments.conftest import Planted

from coterie.learn.segments.model import SegmentFit
from coterie.learn.segments.plane import place


def test_everybody_has_the_place_and_the_segment_of_their_own(known: Planted, fit: SegmentFit) -> None:
    """Whatever the frame's order; keys come by code point, and who is in no segment counts as 0."""
    ids = fit.model.ids
    segments = pd.Series([ids[t % len(ids)] if i % 7 else pd.NA for i, t in enumerate(known.truth)], dtype="Int64")
    segments.index = known.frame.index
    made = place(fit, known.frame, segments)
    turned = place(fit, known.frame[::-1], segments[::-1])
    assert made.entities.tolist() == sorted(known.frame.index) == turned.entities.tolist()
    assert (made.x == turned.x).all() and (made.y == turned.y).all() and (made.groups == turned.groups).all()
    given = segments.loc[list(made.entities)].fillna(0).astype(int).tolist()
    assert [0 if g == 0 else ids[g - 1] for g in made.groups.tolist()] == given
    assert made.counts()["0"] == sum(g == 0 for g in given) == -(-len(known.frame) // 7)


def test_the_order_of_drawing(known: Planted, fit: SegmentFit) -> None:
    """Each point once, squares one after the other, and where most are left out the same ones always."""
    segments = pd.Series(fit.model.ids[0], index=known.frame.index)
    made = place(fit, known.frame, segments)
    assert sorted(made.shown.tolist()) == list(range(len(known.frame)))
    parts = [np.minimum(64 * (v - v.min()) / (v.max() - v.min()), 63).astype(int)[made.shown] for v in (made.y, made.x)]
    squares = parts[0] * 64 + parts[1]
    assert (np.diff(squares) >= 0).all() and len(set(squares.tolist())) > 100
    few = place(fit, known.frame, segments, most=50)
    assert len(set(few.shown.tolist())) == 50 and (few.shown == place(fit, known.frame, segments, most=50).shown).all()
    one = place(fit, known.frame[:1], segments[:1])
    assert one.shown.tolist() == [0] and len(one.binary()) == 9
