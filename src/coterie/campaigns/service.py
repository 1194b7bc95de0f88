"""Campaigns of one workspace: define, plan, approve, run, watch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.audiences.life import About
from coterie.campaigns import adjusting, exclusion, records, showing
from coterie.campaigns import plan as planning
from coterie.campaigns.allocation import allocated
from coterie.campaigns.channels.base import Channel, check_options, check_parts, find_channel, too_long
from coterie.campaigns.content import Content, bad_links, compile_content
from coterie.campaigns.definition import Campaign, read_campaign
from coterie.campaigns.events import EVENTS
from coterie.campaigns.funnel import AFTER, BUCKETS
from coterie.campaigns.goals import GoalCount
from coterie.campaigns.hits import take_in
from coterie.campaigns.reading import read_file, wrong
from coterie.campaigns.records import Occurrence, Records, Standing
from coterie.campaigns.rules import KIND as RULES
from coterie.campaigns.rules import NAME as ALL
from coterie.campaigns.rules import Rules
from coterie.campaigns.schedule import Schedule
from coterie.campaigns.triggers import check_trigger
from coterie.consent.service import Consent
from coterie.destinations.service import Destinations
from coterie.errors import CoterieError, Refused, unknown_name
from coterie.kit.moments import now, show_moment
from coterie.learn.segments.words import Language
from coterie.store.service import Document
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    from pyroaring import BitMap

    from coterie.audiences.service import Audiences
    from coterie.audiences.snapshots import Snapshot
    from coterie.campaigns.library.service import Library
    from coterie.campaigns.running import Running
    from coterie.jobs.service import Jobs
    from coterie.kit.progress import Progress

_NAME_LENGTH = 150
_INSTANT = timedelta(microseconds=1)
_RECURRING_ROOM = 1.25  # how much larger than the approved plan later occurrences may be
_APART = ("variants", "language", "defaults")  # parts of content that are no parts of a message


class Campaigns:
    """Define, plan, approve, run and watch campaigns.

    folder : where plans and outboxes lie.
    """

    def __init__(
        self,
        context: TagContext,
        audiences: Audiences,
        consent: Consent,
        destinations: Destinations,
        folder: Path,
        jobs: Callable[[], Jobs],
    ) -> None:
        self.context, self.audiences, self.consent, self.destinations = context, audiences, consent, destinations
        self.folder, self.jobs = folder, jobs
        self.records = Records(context.store)

    @cached_property
    def library(self) -> Library:
        """Templates, dynamic copy and landing pages."""
        from coterie.campaigns.library.service import Library

        return Library(self.context)

    @cached_property
    def running(self) -> Running:
        """What sends and counts."""
        from coterie.campaigns.running import Running

        return Running(self)

    def create(self, given: Mapping[str, Any] | Path, *, name: str | None = None) -> dict[str, Any]:
        """Save a campaign from a mapping or a YAML or JSON file; an existing name gets version n + 1.

        Returns campaign, version, state, notes. Raises Refused: a mistake, with its place; nothing was saved then.
        """
        body = read_file(given) if isinstance(given, Path) else dict(given)
        made = read_campaign(body if name is None else {**body, "name": name}, self.context.zone)
        _check_name(made.name)
        if EVENTS.name not in self.context.catalog.datasets():
            self.context.catalog.save_dataset(EVENTS)  # so that goals and audiences may name it before the first run
        notes = self._check(made)
        version = self.context.store.put(records.CAMPAIGN, made.name, made.as_dict())
        standing = self.records.standing(made.name)
        if standing == Standing():
            standing = self.records.put(made.name)
        return {"campaign": made.name, "version": version, "state": standing.state, "notes": notes}

    def get(self, name: str, version: int | None = None) -> tuple[Campaign, int]:
        """A campaign and its version; the newest without one. Raises NotFound."""
        document = self._document(name, version)
        return Campaign.of(document.body), document.version

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Read a definition without saving it: `notes` on what may be a mistake, and the `variables` of its texts.

        Raises Refused: a mistake, with its place.
        """
        made = self.read(given)
        kind = self.audiences.get(made.audience.name).body["entity_kind"]
        variables = sorted({n for content in self.contents(made, kind).values() for n in content.variables})
        return {"notes": self._check(made), "variables": variables}

    def read(self, given: Mapping[str, Any]) -> Campaign:
        """A definition as people write it. Raises Refused."""
        return read_campaign(given, self.context.zone)

    def rows(
        self,
        *,
        state: str | None = None,
        text: str = "",
        limit: int = 100,
        offset: int = 0,
        sort: str = "changed_at",
        order: str = "desc",
        **only: str | None,
    ) -> dict[str, Any]:
        """Campaigns with how they stand, newest first: `total`, `states` (how many in each), `campaigns`.

        text : part of a name, brand, category, owner, type or audience. only : `channel`, `owner`, `category`, `brand`.
        """
        if state is not None and state not in records.STATES:
            raise wrong("state", f'"{state}" is no state.', f"There are: {', '.join(records.STATES)}.")
        wanted = text.lower()
        found = [r for r in showing.rows(self) if wanted in " ".join(str(r[k]) for k in _SEARCHED).lower()]
        found = [r for r in found if all(v in (None, r[k]) for k, v in only.items())]
        if found and sort not in found[0]:
            raise wrong("sort", f'"{sort}" is no column.', f"There are: {', '.join(found[0])}.")
        counts = {s: sum(1 for r in found if r["state"] == s) for s in records.STATES}
        chosen = sorted((r for r in found if state in (None, r["state"])), key=lambda r: str(r["campaign"]))
        chosen.sort(key=lambda r: showing.sorted_by(r[sort]), reverse=order == "desc")
        return {"total": len(chosen), "states": counts, "campaigns": chosen[max(offset, 0) : max(offset, 0) + limit]}

    def row(self, name: str) -> dict[str, Any]:
        """One campaign as the list shows it. Raises NotFound."""
        return showing.rows(self, [self._document(name)])[0]

    def page(self, name: str, version: int | None = None, language: Language = "en") -> dict[str, Any]:
        """Everything about one campaign; see `showing`."""
        return showing.page(self, name, version, language)

    def delete(self, name: str) -> dict[str, Any]:
        """Delete a draft that never ran; its versions stay in the history of the metadata.

        Raises Refused: it ran, or is no draft.
        """
        self._document(name)
        found, state = self.records.occurrences(name), self.records.standing(name).state
        if state not in (records.DRAFT, records.WAITING, records.CANCELLED) or any(o.started_at for o in found):
            fix = "Disable it, or cancel it; what was sent stays on record."
            raise Refused("campaign_state", f'"{name}" is {state} or ran before.', place=name, fix=fix)
        with self.context.store.together():
            for occurrence in found:
                self.context.store.delete(records.OCCURRENCE, occurrence.run)
            self.context.store.delete(records.STATE, name)
            self.context.store.delete(records.CAMPAIGN, name)
        for occurrence in found:
            shutil.rmtree(self.run_folder(occurrence.run), ignore_errors=True)
        return {"campaign": name, "deleted": True}

    def copy(self, name: str, to: str | None = None) -> dict[str, Any]:
        """Save it again as `NAME_copy`: a draft that runs only when told."""
        made, _ = self.get(name)
        known = [d.name for d in self.context.store.all(records.CAMPAIGN)]
        new, number = to or f"{name}_copy", 2
        while new in known and to is None:
            new, number = f"{name}_copy{number}", number + 1
        if new in known:
            raise Refused("bad_argument", f'There is a campaign "{new}".', place="to", fix="Choose another name.")
        _check_name(new)
        copied = replace(made, name=new, schedule=Schedule(zone=made.schedule.zone))
        version = self.context.store.put(records.CAMPAIGN, new, copied.as_dict())
        return {"campaign": new, "version": version, "state": self.records.put(new).state}

    def enable(self, name: str, enabled: bool = True) -> dict[str, Any]:
        """Let a campaign run, or not; how far it is stays as it is."""
        self._document(name)
        standing = self.records.put(name, enabled=enabled)
        return {"campaign": name, "state": standing.state, "enabled": standing.enabled}

    def rules(self) -> Rules:
        """Caps and global holdout, for all campaigns."""
        found = self.context.store.find(RULES, ALL)
        return Rules() if found is None else Rules.of(found.body)

    def set_rules(self, given: Mapping[str, Any] | Path) -> Rules:
        """Set caps and global holdout, from a mapping or a file."""
        made = Rules.read(read_file(given) if isinstance(given, Path) else given, self.context.zone)
        self.context.store.put(RULES, ALL, made.as_dict())
        return made

    def plan(self, name: str, *, at: datetime | None = None, missed: int = 0) -> Occurrence:
        """Plan the next occurrence: who gets it, who does not and why. Nothing is sent.

        An occurrence that has not begun is planned anew under the same number.
        Raises Refused: it is running; the audience is expired, of nobody, or may not be reached by the channel.
        """
        made, version = self.get(name)
        last = self.records.last(name)
        if last is not None and last.open:
            fix = "Wait until it has ended, or cancel it."
            raise Refused("campaign_state", f'"{last.run}" has not ended.', place=name, fix=fix)
        self.refuse_outside(made)
        number = 1 if last is None else last.number + (last.started_at is not None)
        standing = self.records.standing(name)
        self.records.put(name, state=records.PREPARING)
        try:
            occurrence = self._make_plan(made, version, number, at or self._moment(made), standing)
        except BaseException:
            self.records.put(name, state=standing.state)
            raise
        self._planned(made, standing)
        return self.records.keep(occurrence, missed=missed)

    def _make_plan(self, made: Campaign, version: int, number: int, moment: datetime, standing: Standing) -> Occurrence:
        """Who gets an occurrence, written into its plan file."""
        snapshot, audience = self._snapshot(made)
        run, pins = f"{made.name}@{number}", self.pins(made)
        exclusion.claim(self, made)
        asked = self._among_triggered(self.asked(made, run, snapshot, moment, pins), standing)
        asked = replace(asked, allocated=allocated(self, made, number, moment))
        summary = planning.make(self.context, asked, self.plan_file(run))
        return Occurrence(
            campaign=made.name,
            number=number,
            version=version,
            digest=planning.digest(made, pins),
            content=pins,
            audience=made.audience.name,
            audience_version=audience.version,
            snapshot=snapshot.id,
            entity_kind=snapshot.entity_kind,
            moment=show_moment(moment, self.context.zone),
            planned_at=now().isoformat(),
            plan={**summary.as_dict(), "notes": self._sample_notes(asked, run)},
        )

    def _among_triggered(self, asked: planning.Asked, standing: Standing) -> planning.Asked:
        """Of a campaign on an event, only those whose event calls for it. Raises Refused(`nobody`) once approved."""
        made = asked.campaign
        if made.schedule.kind != "event":
            return asked
        rows, looked = self._triggered(made, asked.kind)
        chosen = asked.members & rows
        if standing.approval is not None:
            self.records.put(made.name, looked=looked)
            if not chosen:
                fix = "It goes on by itself when somebody does."
                raise Refused("nobody", f'Nobody did what "{made.name}" waits for.', place=made.name, fix=fix)
        return replace(asked, members=chosen)

    def _planned(self, made: Campaign, before: Standing) -> None:
        """A new plan has to be approved, unless it is of one that recurs and was approved within bounds."""
        recurs = made.schedule.recurs and before.approval is not None
        state = before.state if before.state == records.PAUSED or recurs else records.DRAFT
        self.records.put(made.name, state=state, approval=before.approval if recurs else None)

    def approve(self, name: str, *, by: str = "", most: int | None = None) -> dict[str, Any]:
        """Accept the newest plan. most : recipients up to which later occurrences run unasked, if it recurs.

        Raises Refused: there is no plan, or the campaign or audience changed since.
        """
        made, _ = self.get(name)
        occurrence = self.records.occurrence(name)
        if occurrence.started_at is not None:
            fix = f"Plan the next one: `coterie campaign plan {name}`."
            raise Refused("campaign_state", f'"{occurrence.run}" has begun already.', place=name, fix=fix)
        self.refuse_changed(made, occurrence)
        approval = self.records.approval(occurrence, self._room(made, occurrence) if most is None else most, by)
        state = records.WAITING
        self.records.put(name, approval=approval, state=state)
        return {"campaign": name, "run": occurrence.run, "state": state, "approved": asdict(approval)}

    def _room(self, made: Campaign, occurrence: Occurrence) -> int:
        """Recipients up to which later occurrences run unasked: somewhat more than this one has; of one that runs on
        an event, whoever is in the audience."""
        if made.schedule.kind == "event":
            return self.audiences.snapshots.get(occurrence.audience, occurrence.snapshot).count
        return int(occurrence.going * _RECURRING_ROOM) if made.schedule.recurs else occurrence.going

    def next_occurrence(self, made: Campaign, last: Occurrence, approval: records.Approval) -> Occurrence:
        """The occurrence that is to run of a campaign that recurs: the one that was planned for now, else a new one."""
        if made.schedule.kind == "event":
            ready = last.started_at is None and last.planned_at > approval.at
            return last if ready else self.plan(made.name)
        moment = datetime.fromisoformat(last.moment)
        if last.started_at is None and moment > now():
            return last
        due, missed = made.schedule.due(moment - _INSTANT if last.started_at is None else moment, now())
        if last.started_at is None and due == moment:
            return last
        return self.plan(made.name, at=due, missed=missed)

    def is_due(self, made: Campaign, last: Occurrence, at: datetime) -> bool:
        """Whether a campaign that recurs is to run now, its last run having ended or not begun."""
        if made.schedule.kind == "event":
            approval = self.records.standing(made.name).approval
            ready = approval is not None and last.started_at is None and last.planned_at > approval.at
            return ready or bool(self._triggered(made, last.entity_kind)[0])
        moment = datetime.fromisoformat(last.moment)
        return made.schedule.due(moment - _INSTANT if last.started_at is None else moment, at)[0] is not None

    def _triggered(self, made: Campaign, kind: str) -> tuple[BitMap, dict[str, Any]]:
        """Who did since the last look what the campaign runs on, and what to remember of this look."""
        from coterie.campaigns.triggers import triggered

        standing = self.records.standing(made.name)
        approved = None if standing.approval is None else datetime.fromisoformat(standing.approval.at)
        return triggered(self.context, made, kind, approved, None if approved is None else standing.looked)

    def run(
        self, name: str, *, limit: int | None = None, anyway: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Send what was approved, or go on with it; see `running`. anyway : before its time. Returns its status."""
        return self.note_counts(self.running.run(name, limit=limit, anyway=anyway, progress=progress))

    def note_counts(self, status: dict[str, Any]) -> dict[str, Any]:
        """Keep the figures of a run beside it, for lists; returns the status as given."""
        if status.get("started_at") is not None:
            occurrence = self.records.occurrence(status["campaign"], status["run"])
            counts = {k: status[k] for k in (*_KEPT, "suppressed", "goals") if k in status}
            if counts != dict(occurrence.counts):
                self.records.keep(occurrence, counts=counts)
        return status

    def status(self, name: str, run: str | None = None) -> dict[str, Any]:
        """Where everyone is; see `funnel`."""
        with suppress(CoterieError):  # what cannot be taken in now stays in the journal
            take_in(self)
        return self.running.status(name, run)

    def funnel(self, name: str, run: str | None = None, by: str | None = None) -> dict[str, Any]:
        """The funnel of a run in depth: its status, rates, goals, time to goal, money, days, and everything parted.

        by : `arm`, `channel`, `day`, `segment:NAME` or `tag:NAME`; see `depth.by`.
        """
        from coterie.campaigns import depth, results

        status = self.status(name, run)
        told: dict[str, Any] = {**status, "rates": status.get("rates", {}), "time_to_goal": None, "money": None}
        told |= {"goal_counts": status["goals"], "by": None, "days": [], "clock_set_back": 0}
        goals = depth.goal_rows([GoalCount(**c) for c in status.get("goals_by_arm", [])])
        told["goals"] = goals
        if status.get("started_at") is None:
            return told
        found = depth.asked(self, name, status["run"])
        told["by"] = None if by is None else depth.by(found, by)
        told |= {"time_to_goal": depth.time_to_goal(found), "days": depth.days(found)}
        told |= {
            "money": results.money(self, found, status["sent"], goals),
            "clock_set_back": depth.clock_set_back(found),
        }
        return told

    def results(
        self, name: str, run: str | None = None, *, language: Language = "en", segments: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Whether it worked: the run as an experiment, or why it cannot be read as one; see `results`."""
        from coterie.campaigns.results import results

        return results(self, name, run, language, segments)

    def compare(self, names: Sequence[str], language: Language = "en") -> dict[str, Any]:
        """Campaigns side by side; see `compare`."""
        from coterie.campaigns.compare import compare

        return compare(self, names, language)

    def people(self, name: str, bar: str, **asked: Any) -> dict[str, Any]:
        """Who is in a bar of the funnel now; see `people`."""
        from coterie.campaigns.people import people

        return people(self, name, bar, **asked)

    def make_audience(
        self, name: str, bar: str, *, run: str | None = None, save_as: str | None = None, owner: str = ""
    ) -> dict[str, Any]:
        """Save a bar of the funnel as an audience; see `people`."""
        from coterie.campaigns.people import make_audience

        return make_audience(self, name, bar, run=run, save_as=save_as, owner=owner)

    def pause(self, name: str) -> dict[str, Any]:
        """Stop handing over; what waits goes on waiting."""
        return self.running.pause(name)

    def resume(self, name: str) -> dict[str, Any]:
        """Let a paused campaign go on; `run` or the worker does."""
        return self.running.resume(name)

    def cancel(self, name: str) -> dict[str, Any]:
        """End it; who waits gets nothing."""
        found = self.running.cancel(name)
        self.note_counts(self.status(name))
        return found

    def occurrences(self, name: str) -> list[Occurrence]:
        """All runs of a campaign, oldest first."""
        self._document(name)
        return self.records.occurrences(name)

    def preview(self, name: str, entity: str, *, arm: str | None = None, **options: Any) -> dict[str, Any]:
        """What a customer would get: the rendered parts, empty variables, and notes on links and lengths.

        options : `draft`, a definition that need not be saved; `mask`, what of the values may be shown; see `preview`.
        """
        from coterie.campaigns.preview import preview

        return preview(self, name, entity, arm, **options)

    def test(self, name: str, to: list[str], *, entity: str, arm: str | None = None) -> dict[str, Any]:
        """Send what a customer would get to test addresses, marked as a test; the funnel does not count it."""
        from coterie.campaigns.preview import send_test

        return send_test(self, name, to, entity, arm)

    def asked(
        self, made: Campaign, run: str, snapshot: Snapshot, moment: datetime, pins: Mapping[str, int]
    ) -> planning.Asked:
        """What a plan of this campaign is made of. pins : settled versions of library content."""
        return planning.Asked(
            campaign=made,
            channel=self.channel(made),
            run=run,
            kind=snapshot.entity_kind,
            purpose=About.of(self.audiences.get(made.audience.name).body).purpose,
            members=self.audiences.snapshots.members(snapshot),
            contents=self.contents(made, snapshot.entity_kind, pins),
            rules=self.rules(),
            moment=moment,
            at=now(),
            higher=self._higher(made),
            buckets=exclusion.claimed(self, made),
        )

    def channel(self, made: Campaign) -> Channel:
        """Its channel. Raises NotFound."""
        return find_channel(made.channel)

    def pins(self, made: Campaign) -> dict[str, int]:
        """The versions of library content that it says now. Raises Refused: a draft, or withdrawn."""
        return self.library.pins([made.content, *(arm.content for arm in made.experiment.arms)])

    def contents(
        self, made: Campaign, kind: str = "customer", pins: Mapping[str, int] | None = None
    ) -> dict[str, Content]:
        """Compiled content by arm. pins : settled versions of library content; default: those published now.

        Raises Refused: a mistake in a template, or library content that cannot be used.
        """
        settled = pins or {}
        blocks = self.library.blocks(settled, kind)
        channel = self.channel(made)
        html = [part[0] for part in channel.parts if part[3]]
        known = list(self.context.catalog.tags(kind))
        found = {}
        for arm in made.experiment.arms:
            both_parts = (self.library.parts_of(c, made.channel, settled) for c in (made.content, arm.content))
            given = {name: part for parts in both_parts for name, part in parts.items()}
            place = "content" if not arm.content else f"experiment.arms.{arm.name}.content"
            check_parts(channel, {k: v for k, v in given.items() if k not in _APART}, place)
            for language, parts in dict(given.get("variants") or {}).items():
                if not isinstance(parts, Mapping):
                    raise wrong(f"{place}.variants.{language}", "Parts are needed here.", "Write {subject: ...}.")
                both = {**given, **parts}
                check_parts(channel, {k: v for k, v in both.items() if k not in _APART}, f"{place}.variants.{language}")
            found[arm.name] = compile_content(given, known, html, blocks)
        return found

    def allocation(self, name: str, *, at: datetime | None = None) -> dict[str, Any]:
        """How shares followed the results, what the arms brought, and the shares that come next; see `allocation`."""
        from coterie.campaigns.allocation import told

        return told(self, name, at=at)

    def exclusions(self) -> list[dict[str, Any]]:
        """Groups of campaigns that exclude each other, with what is free of each; see `exclusion.groups`."""
        return exclusion.groups(self)

    def plan_file(self, run: str) -> Path:
        """The plan's Parquet file."""
        return self.run_folder(run) / "plan.parquet"

    def run_folder(self, run: str) -> Path:
        """Everything of one run: plan, outbox, files."""
        name, _, number = run.rpartition("@")
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:24] / number

    def refuse_stopped(self, name: str, standing: Standing) -> None:
        """Refuse to send what is disabled or paused."""
        if not standing.enabled:
            fix = f"Enable it: `coterie campaign enable {name}`."
            raise Refused("campaign_state", f'"{name}" is disabled.', place=name, fix=fix)
        if standing.state == records.PAUSED:
            fix = f"Resume it: `coterie campaign resume {name}`."
            raise Refused("campaign_state", f'"{name}" is paused.', place=name, fix=fix)

    def refuse_run(self, name: str) -> None:
        """Refuse what `run` would refuse at once, before it is put into the queue."""
        made, standing = self.get(name)[0], self.records.standing(name)
        self.refuse_stopped(name, standing)
        last = self.records.last(name)
        for error in showing.blocked(self, made, replace(standing, error=None), last):
            raise Refused(error["code"], error["message"], place=error["place"], fix=error["fix"])
        if last is not None and last.ended_at is not None and not made.schedule.recurs:
            fix = f"Plan it again: `coterie campaign plan {name}`."
            raise Refused("campaign_state", f'"{last.run}" is {last.state}.', place=name, fix=fix)

    def refuse_audience(self, made: Campaign) -> None:
        """Refuse an audience that is not there, is over, or whose purpose does not permit the channel."""
        audience = self.audiences.get(made.audience.name)
        _refuse_expired(audience)
        self._refuse_purpose(made, About.of(audience.body), self.channel(made))

    def refuse_changed(self, made: Campaign, occurrence: Occurrence) -> None:
        """Refuse where the campaign or the audience is not any more what was planned, or not valid any more."""
        audience = self.audiences.get(made.audience.name)
        _refuse_expired(audience)
        version = audience.version
        self.library.refuse_withdrawn(occurrence.content)
        if planning.digest(made, occurrence.content) != occurrence.digest or version != occurrence.audience_version:
            what = "The audience" if version != occurrence.audience_version else "The campaign"
            fix = f"Plan and approve it again: `coterie campaign plan {made.name}`."
            raise Refused("not_approved", f"{what} changed since it was planned.", place=made.name, fix=fix)

    def _document(self, name: str, version: int | None = None) -> Document:
        found = self.context.store.find(records.CAMPAIGN, name, version)
        if found is None:
            raise unknown_name("campaign", name, [d.name for d in self.context.store.all(records.CAMPAIGN)])
        return found

    def _check(self, made: Campaign) -> list[str]:
        """Refuse what could never run; returns notes on what may be a mistake."""
        channel = self.channel(made)
        check_options(channel, made.options)
        audience = self.audiences.get(made.audience.name)
        kind = audience.body["entity_kind"]
        self._refuse_purpose(made, About.of(audience.body), channel)
        self.contents(made, kind)
        planning.design(made, self.rules())
        self._check_tags(made, channel, kind)
        self._check_goals(made)
        check_trigger(self.context, made)
        return [n for arm in made.experiment.arms for n in bad_links(_plain({**made.content, **arm.content}))]

    def _check_tags(self, made: Campaign, channel: Channel, kind: str) -> None:
        tags = self.context.catalog.tags(kind)
        zone = made.quiet.zone if made.quiet is not None else None
        for place, tag in (("channel.address", made.options.get("address", channel.address)), ("quiet.zone", zone)):
            if tag is not None and tag not in tags:
                raise unknown_name("tag", str(tag), tags, place=place)
        adjusting.check_tags(self.context, made, kind)

    def _check_goals(self, made: Campaign) -> None:
        from coterie.campaigns.goals import check_goal

        for n, goal in enumerate(made.goals):
            check_goal(self.context, goal, f"goals[{n}]")

    def _refuse_purpose(self, made: Campaign, about: About, channel: Channel) -> None:
        if channel.permitted_as not in about.channels:
            permitted = ", ".join(about.channels) or "none"
            fix = f"Choose another audience, or change its purpose; permitted: {permitted}."
            said = f'The purpose of "{made.audience.name}", {about.purpose}, does not permit {channel.permitted_as}.'
            raise Refused("purpose_forbids", said, place="audience", fix=fix)

    def refuse_outside(self, made: Campaign) -> None:
        """Refuse a campaign whose period of validity is over."""
        at = now()
        if made.valid_until is not None and at > datetime.fromisoformat(made.valid_until):
            fix = "Save it with a later `validity.until`."
            raise Refused(
                "campaign_expired", f'"{made.name}" was valid until {made.valid_until}.', place=made.name, fix=fix
            )

    def _snapshot(self, made: Campaign) -> tuple[Snapshot, Document]:
        """The snapshot that is planned over, computed now where the campaign says so."""
        self.refuse_audience(made)
        audience = self.audiences.get(made.audience.name)
        if made.audience.refresh or (made.audience.snapshot is None and not self.audiences.snapshots.of(audience.name)):
            self.audiences.refresh(audience.name)
        snapshot = self.audiences.snapshots.get(audience.name, made.audience.snapshot)
        if not snapshot.count:
            fix = "Look at its conditions: `coterie audience count`."
            raise Refused("nobody", f'"{snapshot.id}" has no members.', place="audience", fix=fix)
        return snapshot, audience

    def _moment(self, made: Campaign) -> datetime:
        """When the next occurrence is to be sent."""
        first = now() if made.valid_from is None else max(now(), datetime.fromisoformat(made.valid_from))
        return made.schedule.next(first) or first

    def _higher(self, made: Campaign) -> list[Path]:
        """Plans of campaigns of the same group with a higher priority that have not ended."""
        if not made.group:
            return []
        files = []
        for document in self.context.store.all(records.CAMPAIGN):
            other = Campaign.of(document.body)
            last = (
                self.records.last(other.name) if other.group == made.group and other.priority > made.priority else None
            )
            if last is not None and last.ended_at is None and self.plan_file(last.run).exists():
                files.append(self.plan_file(last.run))
        return files

    def _sample_notes(self, asked: planning.Asked, run: str) -> list[str]:
        """Notes on the first messages, rendered as they would be sent."""
        from coterie.campaigns.preview import samples

        notes: dict[str, None] = {}
        if not self.context.settings["public_url"]:
            contents = asked.contents.values()
            if any(c.links or c.html for c in contents):
                notes["Links and opens are not tracked: the setting `public_url` is empty."] = None
            if any(c.pages for c in contents):
                notes["Landing pages cannot be reached: the setting `public_url` is empty."] = None
        for rendered in samples(self.context, asked, self.plan_file(run)):
            notes |= dict.fromkeys([*bad_links(rendered), *too_long(asked.channel, rendered)])
        return list(notes)


_SEARCHED = ("campaign", "brand", "category", "owner", "type", "audience")
_KEPT = ("planned", "capped", "held_out", *BUCKETS, *AFTER, "difference")
_TAKEN = ("rules", "compare", "check", "test-addresses")  # they have pages of their own


def _plain(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Parts whose links can be read without rendering."""
    return {k: v for k, v in parts.items() if isinstance(v, str) and "{{" not in v and "{%" not in v}


def _refuse_expired(audience: Document) -> None:
    if About.of(audience.body).validity() == "expired":
        fix = "Save the audience with a later `valid_until`, or choose another."
        raise Refused("audience_expired", f'"{audience.name}" is not valid any more.', place="audience", fix=fix)


def _check_name(name: str) -> None:
    if name in _TAKEN:
        raise Refused("bad_campaign", f'"{name}" cannot name a campaign.', place="name", fix="Choose another name.")
    if len(name) > _NAME_LENGTH or "/" in name or "@" in name or name.startswith("."):
        fix = f'Use 1 to {_NAME_LENGTH} characters without "/", "@" and a leading ".".'
        raise Refused("bad_campaign", f'"{name}" cannot name a campaign.', place="name", fix=fix)
