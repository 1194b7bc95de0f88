"""The plan of one occurrence: each member of the snapshot in exactly one bucket, before anything is sent.

In this order: suppressed (with its reason), capped, held out or given an arm among those left, deferred by quiet hours.
The plan is a Parquet file, a row a recipient, which the run executes as it is; what people read of it is a summary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.campaigns import adjusting, events
from coterie.campaigns.channels.base import Channel
from coterie.campaigns.content import Content
from coterie.campaigns.definition import HOLDOUT, Campaign
from coterie.campaigns.definition import Experiment as Design
from coterie.campaigns.exclusion import Ranges, outside_sql
from coterie.campaigns.quiet import known_zone, not_before
from coterie.campaigns.rules import Rules
from coterie.consent.ledger import consent_sql, suppressed_sql
from coterie.engines.duckdb import Engine, parquet, scan
from coterie.engines.sql import quote_name, quote_value
from coterie.tags.context import TagContext
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap

    from coterie.campaigns.allocation import Allocated
    from coterie.experiments.assignment import Experiment

SUPPRESSED, CAPPED, HELD_OUT, DEFERRED, SEND = "suppressed", "capped", "held_out", "deferred", "send"
REASONS = (
    *("erased", "unsubscribed", "no_consent", "suppression_list", "no_address", "bad_address", "duplicate_address"),
    "lower_priority",
    "other_experiment",
)
VALUE = "v:"  # before the names of columns that hold values of tags
# RFC 5321 as `destinations.mail` reads it; phones are 5 to 15 digits (E.164).
_FORMS = {
    "email": r"[A-Za-z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}",
    "sms": r"\+?[0-9][0-9 ()-]{3,20}[0-9]",
}
_GROUP_ROWS = 20_480
_AS_USUAL = Design()
_SAMPLES = 5


@dataclass(frozen=True)
class Asked:
    """What a plan is made of.

    purpose : of the audience, whose consent counts beside the channel's. members : row numbers of the snapshot.
    contents : by arm. moment : when it is to be sent; at : what is known when.
    higher : plan files of campaigns of higher priority in the same group.
    buckets : of the campaign's exclusion group, those that it has; see `exclusion`.
    allocated : shares of the arms by what they brought so far; None where weights are fixed.
    """

    campaign: Campaign
    channel: Channel
    run: str
    kind: str
    purpose: str
    members: BitMap
    contents: Mapping[str, Content]
    rules: Rules
    moment: datetime
    at: datetime
    higher: Sequence[Path] = ()
    buckets: Ranges | None = None
    allocated: Allocated | None = None

    @property
    def address(self) -> str | None:
        """The tag with the address."""
        given = self.campaign.options.get("address", self.channel.address)
        return None if given is None else str(given)

    @property
    def scope(self) -> tuple[str, bool]:
        """Whose consent counts, and whether it must have been granted."""
        given = self.campaign.options.get("consent")
        return (self.channel.permitted_as, self.channel.opt_in) if given is None else (str(given), True)

    @property
    def variables(self) -> list[str]:
        """Tags whose values the messages need."""
        found = frozenset().union(*(content.variables for content in self.contents.values()))
        return sorted(found)


@dataclass(frozen=True)
class Summary:
    """What people read of a plan before they approve it.

    buckets : suppressed, capped, held_out, deferred, send. reasons : of the suppressed and capped; arms : of those who
    get it. empty : by tag, recipients who have no value where the text needs one. samples : keys, by bucket or reason.
    shares : of the arms, where they go by what was seen so far.
    reading : how results will be read, settled here: `decides`, `adjusted` or `plain`; `by`, true for what each customer
        did before, or tags; `as_of` and `data_version` of these tags.
    """

    planned: int
    buckets: Mapping[str, int]
    reasons: Mapping[str, int]
    capped: Mapping[str, int]
    arms: Mapping[str, int]
    empty: Mapping[str, int]
    samples: Mapping[str, Sequence[str]]
    data_version: int
    shares: Mapping[str, float] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def make(context: TagContext, asked: Asked, path: Path) -> Summary:
    """Plan one occurrence and write its file; nothing else is changed."""
    with context.engine.cursor() as engine:
        version = context.lake.data_version
        _gather(context, engine, asked)
        _judge(context, engine, asked)
        _assign(engine, asked)
        _defer(context, engine, asked)
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_suffix(".part")
        engine.copy_parquet(_final_sql(asked), staged, row_group_rows=_GROUP_ROWS)
        staged.replace(path)
        return replace(
            _summary(engine, asked, path, version), reading=adjusting.settle(context, asked.campaign, asked.kind)
        )


def digest(campaign: Campaign, pins: Mapping[str, int] | None = None) -> str:
    """Stands for what an approval is about: audience, channel, content, experiment, priority and quiet hours.

    pins : the versions of library content that it says.
    """
    about = {
        k: v
        for k, v in campaign.as_dict().items()
        if k not in ("schedule", "owner", "valid_from", "valid_until", "cost")
    }
    about["experiment"] = {
        k: v for k, v in about["experiment"].items() if k not in ("adjust", "decides") or v != getattr(_AS_USUAL, k)
    }
    if pins:
        about["pins"] = dict(pins)
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _gather(context: TagContext, engine: Engine, asked: Asked) -> None:
    """The table `members`: row, entity, address, zone, and the values that the messages need."""
    import numpy as np
    import pyarrow as pa

    from coterie.audiences.resolve import rows_table

    vocabulary = CatalogVocabulary(context.catalog, context.zone, asked.kind)
    quiet = asked.campaign.quiet
    zone_tag = quiet.zone if quiet is not None else None
    named = [*asked.variables, *([asked.address] if asked.address else []), *([zone_tag] if zone_tag else [])]
    families = list(dict.fromkeys(vocabulary.tag(name).family for name in named))
    View.at(context, asked.kind, engine=engine).use(families=families)
    rows = rows_table(asked.members)
    numbers = np.arange(rows.num_rows, dtype=np.int64)  # here, where they are in order: a window would sort them again
    engine.register("snapshot_rows", rows.append_column("n", pa.array(numbers)))
    entities = (
        f"SELECT DISTINCT row, key FROM {scan(context.lake.files('entities'))} WHERE kind = {quote_value(asked.kind)}"
    )
    columns = [
        f"{_text(asked.address)} AS address",
        f"coalesce({_text(zone_tag)}, {quote_value(context.zone.key)}) AS zone",
        *(f"{quote_name(name)} AS {quote_name(VALUE + name)}" for name in asked.variables),
    ]
    joins = "".join(f" LEFT JOIN {quote_name(f'family:{f}')} USING (row)" for f in families)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE members AS SELECT s.n, s.row, e.key AS entity, {', '.join(columns)}"
        f" FROM snapshot_rows s LEFT JOIN ({entities}) e USING (row){joins}"
    )


def _text(tag: str | None) -> str:
    return "NULL::VARCHAR" if tag is None else f"nullif(trim({quote_name(tag)}::VARCHAR), '')"


def _judge(context: TagContext, engine: Engine, asked: Asked) -> None:
    """The table `judged`: row, entity, address, and `reason` or `cap` of those who must not get it."""
    engine.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {judgement_sql(context, asked, 'members')}")
    twice = "reason IS NULL AND address IS NOT NULL"
    engine.execute(
        "UPDATE judged SET reason = 'duplicate_address' FROM (SELECT lower(address) AS same, min(row) AS first FROM"
        f" judged WHERE {twice} GROUP BY 1 HAVING count(*) > 1) d WHERE {twice} AND lower(address) = d.same AND"
        " row <> d.first"
    )
    if asked.higher:
        files = " UNION ALL ".join(
            f"SELECT row FROM {parquet(p)} WHERE bucket IN ('send', 'deferred')" for p in asked.higher
        )
        engine.execute(
            f"UPDATE judged SET reason = 'lower_priority' WHERE reason IS NULL AND row IN (SELECT row FROM ({files}))"
        )
    if asked.buckets is not None and asked.campaign.exclusion is not None:
        outside = outside_sql(asked.campaign.exclusion.group, asked.buckets, "entity")
        engine.execute(f"UPDATE judged SET reason = 'other_experiment' WHERE reason IS NULL AND {outside}")


def judgement_sql(
    context: TagContext, asked: Asked, members: str, only: Sequence[str] | None = None, *, some: bool = False
) -> str:
    """SQL of row, entity, address, `reason` why someone must not be addressed, and `cap` that is reached; NULL if none.

    members : relation with row, entity and address. What is known now counts, for plan and hand-over alike.
    only : the customers in it, where they are few: what is known of others is not read then.
    some : whether they are but a part of all: what others consent to is then not put together.
    """
    scope, opt_in = asked.scope
    few = "" if only is None else f"entity IN ({', '.join(map(quote_value, only))})"
    consents = consent_sql(context, asked.at, among=members if some else None)
    held = f"{consents} WHERE scope IN ({quote_value(scope)}, {quote_value(asked.purpose)})"
    lists = suppressed_sql(context, asked.at, scope)
    refused = "c.state IS DISTINCT FROM 'granted'" if opt_in else "c.state = 'denied'"
    form = _FORMS.get(asked.channel.permitted_as, _FORMS.get(scope)) if asked.address else None
    cases = [
        ("m.entity IS NULL", "erased"),
        ("c.state = 'revoked' OR p.state = 'revoked'", "unsubscribed"),
        (f"{refused} OR p.state = 'denied'", "no_consent"),
        ("le.entity IS NOT NULL OR la.address IS NOT NULL", "suppression_list"),
        ("m.address IS NULL", "no_address") if asked.address else ("false", "no_address"),
        (f"NOT regexp_full_match(m.address, '{form}')", "bad_address") if form else ("false", "bad_address"),
    ]
    reasons = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in cases)
    caps, joins = _caps(context, asked, f" AND _{few}" if few else "")
    return (
        f"WITH held AS MATERIALIZED (SELECT entity, scope, state FROM {held}{f' AND {few}' if few else ''}),"
        f" lists AS MATERIALIZED (SELECT DISTINCT entity, address FROM {lists})"
        f" SELECT m.row, m.entity, m.address, CASE {reasons} END AS reason, {caps} AS cap FROM {members} m"
        f" LEFT JOIN held c ON c.entity = m.entity AND c.scope = {quote_value(scope)}"
        f" LEFT JOIN held p ON p.entity = m.entity AND p.scope = {quote_value(asked.purpose)}"
        " LEFT JOIN (SELECT DISTINCT entity FROM lists WHERE entity IS NOT NULL) le ON le.entity = m.entity"
        " LEFT JOIN (SELECT DISTINCT address FROM lists WHERE address IS NOT NULL) la ON la.address = lower(m.address)"
        f"{joins}"
    )


def _caps(context: TagContext, asked: Asked, also: str) -> tuple[str, str]:
    cases, joins = [], ""
    for n, cap in enumerate(asked.rules.caps):
        condition = cap.condition(asked.campaign)
        if condition is not None:
            others = f"{condition} AND run <> {quote_value(asked.run)}{also}"
            received = events.received_sql(context, cap.since(asked.at, context.zone), others)
            joins += f" LEFT JOIN {received} k{n} ON k{n}.entity = m.entity"
            cases.append(f"WHEN coalesce(k{n}.n, 0) >= {cap.limit} THEN {quote_value(cap.label)}")
    return (f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"), joins


def _assign(engine: Engine, asked: Asked) -> None:
    """The table `arms`: row and arm (or `holdout`) of those left, and whether all campaigns or this one holds out."""
    left = engine.arrow("SELECT row, entity FROM judged WHERE reason IS NULL AND cap IS NULL ORDER BY row")
    engine.register("drawn", drawn(left, asked.campaign, asked.rules, asked.allocated))


def drawn(left: pa.Table, campaign: Campaign, rules: Rules, allocated: Allocated | None = None) -> pa.Table:
    """Arms of those left: `row`, `arm` (`holdout` for those held out), `held_by` (`global`, `campaign` or missing), and
    `propensity`, the odds of the arm where they go by what was seen so far.

    left : row and entity. The same customer, salt and weights give the same arm at any time.
    """
    import numpy as np
    import pyarrow as pa

    from coterie.experiments.assignment import HELD_OUT, HELD_OUT_EVERYWHERE, assign, draws

    units, first = left["entity"].to_pylist(), campaign.experiment.arms[0].name
    arms = np.full(len(units), first, dtype=object)
    held, odds = np.full(len(units), None, dtype=object), np.full(len(units), None, dtype=object)
    experiment = design(campaign, rules)
    if experiment is not None:
        found = assign(units, experiment)
        labels = found.labels().astype(object)
        if allocated is not None:
            labels, odds = _by_share(units, campaign, allocated)
            odds[found.codes < 0] = None
        arms = np.where(found.codes < 0, HOLDOUT, labels).astype(object)
        held[found.codes == HELD_OUT], held[found.codes == HELD_OUT_EVERYWHERE] = "campaign", "global"
    elif rules.holdout:
        everywhere = draws(f"holdout|{rules.salt}", [u.encode() for u in units])[:, 0] < rules.holdout
        arms[everywhere], held[everywhere] = HOLDOUT, "global"
    texts = [pa.array(list(column), pa.string()) for column in (arms, held)]
    propensity = pa.array(list(odds), pa.float64())
    return pa.table({"row": left["row"], "arm": texts[0], "held_by": texts[1], "propensity": propensity})


def _by_share(units: Sequence[str], campaign: Campaign, allocated: Allocated) -> tuple[Any, Any]:
    """Arms by the shares of this occurrence, and the odds of each."""
    import numpy as np

    from coterie.campaigns.allocation import bandit_of
    from coterie.experiments.bandit import choose

    names = list(allocated.shares)
    found = choose(bandit_of(campaign), units, allocated.batch, np.array(list(allocated.shares.values())))
    return np.array(names, dtype=object)[found.codes], found.propensities.astype(object)


def design(campaign: Campaign, rules: Rules) -> Experiment | None:
    """How arms are drawn; None where there is one arm for all.

    Raises Refused: weights or shares that cannot be.
    """
    from coterie.experiments.assignment import Experiment

    given = campaign.experiment
    if len(given.arms) == 1 and not given.holdout:
        return None
    weights = {arm.name: arm.weight for arm in given.arms}
    return Experiment(
        given.salt or campaign.name,
        weights,
        given.holdout,
        everywhere_holdout=rules.holdout,
        everywhere_salt=rules.salt,
    )


def _defer(context: TagContext, engine: Engine, asked: Asked) -> None:
    """The table `zones`: when quiet hours end in each zone that a recipient is in; a zone that is none counts as the
    workspace's."""
    import pyarrow as pa

    quiet, found = asked.campaign.quiet, []
    if quiet is not None:
        for (name,) in engine.rows("SELECT DISTINCT zone FROM members"):
            own = name if known_zone(name) else context.zone.key
            if (until := not_before(quiet, own, asked.moment)) is not None:
                found.append((name, until))
    columns = [pa.array([f[i] for f in found], t) for i, t in enumerate((pa.string(), pa.timestamp("us", "UTC")))]
    engine.register("zones", pa.table(columns, names=["zone", "until"]))


