"""Who of a plan must not be addressed any more: read again at every hand-over, as far as anything has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from coterie.campaigns import events
from coterie.campaigns.plan import Asked, judgement_sql
from coterie.consent.ledger import CONSENT, SUPPRESSIONS
from coterie.engines.duckdb import Engine, parquet, scan
from coterie.engines.sql import quote_value
from coterie.kit.moments import now
from coterie.tags.context import TagContext

_MOST = 2_000  # customers that are judged anew by themselves; where more are touched, all are
_GOING = "bucket IN ('send', 'deferred')"


class _Seen(NamedTuple):
    """What was known at the last look: the newest version of the ledgers, the files of all entities, and when it was."""

    version: int
    entities: Any
    at: datetime


@dataclass
class Barred:
    """Rows of a plan that must not be addressed any more, and why.

    The first look judges everyone. Later ones judge those whom new entries are about: of 2M recipients everyone takes
    seconds, and while they are sent somebody unsubscribes every few seconds.
    """

    context: TagContext
    asked: Asked
    plan: Path
    reasons: dict[int, str] = field(default_factory=dict)
    _seen: _Seen | None = None

    def look(self, engine: Engine) -> Mapping[int, str]:
        """The reasons by row, as of now."""
        before, seen = self._seen, _Seen(self._newest(), self.context.lake.files("entities").paths, now())
        if before is not None and before[:2] == seen[:2]:
            return self.reasons
        few = before is not None and before.entities == seen.entities and self._judge_few(engine, before, seen.at)
        if not few:
            self._judge_all(engine, seen.at)
        self._seen = seen
        return self.reasons

    def _newest(self) -> int:
        """The newest version of what decides."""
        decisive = {CONSENT.name, SUPPRESSIONS.name} | ({events.EVENTS.name} if self.asked.rules.caps else set())
        versions = [
            b.data_version
            for b in self.context.lake.batches()
            if b.dataset in decisive and not b.facts.get("tracked") and b.facts.get("run") != self.asked.run
        ]
        return max(versions, default=0)

    def _judge_all(self, engine: Engine, at: datetime) -> None:
        entities = scan(self.context.lake.files("entities"))
        planned = f"SELECT row, address FROM {parquet(self.plan)} WHERE {_GOING}"
        keys = f"SELECT DISTINCT row, key FROM {entities} WHERE kind = {quote_value(self.asked.kind)}"
        keys += " AND row IN (SELECT row FROM planned)"  # in a small campaign of a large shop most of the work
        going = "SELECT p.row, k.key AS entity, p.address FROM planned p LEFT JOIN known k USING (row)"
        ways = f"WITH planned AS MATERIALIZED ({planned}), known AS ({keys})"
        engine.execute(f"CREATE OR REPLACE TEMP TABLE going AS {ways} {going}")
        judged = judgement_sql(self.context, replace(self.asked, at=at), "going", some=True)
        self.reasons = _refused(engine, judged)

    def _judge_few(self, engine: Engine, before: _Seen, at: datetime) -> bool:
        """Judge those whom entries since the last look are about; False where they are too many for that."""
        told = self._told_sql(before)
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE touched AS WITH told AS MATERIALIZED ({told})"
            f" SELECT row, entity, address FROM {parquet(self.plan)} WHERE {_GOING} AND (entity IN"
            " (SELECT entity FROM told WHERE entity IS NOT NULL) OR lower(address) IN"
            f" (SELECT address FROM told WHERE address IS NOT NULL)) LIMIT {_MOST + 1}"
        )
        rows = engine.rows("SELECT row, entity FROM touched")
        if len(rows) > _MOST:
            return False
        gone = {row: "erased" for row, _ in rows if self.reasons.get(row) == "erased"}
        for row, _ in rows:
            self.reasons.pop(row, None)
        if rows:
            only = [entity for _, entity in rows]
            judged = judgement_sql(self.context, replace(self.asked, at=at), "touched", only)
            self.reasons |= _refused(engine, judged) | gone
        return True

    def _told_sql(self, before: _Seen) -> str:
        """SQL of `entity` and `address` of entries that are new since the last look, or hold only since then."""
        new = f"(_batch > {before.version} OR _at > {quote_value(before.at)})"
        own = f"run <> {quote_value(self.asked.run)} AND event IN ('{events.SENT}', '{events.UNCERTAIN}')"
        wanted = [(CONSENT, "NULL::VARCHAR", new), (SUPPRESSIONS, "address", new)]
        if self.asked.rules.caps:
            wanted.append((events.EVENTS, "NULL::VARCHAR", f"{new} AND {own}"))
        files = [(self.context.lake.files(dataset.table), address, which) for dataset, address, which in wanted]
        parts = [
            f"SELECT _entity AS entity, {address} AS address FROM {scan(f)} WHERE {which}"
            for f, address, which in files
            if f.columns
        ]
        return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS entity, NULL::VARCHAR AS address WHERE false"


def _refused(engine: Engine, judged: str) -> dict[int, str]:
    sql = f"SELECT row, coalesce(reason, 'capped') FROM ({judged}) WHERE reason IS NOT NULL OR cap IS NOT NULL"
    return {int(row): str(reason) for row, reason in engine.rows(sql)}
