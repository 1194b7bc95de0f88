"""Campaigns of one workspace: define, plan, approve, run, watch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.audiences.life import About
from coterie.campaigns import plan as planning
from coterie.campaigns import records
from coterie.campaigns.channels.base import Channel, check_options, check_parts, find_channel, too_long
from coterie.campaigns.content import Content, bad_links, compile_content
from coterie.campaigns.definition import Campaign, read_campaign
from coterie.campaigns.events import EVENTS
from coterie.campaigns.reading import read_file, wrong
from coterie.campaigns.records import Occurrence, Records, Standing
from coterie.campaigns.rules import KIND as RULES
from coterie.campaigns.rules import NAME as ALL
from coterie.campaigns.rules import Rules
from coterie.campaigns.schedule import Schedule
from coterie.consent.service import Consent
from coterie.destinations.service import Destinations
from coterie.errors import Refused, unknown_name
from coterie.kit.moments import now, show_moment
from coterie.store.service import Document
from coterie.tags.context import TagContext

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences
    from coterie.audiences.snapshots import Snapshot
    from coterie.campaigns.running import Running
    from coterie.jobs.service import Jobs
    from coterie.kit.progress import Progress

_NAME_LENGTH = 150
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

    def rows(self, *, state: str | None = None, text: str = "", limit: int = 100, offset: int = 0) -> dict[str, Any]:
        """Campaigns with how they stand, newest first: `total`, `states` (how many in each), `campaigns`.

        text : part of a name, brand, category or owner.
        """
        if state is not None and state not in records.STATES:
            raise wrong("state", f'"{state}" is no state.', f"There are: {', '.join(records.STATES)}.")
        found = [self._row(d) for d in self.context.store.all(records.CAMPAIGN)]
        wanted = text.lower()
        found = [r for r in found if wanted in " ".join(str(r[k]) for k in _SEARCHED).lower()]
        counts = {s: sum(1 for r in found if r["state"] == s) for s in records.STATES}
        chosen = [r for r in found if state in (None, r["state"])]
        chosen.sort(key=lambda r: (r["changed_at"], r["campaign"]), reverse=True)
        return {"total": len(chosen), "states": counts, "campaigns": chosen[max(offset, 0) : max(offset, 0) + limit]}

    def _row(self, document: Document) -> dict[str, Any]:
        made, standing = Campaign.of(document.body), self.records.standing(document.name)
        last = self.records.last(made.name)
        own = {k: getattr(made, k) for k in ("channel", "brand", "type", "category", "owner")}
        return {
            "campaign": made.name,
            "version": document.version,
            "state": standing.state,
            "enabled": standing.enabled,
            "audience": made.audience.name,
            **own,
            "occurrences": 0 if last is None else last.number,
            "last_run": None if last is None else last.started_at,
            "changed_at": show_moment(document.created_at, self.context.zone),
        }

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

    def plan(self, name: str, *, at: datetime | None = None) -> Occurrence:
        """Plan the next occurrence: who gets it, who does not and why. Nothing is sent.

        An occurrence that has not begun is planned anew under the same number.
        Raises Refused: it is running; the audience is expired, of nobody, or may not be reached by the channel.
        """
        made, version = self.get(name)
        last = self.records.last(name)
        if last is not None and last.open:
            fix = "Wait until it has ended, or cancel it."
            raise Refused("campaign_state", f'"{last.run}" has not ended.', place=name, fix=fix)
        self._refuse_outside(made)
        number = 1 if last is None else last.number + (last.started_at is not None)
        standing = self.records.standing(name)
        self.records.put(name, state=records.PREPARING)
        try:
            snapshot, audience = self._snapshot(made)
            run, moment = f"{name}@{number}", at or self._moment(made)
            asked = self.asked(made, run, snapshot, moment)
            summary = planning.make(self.context, asked, self.plan_file(run))
        except BaseException:
            self.records.put(name, state=standing.state)
            raise
        self._planned(made, standing)
        occurrence = Occurrence(
            campaign=name,
            number=number,
            version=version,
            digest=planning.digest(made),
            audience=made.audience.name,
            audience_version=audience.version,
            snapshot=snapshot.id,
            entity_kind=snapshot.entity_kind,
            moment=show_moment(moment, self.context.zone),
            planned_at=now().isoformat(),
            plan={**summary.as_dict(), "notes": self._sample_notes(asked, run)},
        )
        return self.records.keep(occurrence)

    def _planned(self, made: Campaign, before: Standing) -> None:
        """A new plan has to be approved, unless it is of one that recurs and was approved within bounds."""
        recurs = made.schedule.kind == "recurring" and before.approval is not None
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
        room = int(occurrence.going * _RECURRING_ROOM) if made.schedule.kind == "recurring" else occurrence.going
        approval = self.records.approval(occurrence, room if most is None else most, by)
        state = records.WAITING
        self.records.put(name, approval=approval, state=state)
        return {"campaign": name, "run": occurrence.run, "state": state, "approved": asdict(approval)}

    def run(
        self, name: str, *, limit: int | None = None, anyway: bool = False, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Send what was approved, or go on with it; see `running`. anyway : before its time. Returns its status."""
        return self.running.run(name, limit=limit, anyway=anyway, progress=progress)

    def status(self, name: str, run: str | None = None) -> dict[str, Any]:
        """Where everyone is; see `funnel`."""
        return self.running.status(name, run)

    def pause(self, name: str) -> dict[str, Any]:
        """Stop handing over; what waits goes on waiting."""
        return self.running.pause(name)

    def resume(self, name: str) -> dict[str, Any]:
        """Let a paused campaign go on; `run` or the worker does."""
        return self.running.resume(name)

    def cancel(self, name: str) -> dict[str, Any]:
        """End it; who waits gets nothing."""
        return self.running.cancel(name)

    def occurrences(self, name: str) -> list[Occurrence]:
        """All runs of a campaign, oldest first."""
        self._document(name)
        return self.records.occurrences(name)

    def preview(self, name: str, entity: str, *, arm: str | None = None) -> dict[str, Any]:
        """What a customer would get: the rendered parts, empty variables, and notes on links and lengths."""
        from coterie.campaigns.preview import preview

        return preview(self, name, entity, arm)

    def test(self, name: str, to: list[str], *, entity: str, arm: str | None = None) -> dict[str, Any]:
        """Send what a customer would get to test addresses, marked as a test; the funnel does not count it."""
        from coterie.campaigns.preview import send_test

        return send_test(self, name, to, entity, arm)

    def asked(self, made: Campaign, run: str, snapshot: Snapshot, moment: datetime) -> planning.Asked:
        """What a plan of this campaign is made of."""
        return planning.Asked(
            campaign=made,
            channel=self.channel(made),
            run=run,
            kind=snapshot.entity_kind,
            purpose=About.of(self.audiences.get(made.audience.name).body).purpose,
            members=self.audiences.snapshots.members(snapshot),
            contents=self.contents(made, snapshot.entity_kind),
            rules=self.rules(),
            moment=moment,
            at=now(),
            higher=self._higher(made),
        )

    def channel(self, made: Campaign) -> Channel:
        """Its channel. Raises NotFound."""
        return find_channel(made.channel)

    def contents(self, made: Campaign, kind: str = "customer") -> dict[str, Content]:
        """Compiled content by arm. Raises Refused: a mistake in a template."""
        channel = self.channel(made)
        html = [part[0] for part in channel.parts if part[3]]
        known = list(self.context.catalog.tags(kind))
        found = {}
        for arm in made.experiment.arms:
            given = {**made.content, **arm.content}
            place = "content" if not arm.content else f"experiment.arms.{arm.name}.content"
            check_parts(channel, {k: v for k, v in given.items() if k not in _APART}, place)
            for language, parts in dict(given.get("variants") or {}).items():
                if not isinstance(parts, Mapping):
                    raise wrong(f"{place}.variants.{language}", "Parts are needed here.", "Write {subject: ...}.")
                both = {**given, **parts}
                check_parts(channel, {k: v for k, v in both.items() if k not in _APART}, f"{place}.variants.{language}")
            found[arm.name] = compile_content(given, known, html)
        return found

    def plan_file(self, run: str) -> Path:
        """The plan's Parquet file."""
        return self.run_folder(run) / "plan.parquet"

    def run_folder(self, run: str) -> Path:
        """Everything of one run: plan, outbox, files."""
        name, _, number = run.rpartition("@")
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:24] / number

    def refuse_changed(self, made: Campaign, occurrence: Occurrence) -> None:
        """Refuse where the campaign or the audience is not any more what was planned, or not valid any more."""
        audience = self.audiences.get(made.audience.name)
        _refuse_expired(audience)
        version = audience.version
        if planning.digest(made) != occurrence.digest or version != occurrence.audience_version:
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
        return [n for arm in made.experiment.arms for n in bad_links(_plain({**made.content, **arm.content}))]

    def _check_tags(self, made: Campaign, channel: Channel, kind: str) -> None:
        tags = self.context.catalog.tags(kind)
        zone = made.quiet.zone if made.quiet is not None else None
        for place, tag in (("channel.address", made.options.get("address", channel.address)), ("quiet.zone", zone)):
            if tag is not None and tag not in tags:
                raise unknown_name("tag", str(tag), tags, place=place)

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

    def _refuse_outside(self, made: Campaign) -> None:
        at = now()
        if made.valid_until is not None and at > datetime.fromisoformat(made.valid_until):
            fix = "Save it with a later `validity.until`."
            raise Refused(
                "campaign_expired", f'"{made.name}" was valid until {made.valid_until}.', place=made.name, fix=fix
            )

    def _snapshot(self, made: Campaign) -> tuple[Snapshot, Document]:
        """The snapshot that is planned over, computed now where the campaign says so."""
        audience = self.audiences.get(made.audience.name)
        about = About.of(audience.body)
        _refuse_expired(audience)
        self._refuse_purpose(made, about, self.channel(made))
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
        for rendered in samples(self.context, asked, self.plan_file(run)):
            notes |= dict.fromkeys([*bad_links(rendered), *too_long(asked.channel, rendered)])
        return list(notes)


_SEARCHED = ("campaign", "brand", "category", "owner", "type")


def _plain(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Parts whose links can be read without rendering."""
    return {k: v for k, v in parts.items() if isinstance(v, str) and "{{" not in v and "{%" not in v}


def _refuse_expired(audience: Document) -> None:
    if About.of(audience.body).validity() == "expired":
        fix = "Save the audience with a later `valid_until`, or choose another."
        raise Refused("audience_expired", f'"{audience.name}" is not valid any more.', place="audience", fix=fix)


def _check_name(name: str) -> None:
    if len(name) > _NAME_LENGTH or "/" in name or "@" in name or name.startswith("."):
        fix = f'Use 1 to {_NAME_LENGTH} characters without "/", "@" and a leading ".".'
        raise Refused("bad_campaign", f'"{name}" cannot name a campaign.', place="name", fix=fix)