def _final_sql(asked: Asked) -> str:
    bucket = (
        f"CASE WHEN j.reason IS NOT NULL THEN '{SUPPRESSED}' WHEN j.cap IS NOT NULL THEN '{CAPPED}'"
        f" WHEN d.arm = '{HOLDOUT}' THEN '{HELD_OUT}' WHEN z.until IS NOT NULL THEN '{DEFERRED}' ELSE '{SEND}' END"
    )
    values = "".join(f", m.{quote_name(VALUE + name)}" for name in asked.variables)
    values += "" if asked.allocated is None else ", d.propensity"
    return (
        f"SELECT m.n, j.row, j.entity, {bucket} AS bucket,"
        " coalesce(j.reason, j.cap, d.held_by) AS reason, d.arm, j.address, m.zone,"
        f" CASE WHEN {bucket} = '{DEFERRED}' THEN z.until END AS not_before{values}"
        " FROM judged j JOIN members m ON m.row = j.row LEFT JOIN drawn d ON d.row = j.row"
        " LEFT JOIN zones z ON z.zone = m.zone ORDER BY m.n"
    )


def _summary(engine: Engine, asked: Asked, path: Path, version: int) -> Summary:
    file = parquet(path)
    counted = engine.rows(f"SELECT bucket, reason, arm, count(*) FROM {file} GROUP BY ALL ORDER BY ALL")
    buckets = {
        b: sum(n for bucket, _, _, n in counted if bucket == b) for b in (SUPPRESSED, CAPPED, HELD_OUT, DEFERRED, SEND)
    }
    going = f"{file} WHERE bucket IN ('{SEND}', '{DEFERRED}')"
    needed = sorted(frozenset().union(*(c.needed for c in asked.contents.values())))
    holes = [f"count(*) FILTER (coalesce({quote_name(VALUE + n)}::VARCHAR, '') = '')" for n in needed]
    empty = engine.row(f"SELECT {', '.join(holes)} FROM {going}") if holes else ()
    label = f"CASE WHEN bucket = '{SUPPRESSED}' THEN reason ELSE bucket END"
    samples = engine.rows(
        f"SELECT {label} AS label, arg_min(coalesce(entity, ''), row, {_SAMPLES}) FROM {file} GROUP BY 1 ORDER BY 1"
    )
    return Summary(
        planned=sum(buckets.values()),
        buckets=buckets,
        reasons={r: n for r in REASONS if (n := _sum(counted, SUPPRESSED, 1, r))},
        capped={str(r): _sum(counted, CAPPED, 1, r) for b, r, _, _ in counted if b == CAPPED},
        arms={
            a.name: _sum(counted, SEND, 2, a.name) + _sum(counted, DEFERRED, 2, a.name)
            for a in asked.campaign.experiment.arms
        },
        empty={n: c for n, c in zip(needed, empty, strict=True) if c},
        samples={str(k): list(v) for k, v in samples},
        data_version=version,
        shares={} if asked.allocated is None else dict(asked.allocated.shares),
    )


def _sum(counted: Sequence[tuple[Any, ...]], bucket: str, column: int, value: str) -> int:
    return sum(row[3] for row in counted if row[0] == bucket and row[column] == value)
