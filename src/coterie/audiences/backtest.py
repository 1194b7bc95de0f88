"""Backtest: what a rule would have given in each of the past weeks, without looking ahead.

The data version stays and the as-of moves: a row sees no event after its own moment, nor people first seen later, nor
values that were published or became valid later. What has no history, such as a profile imported without a time, is as
it is now, in every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.audiences.chosen import Chooser
from coterie.errors import Refused
from coterie.kit.moments import before, show_moment
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    from pyroaring import BitMap

MOST_WEEKS = 260


@dataclass(frozen=True)
class Week:
    """The rule at one moment.

    weeks_ago : 0 is the as-of itself.
    count, universe : members, and everyone known then.
    entered, left : against a week before.
    """

    weeks_ago: int
    as_of: str
    count: int
    universe: int
    entered: int
    left: int


@dataclass(frozen=True)
class Backtest:
    """A rule over the past weeks, oldest first.

    audience : its name, None for a rule; data_version : what was known, the same for all rows.
    """

    audience: str | None
    sentence: str
    data_version: int
    weeks: tuple[Week, ...]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def table(self) -> list[dict[str, Any]]:
        """A row a week, for a file."""
        return [asdict(week) for week in self.weeks]


def backtest(
    chooser: Chooser,
    given: Any,
    weeks: int = 12,
    *,
    kind: str = "customer",
    language: str = "en",
    progress: Progress | None = None,
) -> Backtest:
    """The size of an audience at its as-of and in each of the `weeks` weeks before, with who came and went.

    given : an audience's name or a rule; the rule is today's throughout. A week is seven calendar days in the
        workspace's zone.
    Raises NotFound: no such audience. Refused: a number of weeks out of range, or the rule. Cancelled.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        fix = f"Give 1 to {MOST_WEEKS}."
        raise Refused("bad_argument", f"{weeks} weeks cannot be looked back.", place="weeks", fix=fix)
    if "@" in str(given):
        fix = "Give the audience's name: its rule is asked anew."
        raise Refused("bad_argument", "A snapshot is fixed and has no past.", place="name", fix=fix)
    now = chooser.choose(given, kind).asked
    version, zone = now.data_version, now.context.zone
    moments = [before(now.as_of, f"{ago}w", zone) for ago in range(weeks + 1, -1, -1)]
    progress = progress or Progress()
    with progress.stage("Looking back", len(moments), "weeks"):
        points = list(_points(chooser, given, kind, moments, version, progress))
    rows = [
        Week(
            weeks_ago=weeks - number,
            as_of=show_moment(point.as_of, zone),
            count=len(point.members),
            universe=point.universe,
            entered=len(point.members - last.members),
            left=len(last.members - point.members),
        )
        for number, (last, point) in enumerate(pairwise(points))
    ]
    name = given if isinstance(given, str) else None
    return Backtest(name, now.sentence(language), version, tuple(rows))


class _Point(NamedTuple):
    as_of: datetime
    members: BitMap
    universe: int


def _points(
    chooser: Chooser, given: Any, kind: str, moments: list[datetime], version: int, progress: Progress
) -> Iterator[_Point]:
    for moment in moments:
        chosen = Chooser(chooser.index, chooser.snapshots, moment, version).choose(given, kind)
        yield _Point(moment, chosen.members, len(chosen.universe))
        progress.advance(1)
