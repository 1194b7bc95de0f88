"""Consent of one workspace: import, set and show it, keep lists, publish who can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.audiences.life import EVERY_CHANNEL, PURPOSES
from coterie.consent.ledger import (
    CONSENT,
    EVERY,
    GRANTED,
    REVOKED,
    STATES,
    SUPPRESSIONS,
    append,
    consent_sql,
    entries,
    suppressed_sql,
)
from coterie.engines.duckdb import Engine, scan
from coterie.engines.sql import quote_value
from coterie.errors import NotFound, Refused, did_you_mean
from coterie.kit.moments import now, show_moment
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    import pyarrow as pa

    from coterie.ingest.readers.source import Source

SCOPES = (*EVERY_CHANNEL, *PURPOSES)
KIND = "customer"
REACH = "reach."


class Consent:
    """The ledger of consent and the lists of a workspace.

    context : what tags work with; the tags `reach.CHANNEL` are published through it.
    """

    def __init__(self, context: TagContext) -> None:
        self._context = context

    def load(self, file: Path, *, source: str | None = None) -> dict[str, Any]:
        """Import a file with the columns entity, channel (or purpose, or scope), state, and where known at and source.

        file : CSV, TSV, JSON lines, Excel or Parquet. source : where the consent comes from; default: the file's name.
        Returns read, accepted, unmatched (entries of customers not known yet) and data_version.
        Raises Refused: a state or channel that there is not, a moment that cannot be read; nothing was imported then.
        """
        table = self._read(file, self._consent_columns(source or file.name))
        _refuse_other(table, "state", STATES)
        _refuse_other(table, "scope", SCOPES)
        return self._written(table)

    def set(
        self, entity: str, scope: str, state: str, *, source: str = "by hand", at: datetime | None = None
    ) -> dict[str, Any]:
        """Note one customer's consent for a channel or a purpose.

        Raises NotFound: no such customer. Refused: no such scope or state.
        """
        import pyarrow as pa

        self._refuse_unknown(entity)
        row = {"entity": entity, "scope": scope, "state": state, "source": source, "at": at or now()}
        table = pa.Table.from_pylist([row])
        _refuse_other(table, "state", STATES)
        _refuse_other(table, "scope", SCOPES)
        return self._written(table)

    def revoke(self, scope: str, found: Iterable[tuple[str, datetime]], *, source: str) -> dict[str, Any]:
        """Note that customers took back their consent, each at a moment; the same again changes nothing."""
        import pyarrow as pa

        rows = [{"entity": e, "scope": scope, "state": REVOKED, "source": source, "at": at} for e, at in found]
        table = pa.Table.from_pylist(rows)
        _refuse_other(table, "scope", SCOPES)
        return self._written(table)

    def adopt(self, channel: str, tag: str, *, at: datetime | None = None) -> dict[str, Any]:
        """Take a tag of true and false, such as `consent_email`, for the consent of a channel: granted and denied.

        Raises NotFound: no such tag. Refused: it holds something else than true and false.
        """
        from coterie.tags.views import View
        from coterie.tags.vocabulary import CatalogVocabulary

        info = CatalogVocabulary(self._context.catalog, self._context.zone).tag(tag)
        if info.type.value != "boolean":
            fix = "Choose a tag of true and false."
            raise Refused("bad_argument", f'"{tag}" holds values of type {info.type}.', place=tag, fix=fix)
        with self._context.engine.cursor() as engine:
            View.at(self._context, KIND, engine=engine).use(families=[info.family])
            value = f'"{tag.replace(chr(34), chr(34) * 2)}"'
            moment = quote_value(at or now())
            table = engine.arrow(
                f"SELECT entity, {quote_value(channel)} AS scope, CASE WHEN {value} THEN 'granted' ELSE 'denied' END AS"
                f" state, {quote_value(f'tag {tag}')} AS source, {moment} AS at FROM universe JOIN"
                f' "family:{info.family}" USING (row) WHERE {value} IS NOT NULL ORDER BY entity'
            )
        _refuse_other(table, "scope", SCOPES)
        return self._written(table)

    def show(self, entity: str, *, at: datetime | None = None) -> dict[str, Any]:
        """One customer's consent: what holds, since when and from where, all entries, and the lists they stand on.

        Raises NotFound: no such customer.
        """
        self._refuse_unknown(entity)
        moment, zone = at or now(), self._context.zone
        with self._context.engine.cursor() as engine:
            sql = f"SELECT scope, state, source, since FROM {consent_sql(self._context, moment)} WHERE entity = ?"
            found = engine.rows(f"{sql} ORDER BY scope", [entity])
            lists = engine.rows(
                f"SELECT list, reason FROM {suppressed_sql(self._context, moment, None)} WHERE entity = ?", [entity]
            )
            history = entries(self._context, engine, entity)
        holds = {s: {"state": a, "source": b, "since": show_moment(c, zone)} for s, a, b, c in found}
        told = [{**row, "at": show_moment(row["at"], zone)} for row in history]  # type: ignore[arg-type]
        return {"entity": entity, "consent": holds, "lists": [n for n, _ in lists], "history": told}

    def summary(self, *, at: datetime | None = None) -> dict[str, Any]:
        """Customers by what they said, for each scope, `unknown` those of whom nothing is known; and the lists' sizes."""
        moment, files = at or now(), self._context.lake.files("entities")
        with self._context.engine.cursor() as engine:
            known = f"SELECT DISTINCT key FROM {scan(files)} WHERE kind = {quote_value(KIND)}" if files.columns else ""
            everyone = int(engine.value(f"SELECT count(*) FROM ({known})")) if known else 0
            held = f"SELECT scope, state, count(*) FROM {consent_sql(self._context, moment)}"
            among = f" WHERE entity IN ({known})" if known else ""
            counted = engine.rows(f"{held}{among} GROUP BY scope, state")
            lists = (
                f"SELECT list, count(*) FROM {suppressed_sql(self._context, moment, None)} GROUP BY list ORDER BY list"
            )
            listed = [{"list": name, "count": n} for name, n in engine.rows(lists)]
        rows = []
        for scope in SCOPES:
            states = {state: sum(n for s, a, n in counted if (s, a) == (scope, state)) for state in STATES}
            rows.append({"scope": scope, **states, "unknown": everyone - sum(states.values())})
        return {"scopes": rows, "suppressed": listed, "customers": everyone}

    def suppress(
        self,
        subjects: Path | Iterable[str],
        list_name: str,
        *,
        column: str = "address",
        channel: str = EVERY,
        customers: bool = False,
        reason: str = "suppression list",
        lift: bool = False,
    ) -> dict[str, Any]:
        """Put addresses, or customers, on a list of those never to be addressed; `lift` takes them off it.

        subjects : a file and its `column`, or the addresses or keys themselves. channel : `*` for all.
        Returns list, channel, entries, data_version.
        """
        import pyarrow as pa

        if channel != EVERY and channel not in EVERY_CHANNEL:
            raise _unknown("channel", channel, EVERY_CHANNEL)
        named: Iterable[str] = ()
        if isinstance(subjects, Path):
            named = self._read(subjects, lambda source: {"subject": _text(source, column)})["subject"].to_pylist()
        else:
            named = subjects
        given = dict.fromkeys(s.strip() if customers else s.strip().lower() for s in named if s and s.strip())
        moment = now()
        common = {"list": list_name, "channel": channel, "active": not lift, "reason": reason, "at": moment}
        key, other = ("entity", "address") if customers else ("address", "entity")
        schema = pa.schema([(f.name, _arrow_type(f.name)) for f in SUPPRESSIONS.fields])
        table = pa.Table.from_pylist([{key: s, other: None, **common} for s in given], schema)
        done = append(self._context, SUPPRESSIONS, table) if given else None
        if given:
            self.publish()
        version = self._context.lake.data_version if done is None else done.data_version
        return {"list": list_name, "channel": channel, "entries": len(given), "data_version": version}

    def publish(self, *, at: datetime | None = None) -> dict[str, int]:
        """Publish the tags `reach.CHANNEL` for customers whose consent is known; returns how many each reaches."""
        from coterie.tags.publish import publish_frame

        moment, reached = at or now(), {}
        with self._context.engine.cursor() as engine:
            known = consent_sql(self._context, moment)
            channels = [c for (c,) in engine.rows(f"SELECT DISTINCT scope FROM {known}") if c in EVERY_CHANNEL]
            for channel in sorted(channels):
                table = engine.arrow(self._reach_sql(channel, moment))
                publish_frame(self._context, table, f"{REACH}{channel}", entity_kind=KIND)
                reached[channel] = sum(1 for v in table["reach"].to_pylist() if v)
        return reached

    def _reach_sql(self, channel: str, moment: datetime) -> str:
        """Consent for the channel, none against marketing, and on no list of customers."""
        context = self._context
        return (
            f"WITH held AS (SELECT * FROM {consent_sql(context, moment)}), listed AS (SELECT DISTINCT entity FROM"
            f" {suppressed_sql(context, moment, channel)} WHERE entity IS NOT NULL), entities AS (SELECT DISTINCT key"
            f" FROM {scan(context.lake.files('entities'))} WHERE kind = {quote_value(KIND)})"
            f" SELECT h.entity, h.state = {quote_value(GRANTED)} AND coalesce(m.state, {quote_value(GRANTED)}) ="
            f" {quote_value(GRANTED)} AND l.entity IS NULL AS reach FROM held h JOIN entities e ON e.key = h.entity"
            " LEFT JOIN held m ON m.entity = h.entity AND m.scope = 'marketing' LEFT JOIN listed l ON l.entity ="
            f" h.entity WHERE h.scope = {quote_value(channel)} ORDER BY h.entity"
        )

    def _written(self, table: pa.Table) -> dict[str, Any]:
        done = append(self._context, CONSENT, table)
        if not done.already:
            self.publish()
        entities = f"SELECT key FROM {scan(self._context.lake.files('entities'))}"
        with self._context.engine.cursor() as engine:
            engine.register("given", table)
            others = engine.value(f"SELECT count(*) FROM given WHERE entity NOT IN ({entities})")
        accepted = 0 if done.already else table.num_rows
        facts = {"read": table.num_rows, "accepted": accepted, "unmatched": others}
        return facts | {"data_version": done.data_version, "already": done.already}

    def _consent_columns(self, source: str) -> Any:
        def _columns(opened: Source) -> Mapping[str, str]:
            scope = next((n for n in ("scope", "channel", "purpose") if opened.column(n) is not None), "channel")
            at, by = opened.column("at"), opened.column("source")
            moment = "NULL::VARCHAR" if at is None else f"nullif(trim({at.text}), '')"
            given = (
                quote_value(source) if by is None else f"coalesce(nullif(trim({by.text}), ''), {quote_value(source)})"
            )
            return {
                "entity": _text(opened, "entity"),
                "scope": f"lower({_text(opened, scope)})",
                "state": f"lower({_text(opened, 'state')})",
                "source": given,
                "at": moment,
            }

        return _columns

    def _read(self, file: Path, columns: Any) -> pa.Table:
        """Columns of a file as text; a column `at` as moments."""
        from coterie.ingest.readers.opening import open_source
        from coterie.ingest.readers.options import ReadOptions

        with self._context.lake.staging() as folder, self._context.engine.cursor() as engine:
            opened = open_source(str(file), ReadOptions(), engine, folder, None)
            made = ", ".join(f'{sql} AS "{name}"' for name, sql in columns(opened).items())
            table = engine.arrow(f"SELECT {made} FROM {opened.relation}")
            return self._with_moments(engine, table) if "at" in table.column_names else table

    def _with_moments(self, engine: Engine, table: pa.Table) -> pa.Table:
        """Moments without an offset are in the workspace's zone; a missing one is that of the import."""
        engine.register("texts", table)
        different = [v for (v,) in engine.rows('SELECT DISTINCT "at" FROM texts WHERE "at" IS NOT NULL')]
        read = {v: self._context.moment(v, place="at") for v in different}
        import pyarrow as pa

        kind = pa.timestamp("us", "UTC")
        pairs = {"text": pa.array(list(read), pa.string()), "moment": pa.array(list(read.values()), kind)}
        engine.register("moments", pa.table(pairs))
        moment = f"coalesce(m.moment, {quote_value(now())})"
        return engine.arrow(
            f'SELECT t.* REPLACE ({moment} AS "at") FROM texts t LEFT JOIN moments m ON m.text = t."at"'
        )

    def _refuse_unknown(self, entity: str) -> None:
        files = self._context.lake.files("entities")
        sql = f"SELECT count(*) FROM {scan(files)} WHERE kind = ? AND key = ?"
        with self._context.engine.cursor() as engine:
            if not files.columns or not engine.value(sql, [KIND, entity]):
                fix = "Give a key as it was imported."
                raise NotFound("unknown_name", f'There is no customer "{entity}".', place=entity, fix=fix)


def _text(source: Source, name: str) -> str:
    """The trimmed text of a column; Refused(`missing_column`) where the file has none of that name."""
    found = source.column(name)
    if found is None:
        names = ", ".join(c.name for c in source.columns[:8])
        raise Refused("missing_column", f'The file has no column "{name}".', place=name, fix=f"There is: {names}.")
    return f"trim({found.text})"


def _refuse_other(table: pa.Table, column: str, known: Iterable[str]) -> None:
    for value in table[column].unique().to_pylist():
        if value not in known:
            raise _unknown(column, str(value or ""), known)


def _unknown(column: str, value: str, known: Iterable[str]) -> Refused:
    fix = did_you_mean(value, known) or f"There are: {', '.join(known)}."
    return Refused("bad_argument", f'"{value}" is no {column}.', place=column, fix=fix)


def _arrow_type(name: str) -> Any:
    import pyarrow as pa

    return {"at": pa.timestamp("us", "UTC"), "active": pa.bool_()}.get(name, pa.string())
