"""What a customer would get, and test messages that the funnel does not count."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.campaigns.channels.base import Outcome, Parcel, Surroundings, too_long
from coterie.campaigns.content import Content, Rendering, bad_links
from coterie.campaigns.library.choosing import RUN, UNSEEN
from coterie.campaigns.library.chosen import explained
from coterie.campaigns.plan import VALUE, Asked
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name
from coterie.errors import NotFound, Refused, unknown_name
from coterie.learn.segments.words import Language
from coterie.tags.context import TagContext
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns

_RENDERED = 20  # of a plan, to look for mistakes
_MARK = {"subject": "[TEST] ", "title": "[TEST] ", "text": "[TEST] "}
_MOST_TESTS = 20
ADDRESSES, EVERYWHERE = "campaign_test_addresses", "*"  # addresses of a campaign, and of those without their own


def preview(
    campaigns: Campaigns,
    name: str,
    entity: str,
    arm: str | None = None,
    *,
    draft: Mapping[str, Any] | None = None,
    mask: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    language: Language = "en",
) -> dict[str, Any]:
    """The parts rendered for one customer, notes on them, and `chosen`: which dynamic copy they have, and why.

    draft : a definition that need not be saved. mask : what of the customer's values may be shown.
    """
    made, version = campaigns.get(name) if draft is None else (campaigns.read({**draft, "name": name}), None)
    kind = campaigns.audiences.get(made.audience.name).body["entity_kind"]
    contents = campaigns.contents(made, kind)
    chosen = arm or made.experiment.arms[0].name
    if chosen not in contents:
        raise unknown_name("arm", chosen, contents, place="--arm")
    content = contents[chosen]
    address = made.options.get("address", campaigns.channel(made).address)
    with campaigns.context.engine.cursor() as engine:
        held = values_of(campaigns.context, engine, kind, entity, content, address)
    values = mask(held)
    hidden = tuple(n for n in held if values.get(n) is not held[n])
    given = {
        **values,
        UNSEEN: hidden,
        "entity": entity,
        "campaign": name,
        "arm": chosen,
        "unsubscribe_url": "#unsubscribe",
    }
    try:
        rendered = content.render(given)
    except Rendering as error:
        raise Refused(
            "bad_template", f"It cannot be filled: {error.reason}.", place=entity, fix="Use default."
        ) from None
    empty = sorted(n for n in content.needed if values.get(n) in (None, ""))
    notes = [*bad_links(rendered), *too_long(campaigns.channel(made), rendered)]
    facts = {"campaign": name, "version": version, "entity": entity, "arm": chosen, "parts": rendered}
    why = explained(content, given, language)
    shown = values.get(address) if address else None
    return {**facts, "chosen": why, "empty": empty, "notes": notes, "address": shown}


def values_of(
    context: TagContext, engine: Engine, kind: str, entity: str, content: Content, address: str | None
) -> Mapping[str, Any]:
    """The values that a message needs, of one customer. Raises NotFound."""
    vocabulary = CatalogVocabulary(context.catalog, context.zone, kind)
    names = sorted(content.variables | ({address} if address else set()))
    families = list(dict.fromkeys(vocabulary.tag(n).family for n in names))
    View.at(context, kind, engine=engine).use(families=families)
    columns = ", ".join(["entity", *(quote_name(n) for n in names)])
    joins = "".join(f" LEFT JOIN {quote_name(f'family:{f}')} USING (row)" for f in families)
    rows = engine.rows(f'SELECT {columns} FROM "universe"{joins} WHERE entity = ?', [entity])
    if not rows:
        raise NotFound("unknown_name", f'There is no {kind} "{entity}".', place=entity, fix="Give a key as imported.")
    return dict(zip(names, rows[0][1:], strict=True))


def samples(context: TagContext, asked: Asked, plan: Path) -> Iterator[dict[str, Any]]:
    """The first messages of a plan, rendered; Refused(`bad_template`) where one cannot be."""
    names = asked.variables
    columns = ", ".join(["entity", "arm", *(quote_name(VALUE + n) for n in names)])
    going = f"{parquet(plan)} WHERE bucket IN ('send', 'deferred') ORDER BY n LIMIT {_RENDERED}"
    with context.engine.cursor() as engine:
        rows = engine.rows(f"SELECT {columns} FROM {going}")
    for entity, arm, *values in rows:
        given = {
            **dict(zip(names, values, strict=True)),
            "entity": entity,
            "arm": arm,
            "unsubscribe_url": "#unsubscribe",
            RUN: asked.run,
        }
        try:
            yield asked.contents[arm].render({**given, "campaign": asked.campaign.name})
        except Rendering as error:
            fix = "Give the missing value a default."
            said = f"It cannot be filled for {entity}: {error.reason}."
            raise Refused("bad_template", said, place="content", fix=fix) from None


def send_test(campaigns: Campaigns, name: str, to: list[str], entity: str, arm: str | None = None) -> dict[str, Any]:
    """Send what a customer would get to test addresses; without any, to those of the last time."""
    store = campaigns.context.store
    remembered = store.find(ADDRESSES, name) or store.find(ADDRESSES, EVERYWHERE)
    addresses = to or (list(remembered.body["addresses"]) if remembered is not None else [])
    if not addresses or len(addresses) > _MOST_TESTS:
        fix = f"Give 1 to {_MOST_TESTS} with --to."
        raise Refused("bad_argument", "There is no address to send a test to.", place="--to", fix=fix)
    shown = preview(campaigns, name, entity, arm)
    made, _ = campaigns.get(name)
    channel = campaigns.channel(made)
    parts = {k: _MARK.get(k, "") + v if isinstance(v, str) else v for k, v in shown["parts"].items()}
    folder = campaigns.run_folder(f"{name}@test")
    around = Surroundings(
        f"{name}@test", name, folder, campaigns.destinations, campaigns.context.settings, lambda _: "test", made.options
    )
    batch = f"test-{uuid.uuid4().hex[:12]}"
    parcels = [
        Parcel(n, 0, 0, f"{batch}.{n:x}", entity, address, shown["arm"], parts) for n, address in enumerate(addresses)
    ]
    with channel.open(around) as connection:
        outcomes = [Outcome(*o) for o in connection.send(batch, parcels)]
    campaigns.context.store.put(ADDRESSES, name, {"addresses": addresses})
    sent = [{"address": a, "state": o.state, "reason": o.reason} for a, o in zip(addresses, outcomes, strict=True)]
    return {"campaign": name, "test": True, "entity": entity, "arm": shown["arm"], "sent": sent}
