"""Running campaigns: from an approved plan to events in the lake, and what people do meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.campaigns import delivery, events, funnel, records
from coterie.campaigns.channels.base import Surroundings
from coterie.campaigns.content import Content
from coterie.campaigns.definition import Campaign
from coterie.campaigns.delivery import Run
from coterie.campaigns.goals import count_goals
from coterie.campaigns.outbox import DEFERRED, PENDING, Entry, Outbox
from coterie.campaigns.records import Occurrence
from coterie.campaigns.spots import Source
from coterie.campaigns.tracking import UNSUBSCRIBE, Tracker, links_of, opened_or_refused, ring
from coterie.engines.duckdb import parquet
from coterie.engines.sql import quote_value
from coterie.errors import CoterieError, Failed, Refused
from coterie.kit.moments import now, show_moment

if TYPE_CHECKING:
    from coterie.campaigns.service import Campaigns
    from coterie.kit.progress import Progress

_LOOK, _SIGNED = "campaigns", 2048
_STOPS = {records.PAUSED: "pause", records.CANCELLED: "cancel", records.EXPIRED: "expire"}
_PASSING = ("mail_unreachable", "not_delivered", "locked", "disk_full")  # what a later try may find gone
_MESSAGE_ID = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{1,12})@")
RECEIPTS = (events.DELIVERED, events.OPENED, events.CLICKED, events.BOUNCED, events.UNSUBSCRIBED)


class Running:
    """Sends, counts and takes in what comes back."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._all, self._context, self._records = campaigns, campaigns.context, campaigns.records

    def run(
        self, name: str, *, limit: int | None = None, anyway: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Begin or go on with the newest occurrence, as far as it goes now; returns its status.

        Whoever is killed here can call it again: it goes on where it stopped.
        Raises Refused: not approved, disabled, paused, ended. Failed: the channel is out of reach; nothing is lost.
        """
        made, _ = self._all.get(name)
        standing = self._records.standing(name)
        if not standing.enabled:
            fix = f"Enable it: `coterie campaign enable {name}`."
            raise Refused("campaign_state", f'"{name}" is disabled.', place=name, fix=fix)
        if standing.state == records.PAUSED:
            fix = f"Resume it: `coterie campaign resume {name}`."
            raise Refused("campaign_state", f'"{name}" is paused.', place=name, fix=fix)
        occurrence = self._approved(made)
        if not occurrence.open and not anyway and datetime.fromisoformat(occurrence.moment) > now():
            self._records.put(name, state=records.WAITING)
            self._keep_looking()
            return self.status(name)
        return self._deliver(occurrence, limit, progress)

    def _approved(self, made: Campaign) -> Occurrence:
        """The occurrence to run: one that has begun, or one that was approved; one that recurs is planned by itself."""
        occurrence, approval = self._records.last(made.name), self._records.standing(made.name).approval
        if occurrence is not None and occurrence.open:
            return occurrence
        fix = f"Plan it, look at the numbers, and approve: `coterie campaign approve {made.name}`."
        if approval is None or occurrence is None:
            raise Refused("not_approved", f'"{made.name}" was not approved.', place=made.name, fix=fix)
        recurs = made.schedule.recurs
        if occurrence.ended_at is not None and not recurs:
            fix = f"Plan it again: `coterie campaign plan {made.name}`."
            raise Refused("campaign_state", f'"{occurrence.run}" is {occurrence.state}.', place=made.name, fix=fix)
        occurrence = self._all.next_occurrence(made, occurrence, approval) if recurs else occurrence
        self._all.refuse_changed(made, occurrence)
        same = approval.digest == occurrence.digest and approval.audience_version == occurrence.audience_version
        if not same or (approval.run != occurrence.run and not recurs):
            raise Refused("not_approved", f'"{occurrence.run}" was not approved.', place=made.name, fix=fix)
        if occurrence.going > approval.most:
            said = f"It would go to {occurrence.going:,}; approved are {approval.most:,}."
            raise Refused("not_approved", said, place=made.name, fix=fix)
        return occurrence

    def _deliver(self, occurrence: Occurrence, limit: int | None, progress: Progress | None) -> dict[str, Any]:
        name = occurrence.campaign
        if occurrence.state in (records.PLANNED, records.PREPARING):
            occurrence = self._begin(occurrence)
        self._records.put(name, state=records.RUNNING, error=None)
        try:
            with self.opened(occurrence) as run:
                said = delivery.deliver(run, limit=limit, progress=progress)
                self._settle(run, occurrence, said)
        except CoterieError as error:
            if error.code != "locked":  # else another process is at it, and says how it goes
                self._records.put(name, state=records.FAILED, error=error.as_dict())
            raise
        return self.status(name)

    def _begin(self, occurrence: Occurrence) -> Occurrence:
        """Make the outbox, and publish the events of the plan; after a kill it is gone on with."""
        self._records.put(occurrence.campaign, state=records.PREPARING)
        started = occurrence.started_at or now().isoformat()
        occurrence = self._records.keep(occurrence, state=records.PREPARING, started_at=started)
        box = self._outbox_file(occurrence)
        if not box.exists():
            Outbox.create(box, self._going(occurrence)).close()
        with self.opened(occurrence) as run:
            links = run.surroundings.tracker.table if run.surroundings.tracker is not None else ()
            self._context.store.put(records.TOKEN, run.outbox.token, {"run": occurrence.run, "links": list(links)})
            delivery.publish_plan(run)
        return self._records.keep(occurrence, state=records.RUNNING)

    def _going(self, occurrence: Occurrence) -> Iterator[tuple[int, int, int, float]]:
        """Rows of the outbox: who gets it now, and who when quiet hours are over."""
        going = f"{parquet(self._all.plan_file(occurrence.run))} WHERE bucket IN ('send', 'deferred') ORDER BY n"
        state = f"CASE bucket WHEN 'send' THEN {PENDING} ELSE {DEFERRED} END"
        due = "coalesce(epoch(not_before), 0)"
        for batch in self._context.engine.batches(f"SELECT n, row, {state} AS state, {due} AS due FROM {going}"):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _settle(self, run: Run, occurrence: Occurrence, said: str) -> None:
        """How the occurrence and its campaign stand after a delivery."""
        name = occurrence.campaign
        if said in ("cancel", "expire"):
            event = events.CANCELLED if said == "cancel" else events.EXPIRED
            self._end(run, occurrence, event)
        elif said == "pause":
            self._records.put(name, state=records.PAUSED)
        elif said == "done" and not sum(run.outbox.open_rows()):
            self._records.keep(occurrence, state=records.COMPLETED, ended_at=now().isoformat())
            made, _ = self._all.get(name)
            again = made.schedule.recurs
            self._records.put(name, state=records.WAITING if again else records.COMPLETED)
            if again:
                self._keep_looking()
        elif said == "done":
            self._records.put(name, state=records.WAITING)  # for the end of quiet hours, or for another try
            self._keep_looking()

    def _end(self, run: Run, occurrence: Occurrence, event: str) -> None:
        with delivery.held(run):
            delivery.give_up(run)
            run.outbox.end_all(event, None, run.clock())
        self._records.keep(occurrence, state=event, ended_at=now().isoformat())
        self._records.put(occurrence.campaign, state=event)

    def pause(self, name: str) -> dict[str, Any]:
        """Stop handing over."""
        return self._changed(name, records.PAUSED, (records.RUNNING, records.WAITING, records.FAILED))

    def resume(self, name: str) -> dict[str, Any]:
        """Let it go on."""
        changed = self._changed(name, records.WAITING, (records.PAUSED,))
        self._records.put(name, error=None)
        return changed

    def cancel(self, name: str) -> dict[str, Any]:
        """End it: at once if nobody sends it now, else at the sender's next look."""
        able = tuple(s for s in records.STATES if s not in records.ENDED)
        changed = self._changed(name, records.CANCELLED, able)
        occurrence = self._records.last(name)
        if occurrence is not None and occurrence.open:
            if occurrence.state == records.PREPARING:  # a kill came between
                occurrence = self._begin(occurrence)
                self._records.put(name, state=records.CANCELLED)
            with suppress(Failed), self.opened(occurrence) as run:
                self._end(run, occurrence, events.CANCELLED)
        elif occurrence is not None and occurrence.ended_at is None:
            self._records.keep(occurrence, state=records.CANCELLED, ended_at=now().isoformat())
        return changed

    def _changed(self, name: str, state: str, able: tuple[str, ...]) -> dict[str, Any]:
        self._all.get(name)
        standing = self._records.standing(name)
        if standing.state not in able:
            fix = f"This is done with one that is {', '.join(able)}."
            raise Refused("campaign_state", f'"{name}" is {standing.state}.', place=name, fix=fix)
        return {"campaign": name, "state": self._records.put(name, state=state).state}

    def retry(self, name: str, event: str = events.FAILED) -> dict[str, Any]:
        """Let those who ended `failed` or `uncertain` wait again, with the same message keys; `run` sends them."""
        if event not in (events.FAILED, events.UNCERTAIN):
            raise Refused("bad_argument", f'"{event}" cannot be tried again.', place="what", fix="failed or uncertain.")
        occurrence = self._records.occurrence(name)
        if occurrence.started_at is None or occurrence.state in (records.CANCELLED, records.EXPIRED):
            raise Refused("campaign_state", f'"{occurrence.run}" is {occurrence.state}.', place=name, fix="Plan anew.")
        with self.opened(occurrence) as run, delivery.held(run):
            if run.one_by_one:
                delivery.give_up(run)
            count = run.outbox.requeue(event, run.clock())
        if count:
            self._records.keep(occurrence, state=records.RUNNING, ended_at=None)
            self._records.put(name, state=records.WAITING)
        return {"campaign": name, "run": occurrence.run, "requeued": count}

    def status(self, name: str, run: str | None = None) -> dict[str, Any]:
        """Where everyone is: of the newest occurrence, or of the one named. Before it begins, by its plan."""
        made, version = self._all.get(name)
        standing = self._records.standing(name)
        facts: dict[str, Any] = {"campaign": name, "state": standing.state, "enabled": standing.enabled}
        if standing.error is not None:
            facts["error"] = standing.error
        if self._records.last(name) is None:
            return {**facts, "run": None, "version": version, **_nothing()}
        occurrence = self._records.occurrence(name, run)
        facts |= {"run": occurrence.run, "version": occurrence.version, "snapshot": occurrence.snapshot}
        facts |= {k: getattr(occurrence, k) for k in ("moment", "planned_at", "started_at", "ended_at")}
        if occurrence.content:
            facts["content"] = self._all.library.told(occurrence.content)
        if occurrence.state in (records.PLANNED, records.PREPARING) or occurrence.started_at is None:
            return {**facts, **_by_plan(occurrence)}
        return {**facts, **self._by_events(made, occurrence)}

    def _by_events(self, made: Campaign, occurrence: Occurrence) -> dict[str, Any]:
        with self.box(occurrence) as box:
            repeatable = self._all.channel(made).repeatable
            found = funnel.count(self._context, occurrence.run, box, repeatable=repeatable)
        goals = count_goals(self._context, occurrence.run, made.goals)
        reached = {g.name: sum(c.count for c in goals if c.goal == g.name and c.arm != "holdout") for g in made.goals}
        arms = self.arms(occurrence)
        return {**found.as_dict(), "goals": reached, "by_arm": arms, "goals_by_arm": [g.as_dict() for g in goals]}

    def arms(self, occurrence: Occurrence) -> dict[str, dict[str, int]]:
        """Events by arm: of each kind, how many customers."""
        found: dict[str, dict[str, int]] = {}
        for (event, arm), n in sorted(funnel.customers(self._context, occurrence.run).items(), key=str):
            if arm is not None:
                found.setdefault(arm, {})[event] = n
        return found

    def path(self, name: str, entity: str, run: str | None = None) -> dict[str, Any]:
        """One customer's way through a run: what the plan said, what happened when, and where they are."""
        occurrence = self._records.occurrence(name, run)
        plan = parquet(self._all.plan_file(occurrence.run))
        columns = "row, bucket, reason, arm, address, not_before"
        with self._context.engine.cursor() as engine:
            rows = engine.rows(f"SELECT {columns} FROM {plan} WHERE entity = ?", [entity])
            if not rows:
                return {"run": occurrence.run, "entity": entity, "bucket": None, "events": []}
            row, bucket, reason, arm, address, until = rows[0]
            own = events.events_sql(self._context, f"run = {quote_value(occurrence.run)}")
            sql = f"SELECT event, _at, reason, detail FROM {own} WHERE _entity = ? ORDER BY _at"
            told = [(e, at, r, d) for e, at, r, d in engine.rows(sql, [entity])]
        state = None
        with self.box(occurrence) as box:
            if box is not None:
                state, logged = box.of_row(row, events.last_flushed(self._context, occurrence.run))
                told += [(e.event, datetime.fromtimestamp(e.at, now().tzinfo), e.reason, e.detail) for e in logged]
        shown = [
            {"event": e, "at": show_moment(at, self._context.zone), "reason": r, "detail": d} for e, at, r, d in told
        ]
        planned = {"bucket": bucket, "reason": reason, "arm": arm, "address": address, "not_before": until}
        return {
            "run": occurrence.run,
            "entity": entity,
            "planned": planned,
            "bucket": _bucket(told, state),
            "events": shown,
        }

    def audience_of(self, name: str, bar: str, run: str | None = None) -> dict[str, Any] | None:
        """The rule of the customers in one bar of the funnel, such as `clicked`; see `people.rule_of`."""
        from coterie.campaigns.people import rule_of

        return rule_of(self._all, name, bar, run)

    def receive(self, name: str, event: str, keys: Mapping[str, str | None], *, run: str | None = None) -> int:
        """Note receipts: what became of messages, by their keys, each with a detail; returns how many were known."""
        if event not in RECEIPTS:
            raise Refused("bad_argument", f'"{event}" is no receipt.', place="event", fix=f"{', '.join(RECEIPTS)}.")
        occurrence = self._records.occurrence(name, run)
        with self.opened(occurrence) as running:
            found = []
            for key, detail in keys.items():
                token, _, n = key.partition(".")
                row = running.outbox.row_of(int(n, 16)) if token == running.outbox.token else None
                if row is not None:
                    found.append(Entry(row, event, running.clock(), None, detail))
            running.outbox.log(found)
            with suppress(Failed), delivery.held(running):  # else the process that sends publishes it
                pass
        return len(found)

    def unsubscribe(self, token: str) -> dict[str, Any]:
        """Take back the consent of whoever was sent this token, for the channel it came by; twice is once.

        Raises Refused: the token is none of ours.
        """
        told = opened_or_refused(ring(self._context.store), token, UNSUBSCRIBE)
        run = str(self._context.store.get(records.TOKEN, told.run).body["run"])
        name = run.rpartition("@")[0]
        made, _ = self._all.get(name)
        plan = parquet(self._all.plan_file(run))
        with self._context.engine.cursor() as engine:
            entity = engine.value(f"SELECT entity FROM {plan} WHERE n = ?", [told.n])
        scope = str(made.options.get("consent") or self._all.channel(made).permitted_as)
        held = self._all.consent.show(entity)["consent"].get(scope, {}).get("state")
        if held != "revoked":
            self._all.consent.set(entity, scope, "revoked", source=f"unsubscribed from {name}")
            self.receive(name, events.UNSUBSCRIBED, {f"{told.run}.{told.n:x}": None}, run=run)
        return {"campaign": name, "scope": scope, "already": held == "revoked"}

    def bounces(self, files: list[Path]) -> dict[str, int]:
        """Take in messages about delivery (RFC 3464) that came back as .eml files; returns bounced, delivered, unknown.

        An address that is reported dead for good comes onto the suppression list `bounced`.
        """
        from coterie.campaigns.bounces import read_bounce

        counts = {"bounced": 0, "delivered": 0, "unknown": 0}
        dead = []
        for file in files:
            found = read_bounce(file.read_bytes())
            match = None if found is None else _MESSAGE_ID.search(found.message_id)
            known = None if match is None else self._context.store.find(records.TOKEN, match[1])
            if found is None or match is None or known is None:
                counts["unknown"] += 1
                continue
            run = str(known.body["run"])
            key = {f"{match[1]}.{match[2]}": f"{found.status} {found.said}".strip()}
            counts[found.event] += self.receive(run.rpartition("@")[0], found.event, key, run=run)
            if found.permanent and found.address:
                dead.append(found.address)
        if dead:
            self._all.consent.suppress(dead, "bounced", channel="email", reason="bounced")
        return counts

    def due(self, at: datetime | None = None) -> list[str]:
        """Campaigns that have something to do now: approved ones whose time has come, and rows whose has."""
        moment, found = at or now(), []
        for document in self._context.store.all(records.CAMPAIGN):
            name, standing = document.name, self._records.standing(document.name)
            hindered = standing.state == records.FAILED and (standing.error or {}).get("code") in _PASSING
            able = hindered or standing.state in (records.WAITING, records.RUNNING, records.PREPARING)
            if standing.enabled and able and self._is_due(name, moment):
                found.append(name)
        return found

    def _is_due(self, name: str, moment: datetime) -> bool:
        occurrence = self._records.last(name)
        if occurrence is None:
            return False
        if occurrence.open:
            with self.box(occurrence) as box:
                if box is None or box.held():
                    return box is None  # a kill came before the outbox was made
                next_due = box.next_due()
                cut = bool(box.cut_off())
            return cut or (next_due is not None and next_due <= moment.timestamp())
        made, _ = self._all.get(name)
        if made.schedule.recurs:
            return self._all.is_due(made, occurrence, moment)
        return occurrence.ended_at is None and datetime.fromisoformat(occurrence.moment) <= moment

    def _keep_looking(self) -> None:
        """Let the worker look every minute for what is due."""
        from coterie.campaigns import jobs as known  # its import makes the job known

        jobs = self._all.jobs()
        if all(row.name != _LOOK for row in jobs.schedules()):
            jobs.schedule(_LOOK, known.LOOK, {}, cron="* * * * *")

    @contextmanager
    def opened(self, occurrence: Occurrence) -> Iterator[Run]:
        """A run with its outbox open."""
        made, _ = self._all.get(occurrence.campaign, occurrence.version)
        snapshot = self._all.audiences.snapshots.get(occurrence.audience, occurrence.snapshot)
        moment = datetime.fromisoformat(occurrence.moment)
        asked = self._all.asked(made, occurrence.run, snapshot, moment, occurrence.content)
        outbox = Outbox(self._outbox_file(occurrence))
        tracker = self._tracker(made, outbox.token, asked.contents)
        around = Surroundings(
            occurrence.run,
            made.name,
            self._all.run_folder(occurrence.run),
            self._all.destinations,
            self._context.settings,
            lru_cache(_SIGNED)(tracker.sign),  # the text and the headers of a message have the same
            made.options,
            tracker,
        )
        try:
            plan = self._all.plan_file(occurrence.run)
            yield Run(self._context, asked, plan, outbox, around, lambda: self._said(made))
        finally:
            outbox.close()

    def _tracker(self, made: Campaign, token: str, contents: Mapping[str, Content]) -> Tracker:
        """What puts links into the messages of a run: by the table that was kept when it began."""
        store, base = self._context.store, str(self._context.settings["public_url"]).rstrip("/")
        known = store.find(records.TOKEN, token)
        kept = None if known is None else known.body.get("links")
        table = links_of(contents) if kept is None else [Source(*link) for link in kept]
        return Tracker(base, ring(store), token, table, bool(made.options.get("track", True)))

    @contextmanager
    def box(self, occurrence: Occurrence) -> Iterator[Outbox | None]:
        """The outbox of a run, to look into; None before it begins."""
        path = self._outbox_file(occurrence)
        box = Outbox(path) if path.exists() else None
        try:
            yield box
        finally:
            if box is not None:
                box.close()

    def _said(self, made: Campaign) -> str:
        """What people said meanwhile: go, pause, cancel; or that its time is over."""
        standing = self._records.standing(made.name)
        if made.valid_until is not None and now() > datetime.fromisoformat(made.valid_until):
            return "expire"
        return "pause" if not standing.enabled else _STOPS.get(standing.state, "go")

    def _outbox_file(self, occurrence: Occurrence) -> Path:
        return self._all.run_folder(occurrence.run) / "outbox.sqlite"


def _nothing() -> dict[str, Any]:
    counts = dict.fromkeys(("planned", "capped", "held_out", *funnel.BUCKETS, *RECEIPTS), 0)
    return {**counts, "suppressed": {}, "goals": {}, "difference": 0}


def _by_plan(occurrence: Occurrence) -> dict[str, Any]:
    plan = occurrence.plan
    buckets = plan["buckets"]
    counts = {**_nothing(), "planned": plan["planned"], "suppressed": dict(plan["reasons"])}
    counts |= {"capped": buckets["capped"], "held_out": buckets["held_out"], "deferred": buckets["deferred"]}
    return {**counts, "pending": buckets["send"], "arms": plan["arms"], "empty": plan["empty"], "notes": plan["notes"]}


def _bucket(told: list[tuple[Any, ...]], state: int | None) -> str | None:
    """Where one customer is, from what happened to them, in whatever order: the clock may have been set back."""
    if state in (0, 1, 2):
        return ("pending", "deferred", "uncertain")[state]
    for event in (events.SKIPPED, events.CAPPED, events.HELD_OUT, events.SENT, events.CANCELLED, events.EXPIRED):
        if any(e == event for e, *_ in told):
            return "suppressed" if event == events.SKIPPED else event
    for event in (events.FAILED, events.UNCERTAIN):
        back = sum(1 for e, _, reason, _ in told if (e, reason) == (events.REQUEUED, event))
        if sum(1 for e, *_ in told if e == event) > back:
            return event
    return None
