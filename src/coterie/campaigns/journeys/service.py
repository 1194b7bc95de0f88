"""Journeys of one workspace: define, start, move on, look."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.audiences.resolve import AUDIENCE
from coterie.campaigns.events import EVENTS
from coterie.campaigns.hits import PAGE_EVENTS
from coterie.campaigns.journeys import funnel, messages, moves, people
from coterie.campaigns.journeys.asking import Asking, check_happening
from coterie.campaigns.journeys.definition import Condition, Happened, Journey, Step, read_journey
from coterie.campaigns.journeys.moves import KIND, MOVES
from coterie.campaigns.journeys.reading import journey_errors, wrong
from coterie.campaigns.journeys.state import Batch, Move, State
from coterie.campaigns.journeys.tick import LOOKED, STARTED, Tick
from coterie.campaigns.reading import read_file
from coterie.errors import NotFound, Refused, unknown_name
from coterie.kit.moments import now, show_moment
from coterie.kit.plain import plain
from coterie.store.service import Document

if TYPE_CHECKING:
    from coterie.audiences.service import Audiences
    from coterie.campaigns.service import Campaigns
    from coterie.index.service import Index
    from coterie.jobs.service import Jobs
    from coterie.tags.context import TagContext

JOURNEY, STATE = "journey", "journey_state"  # kinds of documents
DRAFT, RUNNING, PAUSED, STOPPED = "draft", "running", "paused", "stopped"
STATES = (DRAFT, RUNNING, PAUSED, STOPPED)
_EARLY_SECONDS = 30.0  # a look by schedule is not exact to the second
_STOP_WAITS_SECONDS = 60.0  # for a tick that is under way
_YEARS = (1971, 2200)
_MOST_SIMULATED = 2_000  # ticks of a dry run


@dataclass(frozen=True)
class Standing:
    """How a journey stands. version : the one that runs; errors : of the last tick, by step."""

    state: str = DRAFT
    version: int | None = None
    started_at: str | None = None
    by: str = ""
    errors: Mapping[str, Any] | None = None


class Journeys:
    """Define, start, move on and watch journeys.

    folder : where it lies where everybody is.
    """

    def __init__(
        self,
        context: TagContext,
        index: Index,
        audiences: Audiences,
        campaigns: Campaigns,
        folder: Path,
        jobs: Callable[[], Jobs],
    ) -> None:
        self.context, self.audiences, self.campaigns = context, audiences, campaigns
        self.index, self.folder, self.jobs = index, folder, jobs

    def create(self, given: Mapping[str, Any] | Path, *, name: str | None = None) -> dict[str, Any]:
        """Save a journey from a mapping or a YAML or JSON file; an existing name gets version n + 1.

        One that runs goes on as it is until it is started again. Returns journey, version, state.
        Raises Refused: a mistake, with its place; nothing was saved then.
        """
        body = read_file(given) if isinstance(given, Path) else dict(given)
        body = body if name is None else {**body, "name": name}
        made = self.check(body)
        version = self.context.store.put(JOURNEY, made.name, {"definition": plain(body)})
        return {"journey": made.name, "version": version, "state": self.standing(made.name).state}

    def check(self, given: Mapping[str, Any]) -> Journey:
        """Read a definition, and refuse what could never run."""
        made = read_journey(given, self.context.zone)
        _check_name(made.name)
        for dataset in (MOVES, EVENTS, PAGE_EVENTS):
            if dataset.name not in self.context.catalog.datasets():
                self.context.catalog.save_dataset(dataset)  # so that rules may name it before the first move
        self._check_entry(made)
        messages.purpose_of(self.campaigns, made)
        if made.zone_of is not None and made.zone_of not in self.context.catalog.tags(KIND):
            raise unknown_name("tag", made.zone_of, self.context.catalog.tags(KIND), place="zone_of")
        for n, goal in enumerate(made.exit.goals):
            check_happening(self.context, goal, f"exit.goal[{n}]")
        for step in made.steps.values():
            self._check_step(made, step)
        return made

    def _check_entry(self, made: Journey) -> None:
        entry = made.entry
        if entry.event is not None:
            check_happening(self.context, entry.event, "entry.event")
        elif entry.audience is not None:
            with journey_errors("entry.audience"):
                audience = self.audiences.get(entry.audience)
                if audience.body["entity_kind"] != KIND:
                    raise wrong("", "Journeys are of customers.", "Choose an audience of customers.")
            self._asking(now()).refuse_expired(entry.audience)

    def _check_step(self, made: Journey, step: Step) -> None:
        if isinstance(step.does, Happened):
            check_happening(self.context, step.does.event, f"steps.{step.id}.{step.does.kind}")
            if step.does.page is not None:
                self._check_page(step.does.page, f"steps.{step.id}.page")
        elif isinstance(step.does, Condition) and step.does.rule is not None:
            with journey_errors(f"steps.{step.id}.condition"):
                self._asking(now()).asked(step.does.rule)
        elif step in made.sends:
            messages.check(self.campaigns, made, step)

    def _check_page(self, page: str, place: str) -> None:
        """Refuse a landing page that is none."""
        from coterie.campaigns.library.bodies import PAGE
        from coterie.campaigns.library.service import CONTENT

        pages = [d.name for d in self.context.store.all(CONTENT) if d.body["kind"] == PAGE]
        if page not in pages:
            raise unknown_name("landing page", page, pages, place=place)

    def get(self, name: str, version: int | None = None) -> tuple[Journey, int]:
        """A journey and its version; the newest without one. Raises NotFound."""
        document = self.document(name, version)
        return read_journey(document.body["definition"], self.context.zone), document.version

    def document(self, name: str, version: int | None = None) -> Document:
        """A version as it was written. Raises NotFound."""
        found = self.context.store.find(JOURNEY, name, version)
        if found is None:
            raise unknown_name("journey", name, [d.name for d in self.context.store.all(JOURNEY)])
        return found

    def standing(self, name: str) -> Standing:
        """How a journey stands."""
        found = self.context.store.find(STATE, name)
        return Standing() if found is None else Standing(**found.body)

    def rows(self) -> list[dict[str, Any]]:
        """All journeys by name, with how they stand and how many are inside."""
        return [self._row(document) for document in self.context.store.all(JOURNEY)]

    def _row(self, document: Document) -> dict[str, Any]:
        made = read_journey(document.body["definition"], self.context.zone)
        standing, entry = self.standing(made.name), made.entry
        with self._opened(made.name, make=False) as state:
            inside = 0 if state is None else sum(state.waiting().values())
            looked = None if state is None else self._looked(state)
        return {
            "journey": made.name,
            "version": document.version,
            "running_version": standing.version,
            **{k: getattr(standing, k) for k in ("state", "started_at", "by", "errors")},
            "description": made.description,
            "owner": made.owner,
            "zone": made.zone,
            "entry": entry.audience or (entry.event.events if entry.event is not None else ""),
            "steps": len(made.steps),
            "inside": inside,
            "last_look": None if looked is None else show_moment(looked, self.context.zone),
            "saved_at": show_moment(document.created_at, self.context.zone),
        }

    def page(self, name: str, version: int | None = None) -> dict[str, Any]:
        """One version as it was written, all versions, and how the journey stands."""
        document = self.document(name, version)
        kept = self.context.store.history(JOURNEY, name)
        versions = [{"version": d.version, "saved_at": show_moment(d.created_at, self.context.zone)} for d in kept]
        return {**self._row(document), "definition": document.body["definition"], "versions": versions}

    def made_by_steps(self) -> frozenset[str]:
        """The names of the campaigns, and of the audiences, that steps of all versions of all journeys have."""
        found = set()
        for document in self.context.store.all(JOURNEY):
            for version in self.context.store.history(JOURNEY, document.name):
                made = read_journey(version.body["definition"], self.context.zone)
                found |= {messages.own_name(made.name, step.id) for step in made.sends}
        return frozenset(found)

    def prune(self) -> dict[str, list[str]]:
        """Remove the members of steps' snapshots that audiences' retention keeps no longer; which, by step's audience.

        Those of a step with a message on its way stay.
        """
        busy = {own for document in self.context.store.all(JOURNEY) for own in self._under_way(document.name)}
        known = {d.name for d in self.context.store.all(AUDIENCE)}
        removed = {own: self.audiences.retain(own).removed for own in sorted((self.made_by_steps() & known) - busy)}
        return {own: list(snapshots) for own, snapshots in removed.items() if snapshots}

    def delete(self, name: str) -> None:
        """Delete a journey that never ran. Raises Refused: it did; its history belongs to its messages."""
        self.document(name)
        if self.standing(name).started_at is not None:
            fix = f"Stop it: `coterie journey stop {name}`."
            raise Refused("journey_state", f'"{name}" has run.', place=name, fix=fix)
        self.context.store.delete(JOURNEY, name)

    def start(self, name: str, *, by: str = "", at: datetime | None = None) -> dict[str, Any]:
        """Let people in, and approve the messages of the newest version; of one that runs, take over a newer version.

        Who stands at a step that the new version has no more leaves. at : the moment; now if not given.
        Raises Refused: it runs already, or is paused.
        """
        made, version = self.get(name)
        standing = self.standing(name)
        if standing.state == PAUSED or (standing.state == RUNNING and standing.version == version):
            fix = "Save a new version first." if standing.state == RUNNING else "Resume it, or stop it first."
            raise Refused("journey_state", f'"{name}" is {standing.state}.', place=name, fix=fix)
        self.check(self.document(name).body["definition"])
        for step in made.sends:
            messages.prepare(self.campaigns, made, step)
        moment = _sane(at)
        if standing.state != RUNNING:
            with self._opened(name) as state, state.holding():
                state.note(**{STARTED: repr(moment.timestamp())})
        started = show_moment(moment, self.context.zone)
        self._put(name, Standing(RUNNING, version, started, by, None))
        self._keep_looking()
        return self.status(name)

    def pause(self, name: str) -> dict[str, Any]:
        """Move nobody and send nothing until it is resumed; the clocks of those who wait go on."""
        self._changed(name, PAUSED, (RUNNING,))
        for own in self._under_way(name):
            with suppress(Refused):
                self.campaigns.pause(own)
        return self.status(name)

    def running(self) -> list[str]:
        """Names of journeys that run."""
        return [d.name for d in self.context.store.all(JOURNEY) if self.standing(d.name).state == RUNNING]

    def hold(self, name: str, errors: Mapping[str, Any]) -> None:
        """Pause it for a reason that it says, leaving the messages that are under way as they are."""
        self._put(name, replace(self.standing(name), state=PAUSED, errors=errors))

    def held(self, code: str) -> list[str]:
        """Names of paused journeys that say this reason."""
        standings = {d.name: self.standing(d.name) for d in self.context.store.all(JOURNEY)}
        said = {
            n: [e.get("code") for e in (s.errors or {}).values()] for n, s in standings.items() if s.state == PAUSED
        }
        return [name for name, codes in said.items() if code in codes]

    def resume(self, name: str) -> dict[str, Any]:
        """Let a paused journey go on."""
        self._changed(name, RUNNING, (PAUSED,))
        for own in self._under_way(name):
            with suppress(Refused):
                self.campaigns.resume(own)
        return self.status(name)

    def stop(self, name: str, *, at: datetime | None = None) -> dict[str, Any]:
        """Let everybody out, and send nothing more. It can be started again; who was in it counts as having been."""
        self._changed(name, STOPPED, (RUNNING, PAUSED))
        self._cancel(name)  # so that a tick that sends just now ends
        with self._opened(name) as state, state.holding(_STOP_WAITS_SECONDS):
            self._cancel(name)
            state.stop(_sane(at).timestamp())
            moves.flush(self.context, name, state)
        return self.status(name)

    def _cancel(self, name: str) -> None:
        """Cancel the messages that are on their way."""
        for own in self._under_way(name):
            with suppress(Refused):
                self.campaigns.cancel(own)

    def advance(self, name: str, *, at: datetime | None = None) -> dict[str, Any]:
        """Move everybody on who is due at a moment (now), and let newcomers in; whoever is killed here calls it again.

        Returns what it did; `errors` says, by step, what could not be done.
        Raises Refused: it does not run. Failed(`locked`): another process is at it.
        """
        standing = self.standing(name)
        made, _ = self.get(name, standing.version)
        if standing.state != RUNNING:
            fix = f"`coterie journey {'resume' if standing.state == PAUSED else 'start'} {name}`."
            raise Refused("journey_state", f'"{name}" is {standing.state}.', place=name, fix=fix)
        moment = _sane(at)
        with self._opened(name) as state, state.holding():
            moves.flush(self.context, name, state)
            try:
                sender, wanted = self._sender(state, moment), self._wanted(name)
                done = Tick(made, state, self._asking(moment), sender, wanted=wanted).run()
            finally:
                moves.flush(self.context, name, state)
        errors = done.errors or None
        standing = self.standing(name)
        if errors != standing.errors:
            self._put(name, replace(standing, errors=errors))
        return done.as_dict()

    def _sender(self, state: State, moment: datetime) -> Callable[[Journey, Step, Batch], list[Move] | None]:
        def send(journey: Journey, _step: Step, batch: Batch) -> list[Move] | None:
            return messages.deliver(self.campaigns, state, journey, batch, moment)

        return send

    def _wanted(self, name: str) -> Callable[[], bool]:
        return lambda: self.standing(name).state == RUNNING

    def due(self, at: datetime | None = None) -> list[str]:
        """Journeys that run and have not looked for as long as they say, or have messages under way."""
        moment, found = at or now(), []
        for document in self.context.store.all(JOURNEY):
            standing = self.standing(document.name)
            if standing.state != RUNNING:
                continue
            made, _ = self.get(document.name, standing.version)
            with self._opened(document.name) as state:
                looked, busy = self._looked(state), bool(state.under_way())
            every = timedelta(minutes=made.every_minutes, seconds=-_EARLY_SECONDS)
            if busy or looked is None or moment - looked >= every:
                found.append(document.name)
        return found

    def status(self, name: str) -> dict[str, Any]:
        """How it stands, and its funnel."""
        document = self.document(name)
        row = {k: v for k, v in self._row(document).items() if k != "steps"}
        return {**row, **self.funnel(name)}

    def funnel(self, name: str) -> dict[str, Any]:
        """Where everybody is; see `funnel`. By the version that runs, else the newest."""
        with self._looking(name) as (made, state):
            return funnel.count(self.context, made, state)

    def people(self, name: str, step: str, bar: str, **asked: Any) -> dict[str, Any]:
        """Who waits at a step, passed it or left; see `people`."""
        with self._looking(name) as (made, state):
            return people.people(self.context, made, state, step, bar, **asked)

    def times(self, name: str) -> dict[str, Any]:
        """How long people are at each step; see `people`."""
        with self._looking(name) as (made, state):
            return {"journey": name, "steps": people.times(self.context, made, state)}

    def make_audience(self, name: str, step: str, bar: str, **asked: Any) -> dict[str, Any]:
        """Save who is in a bar of a step as an audience; see `people`."""
        with self._looking(name) as (made, state):
            return people.make_audience(self.context, self.audiences, made, state, step, bar, **asked)

    @contextmanager
    def _looking(self, name: str) -> Iterator[tuple[Journey, State]]:
        """The journey as it stands, and where everybody is; nowhere, where it never ran."""
        made = self._of_now(name)
        with self._opened(name, make=False) as state:
            if state is not None:
                yield made, state
                return
        with self._imagined() as state:
            yield made, state

    def path(self, name: str, entity: str) -> dict[str, Any]:
        """One person's way through a journey, and where they are now."""
        made = self._of_now(name)
        row = moves.row_of(self.context, entity)
        if row is None:
            raise NotFound(
                "unknown_name", f'There is no {KIND} "{entity}".', place=entity, fix="Give a key as imported."
            )
        with self._opened(name, make=False) as state:
            if state is None:
                return {"journey": name, "entity": entity, "step": None, "since": None, "due": None, "moves": []}
            return funnel.path(self.context, made, state, entity, row)

    def dry_run(self, name: str, *, at: datetime | None = None, days: int = 90) -> dict[str, Any]:
        """Where those who would come in now would be, by a clock that is only thought of; nothing is sent or kept.

        Of the newest version. Rules are asked of today's data, so it is the way of people who do nothing more.
        days : how far ahead. Returns `entrants`, `messages` (at, step, people), `moments` (the same for every step) and
        `steps`, the funnel at the end.
        """
        made, version = self.get(name)
        begin = _sane(at)
        until = (begin + timedelta(days=days)).timestamp()
        with self._imagined() as state:
            first = Tick(made, state, self._asking(begin), _as_if)
            with self._opened(name, make=False) as real:
                rows, _ = first.entrants() if real is None else Tick(made, real, self._asking(begin), _as_if).entrants()
            first.let_in(rows, {})
            first.go_on()
            errors, last = first.done.errors, begin.timestamp()
            for _ in range(_MOST_SIMULATED):
                following = state.next_due()
                if errors or following is None or not last < following <= until:
                    break
                moment, last = datetime.fromtimestamp(following, UTC), following
                errors = Tick(made, state, self._asking(moment), _as_if, entering=False).run().errors
            told = funnel.imagined(made, state, len(rows))
        return {"journey": name, "version": version, "days": days, "errors": errors or None, **told}

    def _asking(self, moment: datetime) -> Asking:
        return Asking(self.context, self.index, self.audiences, moment)

    def _of_now(self, name: str) -> Journey:
        return self.get(name, self.standing(name).version)[0]

    def _changed(self, name: str, state: str, able: tuple[str, ...]) -> None:
        self.document(name)
        standing = self.standing(name)
        if standing.state not in able:
            fix = f"This is done with one that is {' or '.join(able)}."
            raise Refused("journey_state", f'"{name}" is {standing.state}.', place=name, fix=fix)
        self._put(name, replace(standing, state=state))

    def _put(self, name: str, standing: Standing) -> None:
        self.context.store.put(STATE, name, asdict(standing))

    def _under_way(self, name: str) -> list[str]:
        """The campaigns whose occurrences were begun and have not ended."""
        with self._opened(name, make=False) as state:
            begun = [] if state is None else [(step, run) for step, run in state.under_way() if run is not None]
        found = []
        for step, run in begun:
            own = messages.own_name(name, step)
            if self.campaigns.records.occurrence(own, run).ended_at is None:
                found.append(own)
        return found

    def _looked(self, state: State) -> datetime | None:
        looked = state.fact(LOOKED)
        return datetime.fromtimestamp(float(looked), UTC) if looked else None

    def _keep_looking(self) -> None:
        """Let the worker look for what is due."""
        from coterie.campaigns.journeys import jobs as known  # its import makes the job known

        jobs = self.jobs()
        if all(row.name != known.SCHEDULE for row in jobs.schedules()):
            jobs.schedule(known.SCHEDULE, known.ADVANCE, {}, cron=known.CRON)

    def _file(self, name: str) -> Path:
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:24] / "state.sqlite"

    @contextmanager
    def _opened(self, name: str, make: bool = True) -> Iterator[Any]:
        """Where everybody is; None where it never ran, unless it is to be made."""
        path = self._file(name)
        state = State(path) if make or path.exists() else None
        try:
            yield state
        finally:
            if state is not None:
                state.close()

    @contextmanager
    def _imagined(self) -> Iterator[State]:
        """A state that is kept nowhere."""
        with tempfile.TemporaryDirectory(prefix="coterie-") as folder:
            state = State(Path(folder) / "state.sqlite")
            try:
                yield state
            finally:
                state.close()


def _as_if(_journey: Journey, _step: Step, batch: Batch) -> list[Move]:
    """As if everybody was sent it."""
    return [Move(row, "sent") for row in batch.rows]


def _sane(at: datetime | None) -> datetime:
    """A moment from which spans can be counted both ways; now if not given."""
    if at is not None and not _YEARS[0] <= at.year <= _YEARS[1]:
        fix = f"Give one from {_YEARS[0]} to {_YEARS[1]}."
        raise Refused("bad_moment", "The moment is too far away.", place="at", fix=fix)
    return at or now()


def _check_name(name: str) -> None:
    if any(c in name for c in "/@:") or name.startswith("."):
        raise wrong("name", f'"{name}" cannot name a journey.', 'Leave out "/", "@", ":" and a leading ".".')
