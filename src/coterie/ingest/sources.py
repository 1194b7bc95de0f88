"""Sources: imports that come again, from a folder, a file or a database, on a schedule or when asked.

A source keeps where its data come from and the options of its import. Files that were imported and have not changed
since are passed over; a file that comes again with the same content is a duplicate anyway, since a batch is known by
its bytes. A database is asked anew each time.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coterie.errors import CoterieError, Refused, unknown_name
from coterie.ingest.context import IngestContext
from coterie.ingest.mapping import make_spec
from coterie.ingest.readers.database import is_url
from coterie.ingest.service import import_file
from coterie.kit.moments import now
from coterie.kit.plain import plain
from coterie.kit.progress import Progress

if TYPE_CHECKING:
    from coterie.jobs.service import Jobs

KIND, RUN, JOB = "source", "source_run", "import.source"
INBOX = "inbox"  # the folder of the workspace that people may name over HTTP
_MOST_NAME = 100
_MOST_FILES = 1_000  # of one run; the rest follows at the next
_CLOCK = re.compile(
    r"(hourly)|daily ([01]?\d|2[0-3]):([0-5]\d)|weekly (mon|tue|wed|thu|fri|sat|sun) ([01]?\d|2[0-3]):([0-5]\d)"
)
_PASSWORD = re.compile(r"(://[^:/@]*):[^@]*@")
OPTIONS = (
    "kind", "name", "entity", "entity_kind", "time", "key", "target", "weight", "modality", "values", "types",
    "mapping", "replace",
)  # fmt: skip


@dataclass(frozen=True)
class DataSource:
    """An import that comes again.

    location : a path, a pattern such as `/in/orders-*.csv`, a folder (all its files), or a database URL with `#table`.
        `$NAME` stands for a variable of the environment, so that a password need not be kept here.
    options : those of `coterie import`, such as `kind`, `name`, `entity`, `time`.
    schedule : `hourly`, `daily HH:MM` or `weekly DAY HH:MM` in the workspace's zone; None: only when asked.
    last : what the last run did: `at`, `state` (completed or failed), `files`, `accepted`, `rejected`, `error`.
    """

    name: str
    location: str
    options: Mapping[str, Any]
    schedule: str | None = None
    last: Mapping[str, Any] | None = None
    seen: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """For lists; without the password of a database."""
        told = {"source": self.name, "location": _PASSWORD.sub(r"\1:***@", self.location)}
        return {**told, "dataset": self.options["name"], **self._asked(), "schedule": self.schedule, "last": self.last}

    def _asked(self) -> dict[str, Any]:
        return {"as": self.options.get("kind"), "options": {k: v for k, v in self.options.items() if k != "name"}}


class Sources:
    """The sources of one workspace."""

    def __init__(self, ctx: IngestContext, folder: Path, jobs: Callable[[], Jobs]) -> None:
        self._ctx, self._folder, self._jobs = ctx, folder, jobs

    def put(self, name: str, location: str, /, *, schedule: str | None = None, **options: Any) -> DataSource:
        """Keep a source; an existing name is replaced, and what was seen of it is forgotten.

        Raises Refused: the name, the location, the schedule or an option cannot be used.
        """
        _check_name(name)
        if not location.strip():
            raise Refused("bad_argument", "The location is empty.", place="location", fix="Give a path or a URL.")
        given = {k: v for k, v in options.items() if v is not None}
        for option in given:
            if option not in OPTIONS:
                raise unknown_name("option", option, OPTIONS, place=option)
        make_spec(given.get("mapping"), **{k: v for k, v in given.items() if k not in ("mapping", "replace")})
        cron = cron_of(schedule)
        if not given.get("name"):
            raise Refused("bad_argument", '"name" is missing.', place="name", fix="Name the dataset.")
        body = {
            "location": _absolute(location.strip()),
            "options": plain(given),
            "schedule": schedule if cron else None,
        }
        self._ctx.store.put(KIND, name, body)
        if self._ctx.store.find(RUN, name) is not None:
            self._ctx.store.delete(RUN, name)
        self._keep(name, cron)
        return self.get(name)

    def put_from_inbox(self, name: str, pattern: str, /, **options: Any) -> DataSource:
        """Keep a source of the workspace's `inbox` folder, whose files people may name who do not own the machine.

        Raises Refused(`not_allowed`): the pattern leads out of the folder.
        """
        inbox = (self._folder / INBOX).resolve()
        inbox.mkdir(exist_ok=True)
        if is_url(pattern) or "$" in pattern or ".." in Path(pattern).parts or Path(pattern).is_absolute():
            fix = "Give a name or a pattern such as orders-*.csv; anything else is added on the machine itself."
            raise Refused("not_allowed", "Only the workspace's inbox is read.", place="location", fix=fix)
        return self.put(name, str(inbox / (pattern.strip() or "*")), **options)

    def schedule(self, name: str, schedule: str | None) -> DataSource:
        """Run it at other times; None: only when asked."""
        body = dict(self._ctx.store.get(KIND, name).body)
        cron = cron_of(schedule)
        self._ctx.store.put(KIND, name, {**body, "schedule": schedule if cron else None})
        self._keep(name, cron)
        return self.get(name)

    def _keep(self, name: str, cron: str | None) -> None:
        if cron is None:
            self._jobs().unschedule(f"source {name}")
        else:
            zone = str(self._ctx.zone)
            self._jobs().schedule(f"source {name}", JOB, {"source": name}, cron=cron, zone=zone)

    def get(self, name: str) -> DataSource:
        """One source. Raises NotFound."""
        found = self._ctx.store.find(KIND, name)
        if found is None:
            raise unknown_name("source", name, [d.name for d in self._ctx.store.all(KIND)], place="source")
        run = self._ctx.store.find(RUN, name)
        told = {} if run is None else dict(run.body)
        return DataSource(name, last=told.get("last"), seen=told.get("seen", {}), **found.body)

    def all(self) -> list[DataSource]:
        """All of them, by name."""
        return [self.get(name) for name in sorted(d.name for d in self._ctx.store.all(KIND))]

    def remove(self, name: str) -> None:
        """Forget a source; what it imported stays. Raises NotFound."""
        self.get(name)
        self._jobs().unschedule(f"source {name}")
        self._ctx.store.delete(KIND, name)
        if self._ctx.store.find(RUN, name) is not None:
            self._ctx.store.delete(RUN, name)

    def waiting(self, name: str) -> list[str]:
        """What a run would import: files that are new or changed, by path, or the database."""
        source = self.get(name)
        location = os.path.expandvars(source.location)
        if is_url(location):
            return [location]
        return [path for path in _files(location) if list(source.seen.get(path, ())) != _stamp(path)][:_MOST_FILES]

    def run(self, name: str, progress: Progress | None = None) -> dict[str, Any]:
        """Import what waits; returns files, read, accepted, rejected and duplicates.

        What was imported before a failure stays, and is noted; the failure is kept with the source.
        """
        source, done = self.get(name), {"files": 0, "read": 0, "accepted": 0, "rejected": 0, "duplicates": 0}
        seen = dict(source.seen)
        try:
            for path in self.waiting(name):
                stamp = None if is_url(path) else _stamp(path)
                report = import_file(self._ctx, path, progress=progress, **source.options).as_dict()
                done["files"] += 1
                for key in ("read", "accepted", "rejected", "duplicates"):
                    done[key] += int(report[key])
                if stamp is not None:
                    seen[path] = stamp
        except CoterieError as error:
            self._note(name, seen, {"state": "failed", **done, "error": error.as_dict()})
            raise
        self._note(name, seen, {"state": "completed", **done, "error": None})
        return {"source": name, "dataset": source.options["name"], **done}

    def _note(self, name: str, seen: Mapping[str, Sequence[int]], last: Mapping[str, Any]) -> None:
        there = {path: stamp for path, stamp in seen.items() if Path(path).is_file()}
        self._ctx.store.put(RUN, name, {"seen": there, "last": {"at": now().isoformat(), **last}})


def cron_of(schedule: str | None) -> str | None:
    """The five fields of a schedule in words; None for none.

    >>> cron_of("daily 6:30"), cron_of("hourly"), cron_of("weekly mon 07:00"), cron_of(None)
    ('30 6 * * *', '0 * * * *', '0 7 * * mon', None)

    Raises Refused: it is no schedule.
    """
    if schedule is None or schedule.strip().lower() in ("", "never"):
        return None
    match = _CLOCK.fullmatch(" ".join(schedule.split()).lower())
    if match is None:
        fix = "Write hourly, daily HH:MM or weekly mon HH:MM."
        raise Refused("bad_argument", f'"{schedule}" is no schedule.', place="schedule", fix=fix)
    hourly, hour, minute, day, day_hour, day_minute = match.groups()
    if hourly:
        return "0 * * * *"
    if day:
        return f"{int(day_minute)} {int(day_hour)} * * {day}"
    return f"{int(minute)} {int(hour)} * * *"


def _absolute(location: str) -> str:
    """A path as it is found from anywhere, since the server that runs it works in another folder."""
    if is_url(location) or location.startswith("$"):
        return location
    return str(Path(location).expanduser().absolute())


def _files(location: str) -> list[str]:
    """The files that a path, a pattern or a folder stands for, oldest first. Raises Refused: there is none."""
    path = Path(location).expanduser()
    if path.is_dir():
        found = [str(p) for p in path.iterdir()]
    elif glob.has_magic(location):
        found = glob.glob(str(path))  # noqa: PTH207 - a Path refuses patterns that begin at the root
    else:
        if not path.is_file():
            raise Refused("missing_file", "There is no such file.", place=location, fix="Check the path.")
        found = [str(path)]
    files = [p for p in found if Path(p).is_file() and not Path(p).name.startswith(".")]
    return sorted(files, key=lambda p: (_stamp(p)[1], p))


def _stamp(path: str) -> list[int]:
    """Size and time of change: another one means that the file is to be read again."""
    facts = Path(path).stat()
    return [facts.st_size, facts.st_mtime_ns]


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _MOST_NAME or any(c in name for c in "/@\0"):
        fix = f'Use 1 to {_MOST_NAME} characters without "/" and "@".'
        raise Refused("bad_argument", f'"{name}" cannot name a source.', place="name", fix=fix)
