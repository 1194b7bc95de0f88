"""Campaigns and journeys in `coterie.yaml`: as people write them, by name, without how they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from coterie.campaigns import records
from coterie.campaigns.definition import Campaign, as_given
from coterie.campaigns.journeys.service import JOURNEY, Journeys
from coterie.errors import CoterieError
from coterie.kit.plain import plain

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

Named = Mapping[str, Mapping[str, Any]]


def campaigns_kept(campaigns: Campaigns, journeys: Journeys) -> dict[str, dict[str, Any]]:
    """All campaigns but those that journeys made for their steps."""
    own, listed = journeys.made_by_steps(), campaigns.context.store.all(records.CAMPAIGN)
    return {d.name: _nameless(as_given(Campaign.of(d.body))) for d in listed if d.name not in own}


def journeys_kept(journeys: Journeys) -> dict[str, dict[str, Any]]:
    """The newest version of every journey, as it was written."""
    return {d.name: _nameless(d.body["definition"]) for d in journeys.context.store.all(JOURNEY)}


def as_kept(campaigns: Campaigns, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A campaign of a file in the words in which it is kept, so that only real differences are told. Raises Refused."""
    with _placed("campaigns", name):
        return _nameless(as_given(campaigns.read({**body, "name": name})))


def keep(campaigns: Campaigns, journeys: Journeys, wanted: Named, ways: Named) -> None:
    """Save campaigns, and then journeys, which may name them; what runs goes on as it is. Raises Refused."""
    for name, body in wanted.items():
        with _placed("campaigns", name):
            campaigns.create(body, name=name)
    for name, body in ways.items():
        with _placed("journeys", name):
            journeys.create(body, name=name)


@contextmanager
def _placed(part: str, name: str) -> Iterator[None]:
    """What is refused of one gets its place in the file."""
    try:
        yield
    except CoterieError as error:
        inside = f".{error.place}" if error.place else ""
        raise type(error)(error.code, error.message, place=f"{part}.{name}{inside}", fix=error.fix) from None


def _nameless(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in plain(dict(given)).items() if k != "name"}
