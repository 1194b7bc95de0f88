"""Which variants of recommended copy the recipients of a run got: worked out again as the messages were, and kept with
the odds as events beside `sent`, so that a later analysis can weigh them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coterie.campaigns import events
from coterie.campaigns.content import Content, Message
from coterie.campaigns.library.bodies import Dynamic
from coterie.campaigns.library.choosing import RUN, Chooser
from coterie.campaigns.plan import VALUE
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name
from coterie.learn.segments.words import Language

if TYPE_CHECKING:
    from pathlib import Path


def explained(content: Content, values: Mapping[str, Any], language: Language = "en") -> list[dict[str, Any]]:
    """Why a customer's message has the dynamic copy that it has, block by block; see `Chooser.explain`."""
    blocks = content.message_for(values).blocks
    told = ((name, block) for name, block in sorted(blocks.items()) if isinstance(block, Dynamic))
    return [{**block.explain(values, language), "block": name} for name, block in told]


def with_choices(engine: Engine, contents: Mapping[str, Content], plan: Path, run: str, told: str) -> str:
    """SQL of events as `told` gives them, and beside each `sent` a row for each block that chose by recommendation.

    told : SQL of entity, at, event, reason, detail and what else events have, perhaps a `propensity` of the arm.
    A row's `reason` is the block, `detail` the variant, and `propensity` the odds that this customer had of getting it.
    """
    import pyarrow as pa

    if not any(_choosers(message) for content in contents.values() for message in content.messages):
        return told
    engine.execute(f"CREATE OR REPLACE TEMP TABLE told_events AS {told}")
    names = sorted(frozenset().union(*(content.variables for content in contents.values())))
    columns = ", ".join(["entity", "arm", *(quote_name(VALUE + name) for name in names)])
    sent = f"SELECT entity FROM told_events WHERE event = '{events.SENT}'"
    rows = engine.rows(f"SELECT {columns} FROM {parquet(plan)} WHERE entity IN ({sent})")
    made = list(_choices(contents, names, rows, run))
    kinds = (pa.string(), pa.string(), pa.string(), pa.float64())
    table = [pa.array([row[i] for row in made], kind) for i, kind in enumerate(kinds)]
    engine.register("chosen_variants", pa.table(table, names=["entity", "reason", "detail", "odds"]))
    of_arm = ", propensity" if "propensity" in [name for name, _ in engine.columns("SELECT * FROM told_events")] else ""
    chosen = (
        f"SELECT t.* EXCLUDE (event, reason, detail{of_arm}), '{events.CHOSEN}' AS event, c.reason, c.detail, c.odds AS"
        f" propensity FROM told_events t JOIN chosen_variants c ON c.entity = t.entity WHERE t.event = '{events.SENT}'"
    )
    return f"SELECT * FROM told_events UNION ALL BY NAME ({chosen})"


def _choosers(message: Message) -> list[tuple[str, Chooser]]:
    """The blocks of a message that choose by recommendation."""
    found = ((name, block.chooser) for name, block in sorted(message.blocks.items()) if isinstance(block, Dynamic))
    return [(name, chooser) for name, chooser in found if chooser is not None]


def _choices(
    contents: Mapping[str, Content], names: Sequence[str], rows: Iterable[tuple[Any, ...]], run: str
) -> Iterator[tuple[str, str, str, float]]:
    """Customer, block, variant and odds."""
    for entity, arm, *values in rows:
        given = {**dict(zip(names, values, strict=True)), "entity": entity, RUN: run}
        for name, chooser in _choosers(contents[arm].message_for(given)):
            choice = chooser.choose(given)
            yield entity, name, choice.name, choice.propensity
