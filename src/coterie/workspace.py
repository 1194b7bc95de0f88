"""The workspace: a folder holding everything of one organisation, and the one place where the rooms meet."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from coterie.errors import Failed, Refused
from coterie.kit import moments
from coterie.settings import Settings

if TYPE_CHECKING:
    import ibis

    from coterie.audiences.alerts import Alerts
    from coterie.audiences.definitions import WorkspaceFile
    from coterie.audiences.headline import Headline
    from coterie.audiences.service import Audiences
    from coterie.campaigns.journeys.service import Journeys
    from coterie.campaigns.service import Campaigns
    from coterie.catalog.schemas import Dataset
    from coterie.catalog.service import Catalog
    from coterie.consent.service import Consent
    from coterie.destinations.service import Destinations
    from coterie.engines.duckdb import Engine
    from coterie.index.service import Index
    from coterie.ingest.context import IngestContext
    from coterie.ingest.report import ImportReport
    from coterie.ingest.sources import Sources
    from coterie.jobs.service import Jobs
    from coterie.kit.progress import Progress
    from coterie.lake.service import Lake
    from coterie.learn.segments.model import SegmentFit
    from coterie.learn.segments.reporting import Drawn, ReportOptions
    from coterie.learn.segments.service import Segments
    from coterie.learn.segments.study.make import Study
    from coterie.learn.segments.words import Language
    from coterie.store.service import Store
    from coterie.tags.context import TagContext
    from coterie.tags.service import Tags

FORMAT = 1
FACTS = "coterie.json"
_LENT = ("index", "lake", "store", "jobs")  # what openings share


@dataclass(frozen=True)
class Facts:
    """What `coterie.json` holds. `format` rises when a version of Coterie writes what older ones cannot read."""

    id: str
    zone: str
    currency: str
    created_at: str
    format: int = FORMAT
    settings: Mapping[str, Any] = field(default_factory=dict)


class Workspace:
    """An open workspace.

    >>> import coterie, tempfile
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> ws = coterie.init(folder, zone="Europe/Paris", currency="EUR")
    >>> ws.facts.zone, ws.data_version
    ('Europe/Paris', 0)
    >>> ws.close()
    """

    def __init__(self, path: Path, facts: Facts, *, read_only: bool, single_use: bool) -> None:
        self.path, self.facts, self.read_only, self.single_use = path, facts, read_only, single_use
        self.zone: ZoneInfo = moments.zone(facts.zone)
        self._lender: Workspace | None = None  # another opening, whose parts this one uses
        self._seen: tuple[tuple[int, ...], Workspace] | None = None  # as the facts were when they were read last
        self.settings = Settings(facts.settings)

    @classmethod
    def init(cls, path: str | Path, *, zone: str = "UTC", currency: str = "EUR") -> Workspace:
        """Make an empty workspace in the folder `path`, which may exist if it is empty.

        Raises Refused: there is a workspace or something else already; the zone or currency is none.
        """
        from coterie.kit.disk import disk_errors
        from coterie.lake.service import Lake

        folder = Path(path).resolve()
        moments.zone(zone)
        if not (len(currency) == 3 and currency.isalpha()):
            fix = "Use an ISO 4217 code such as EUR, USD or CNY."
            raise Refused("bad_argument", f'"{currency}" is no currency.', place="--currency", fix=fix)
        _refuse_occupied(folder)
        facts = Facts(uuid.uuid4().hex, zone, currency.upper(), moments.now().isoformat())
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            Lake.create(folder / "lake")
            write_atomically(folder / FACTS, json.dumps(asdict(facts), indent=2) + "\n")
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False, single_use: bool = False) -> Workspace:
        """Open the workspace in the folder `path`.

        single_use : for one question, so that nothing is prepared for later ones.
        Raises Refused: there is none (`not_a_workspace`), or a newer Coterie wrote it (`newer_workspace`).
        """
        folder = Path(path).resolve()
        facts = _read_facts(folder)
        closed = read_only or not os.access(folder, os.W_OK)
        return cls(folder, facts, read_only=closed, single_use=single_use)

    def close(self) -> None:
        """Give back connections; the workspace can be opened again at any time."""
        if self._lender is not None:
            for name in _LENT:
                self.__dict__.pop(name, None)
        if "index" in self.__dict__:
            self.index.standings.close()
        for name in ("jobs", "engine", "store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Coterie workspace {self.path.name!r}, data version {self.data_version}>"

    @property
    def data_version(self) -> int:
        """The newest data version; 0 before the first import."""
        return self.lake.data_version

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        from coterie.lake.service import Lake

        wait = self.settings.number("lock_wait_seconds")
        return Lake.open(self.path / "lake", lock_wait_seconds=wait, read_only=self.read_only)

    @cached_property
    def store(self) -> Store:
        """The metadata."""
        from coterie.kit.disk import disk_errors
        from coterie.store.service import Store

        url = str(self.settings["metadata_url"]) or f"sqlite:///{self.path / 'meta.sqlite'}"
        with disk_errors():
            return Store.open(url)

    @cached_property
    def engine(self) -> Engine:
        """DuckDB, opened when first needed."""
        from coterie.engines.duckdb import Engine

        if self._lender is not None:
            return self._lender.engine.cursor()
        return Engine.open(self.settings, self.path / "staging" / "spill")

    @cached_property
    def catalog(self) -> Catalog:
        """Definitions of datasets and tags."""
        from coterie.catalog.service import Catalog

        return Catalog(self.store)

    @cached_property
    def ingest_context(self) -> IngestContext:
        """What importing works with."""
        from coterie.ingest.context import IngestContext

        return IngestContext(self.engine, self.lake, self.store, self.zone, self.settings)

    @cached_property
    def sources(self) -> Sources:
        """Imports that come again."""
        from coterie.ingest.sources import Sources

        return Sources(self.ingest_context, self.path, lambda: self.jobs)

    def load(self, source: str | Path, *, kind: str, name: str, **options: Any) -> ImportReport:
        """Import a file or database table; the options are those of `coterie import`."""
        from coterie.ingest.service import import_file

        return import_file(self.ingest_context, str(source), kind=kind, name=name, **options)

    @cached_property
    def tag_context(self) -> TagContext:
        """What tag building works with."""
        from coterie.tags.context import TagContext

        parts = (self.engine, self.lake, self.store, self.catalog, self.zone, self.facts.currency, self.settings)
        return TagContext(*parts)

    @cached_property
    def tags(self) -> Tags:
        """Define, build, read and publish tags."""
        from coterie.tags.service import Tags

        return Tags(self.tag_context)

    @cached_property
    def audiences(self) -> Audiences:
        """Count, save, refresh, explain and export audiences."""
        from coterie.audiences.service import Audiences

        return Audiences(self.index, self.path / "snapshots", lambda: self.jobs)

    @property
    def alerts(self) -> Alerts:
        """What is watched of audiences, and what was raised."""
        return self.audiences.alerts

    @cached_property
    def headline(self) -> Headline:
        """The figures of the first page."""
        from coterie.audiences.headline import Headline

        return Headline(self.tag_context, self.index, self.path / "cache" / "headline")

    @cached_property
    def index(self) -> Index:
        """Bitmaps of conditions and columns of tags, for counts in milliseconds."""
        from coterie.index.service import Index

        own = () if self.settings["metadata_url"] else (self.path / "meta.sqlite", self.lake.journal.path)
        folder = self.path / "cache" / "index"
        return Index(self.tag_context, folder, live=not self.single_use, watched=own)

    @cached_property
    def jobs(self) -> Jobs:
        """The queue of jobs, and schedules."""
        import coterie.audiences.jobs
        import coterie.campaigns.jobs
        import coterie.campaigns.journeys.jobs
        import coterie.ingest.jobs
        import coterie.learn.segments.jobs
        import coterie.tags.jobs
        from coterie.jobs.service import Jobs

        assert coterie.audiences.jobs and coterie.campaigns.jobs and coterie.tags.jobs  # they register their jobs
        assert coterie.campaigns.journeys.jobs and coterie.ingest.jobs and coterie.learn.segments.jobs
        return Jobs(str(self.settings["jobs_url"]) or f"sqlite:///{self.path / 'jobs.sqlite'}", self.path)

    @cached_property
    def destinations(self) -> Destinations:
        """The receivers of audiences."""
        from coterie.destinations.service import Destinations

        return Destinations(self.store, self.settings)

    @cached_property
    def consent(self) -> Consent:
        """Who agreed to what, and who must not be addressed."""
        from coterie.consent.service import Consent

        return Consent(self.tag_context)

    @cached_property
    def campaigns(self) -> Campaigns:
        """Define, plan, approve, send and read campaigns."""
        from coterie.campaigns.service import Campaigns

        folder = self.path / "campaigns"
        return Campaigns(self.tag_context, self.audiences, self.consent, self.destinations, folder, lambda: self.jobs)

    @cached_property
    def journeys(self) -> Journeys:
        """Define, start, move on and watch journeys."""
        from coterie.campaigns.journeys.service import Journeys

        parts = (self.tag_context, self.index, self.audiences, self.campaigns, self.path / "journeys")
        return Journeys(*parts, lambda: self.jobs)

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Be the one process that runs this workspace's jobs, for a block; gives False where another one is."""
        from coterie.campaigns.jobs import GOALS
        from coterie.campaigns.journeys.jobs import PRUNE
        from coterie.jobs.worker import working
        from coterie.tags.jobs import UPKEEP, VACUUM

        apart = [sys.executable, "-P", "-m", "coterie.cli.stage", str(self.path)]
        with working(self.path, self.jobs.url, lambda: Workspace.open(self.path), apart) as mine:
            if mine:
                self.jobs.schedule("upkeep", UPKEEP, {}, cron="*/10 * * * *")
                self.jobs.schedule("campaign goals", GOALS, {}, cron="*/10 * * * *")
                self.jobs.schedule("vacuum", VACUUM, {}, cron="30 3 * * *", zone=self.facts.zone)
                self.jobs.schedule("journey snapshots", PRUNE, {}, cron="45 3 * * *", zone=self.facts.zone)
            yield mine

    def again(self) -> Workspace:
        """Another opening of the same workspace, for one request of many: with settings as they are now.

        It uses what any number of threads may share (index, tables, metadata, queue) and gives back only what is its own;
        its connection is another one to the same DuckDB, whose opening would take longer than most questions.
        """
        written = (self.path / FACTS).stat()
        mark = (written.st_mtime_ns, written.st_size, written.st_ino)
        if self._seen is None or self._seen[0] != mark:
            self._seen = (mark, Workspace.open(self.path))
        found = copy.copy(self._seen[1])
        found._lender = self
        for name in _LENT:
            found.__dict__[name] = getattr(self, name)
        return found

    @cached_property
    def segments(self) -> Segments:
        """Fit, predict and report segments."""
        from coterie.learn.segments.service import Segments

        return Segments(self.tag_context, self.audiences, self.path / "reports", _draw_segments)

    def write_campaign_report(
        self, name: str, to: Path, *, run: str | None = None, language: Language = "en", segments: Sequence[str] = ()
    ) -> int:
        """Write what a run brought as one HTML file; returns its size in bytes. Raises Refused: it cannot be compared."""
        from coterie.campaigns.results import read
        from coterie.kit.disk import disk_errors
        from coterie.report.experiments import experiment_report_html

        found, names, title = read(self.campaigns, name, run, language, segments)
        page = experiment_report_html(found, language=language, title=title, names=names)
        with disk_errors():
            return to.write_text(page, encoding="utf-8")

    def write_segment_report(
        self,
        name: str,
        to: Path,
        *,
        version: int | None = None,
        language: Language = "en",
        options: ReportOptions | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write the report of a segmentation as one HTML file, or its figures as .json; returns its size in bytes."""
        from coterie.kit.disk import disk_errors

        if to.suffix.lower() == ".json":
            figures = self.segments.figures(name, version, options, progress)
            text = json.dumps(figures, ensure_ascii=False, indent=1)
        else:
            text = self.segments.report(name, version, language, options, progress)
        with disk_errors():
            write_atomically(to, text)
            return to.stat().st_size

    def backup(self, to: Path) -> int:
        """Copy the workspace into the new folder `to` while others go on working; returns the number of data files.

        With a metadata store elsewhere (`metadata_url`), that is backed up with its own tools.
        """
        from coterie.lake import upkeep

        _refuse_occupied(to.resolve())
        to.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.path / FACTS, to / FACTS)
        if not self.settings["metadata_url"]:
            with sqlite3.connect(self.path / "meta.sqlite") as source, sqlite3.connect(to / "meta.sqlite") as copy:
                source.backup(copy)
        for folder in _COPIED:
            if (self.path / folder).is_dir():
                shutil.copytree(self.path / folder, to / folder, ignore=_WORKED_ON)
        return upkeep.backup(self.lake, to / "lake", lambda: self._copy_outboxes(to))

    def _copy_outboxes(self, to: Path) -> None:
        """Outboxes that may be worked on, and what came beside them since the folders were copied.

        Nothing is published meanwhile, so that what each has noted is either in its copy or in the copy of the lake.
        """
        for box in [box for folder in _COPIED for box in (self.path / folder).rglob("*.sqlite")]:
            copied = to / box.relative_to(self.path)
            copied.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(box, timeout=30)) as source, closing(sqlite3.connect(copied)) as copy:
                source.backup(copy)
            shutil.copytree(box.parent, copied.parent, ignore=_WORKED_ON, dirs_exist_ok=True, copy_function=_copy_new)

    @classmethod
    def restore(cls, source: str | Path, path: str | Path, *, hold: bool = False) -> Workspace:
        """Make a workspace in the new folder `path` from a backup.

        Campaigns and journeys that were under way are paused there (`restored`): nobody knows what the original sent since.
        With a metadata store elsewhere (`metadata_url`) they are not, as it may be the original's own.
        hold : pause them there too, since that store is a copy.
        """
        from coterie.campaigns import restored
        from coterie.kit.disk import disk_errors

        folder = Path(path).resolve()
        _read_facts(Path(source).resolve())
        _refuse_occupied(folder)
        with disk_errors():
            shutil.copytree(source, folder, dirs_exist_ok=True)
        made = cls.open(folder)
        if hold or not made.settings["metadata_url"]:
            restored.hold(made.campaigns, made.journeys)
        return made

    def compact(self) -> list[dict[str, Any]]:
        """Join small files of all shared tables, and give events the row numbers of their entities."""
        from coterie.catalog.schemas import DatasetKind
        from coterie.lake import upkeep
        from coterie.tags.numbered import number

        events = {d.table: d.name for d in self.catalog.datasets().values() if d.kind is DatasetKind.EVENTS}
        shared = [t for t in self.lake.table_names() if not t.startswith("tags/")]
        done = (number(self.tag_context, events[t]) if t in events else upkeep.compact(self.lake, t) for t in shared)
        return [found._asdict() for found in done]

    def vacuum(self, *, keep_hours: float = 24) -> int:
        """Delete files that no table holds any more; returns how many."""
        from coterie.lake import upkeep

        return upkeep.vacuum(self.lake, keep_hours=keep_hours)

    def dataset_rows(self) -> list[dict[str, Any]]:
        """What is imported: one row a dataset."""
        return [self._dataset_row(dataset) for dataset in self.catalog.datasets().values()]

    def _dataset_row(self, dataset: Dataset) -> dict[str, Any]:
        batches = self.lake.batches(dataset.name)
        return {
            "dataset": dataset.name,
            "kind": dataset.kind.value,
            "entity_kind": dataset.entity_kind,
            "rows": sum(int(b.facts.get("accepted", 0)) for b in batches),
            "rejected": sum(int(b.facts.get("rejected", 0)) for b in batches),
            "batches": len(batches),
            "fields": len(dataset.fields),
            "last_import": batches[-1].published_at if batches else None,
        }

    def apply(self, file: Path, *, dry_run: bool = False) -> list[dict[str, str]]:
        """Make the definitions what a YAML file says; returns the plan: a row for each definition that differs.

        All are made, or none where one is refused.
        Definitions that the file does not name stay as they are. With `dry_run` nothing is changed.
        Raises Refused: a mistake in the file, with its place.
        """
        from coterie.audiences.definitions import read_workspace_file
        from coterie.campaigns import definitions

        wanted = read_workspace_file(file)
        ordered, plan = wanted.in_order(), self._differences(wanted)
        if not dry_run and plan:
            with self.store.together():
                if wanted.tags.recipes or wanted.tags.tags:
                    self.tags.define(wanted.tags.recipes, wanted.tags.tags)
                for kind, name, body in ordered:
                    save = self.audiences.blocks.save if kind == "block" else self.audiences.save
                    save(name, body["rule"], **{k: v for k, v in body.items() if k != "rule"})
                for name, body in wanted.alerts.items():
                    self.alerts.add(name, **body)
                for name, body in wanted.content.items():
                    self.campaigns.library.keep(name, **body)
                told = {(row["what"], row["name"]) for row in plan}
                made = {name: body for name, body in wanted.campaigns.items() if ("campaign", name) in told}
                ways = {name: body for name, body in wanted.journeys.items() if ("journey", name) in told}
                definitions.keep(self.campaigns, self.journeys, made, ways)
        return plan

    def _differences(self, wanted: WorkspaceFile) -> list[dict[str, str]]:
        from coterie.campaigns.definitions import as_kept
        from coterie.catalog.definitions import recipe_to_dict
        from coterie.kit.plain import plain

        now = self._definitions()
        recipes = {r["recipe"]: r for r in now["recipes"]}
        tags = {t["name"]: t for t in now["tags"]}
        after: list[tuple[str, str, Any, Any]] = [
            ("recipe", r.id, recipe_to_dict(r), recipes.get(r.recipe)) for r in wanted.tags.recipes
        ]
        after += [("tag", str(t.get("name")), t, tags.get(str(t.get("name")))) for t in wanted.tags.tags]
        after += [(kind, name, body, now[f"{kind}s"].get(name)) for kind, name, body in wanted.in_order()]
        after += [("alert", name, body, now["alerts"].get(name)) for name, body in wanted.alerts.items()]
        after += [
            ("content", name, body, _as_far(now["content"].get(name), body)) for name, body in wanted.content.items()
        ]
        after += [
            ("campaign", name, as_kept(self.campaigns, name, body), now["campaigns"].get(name))
            for name, body in wanted.campaigns.items()
        ]
        after += [("journey", name, body, now["journeys"].get(name)) for name, body in wanted.journeys.items()]
        return [
            {"what": kind, "name": name, "change": "new" if old is None else "changed"}
            for kind, name, new, old in after
            if plain(new) != plain(old)
        ]

    def export(self, file: Path) -> int:
        """Write all definitions to a YAML file; returns how many. Applying it again changes nothing."""
        import yaml

        body = self._definitions()
        write_atomically(file, yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=120))
        return sum(len(part) for part in body.values())

    def _definitions(self) -> dict[str, Any]:
        from coterie.audiences.life import About
        from coterie.campaigns.definitions import campaigns_kept, journeys_kept

        own = self.journeys.made_by_steps()  # which starting a journey makes
        saved = {d.name: d.body for d in self.store.all("audience") if d.name not in own}
        audiences = {name: {"rule": b["rule"], **About.of(b).told()} for name, b in saved.items()}
        told = ("rule", "description")
        blocks = {d.name: {k: d.body[k] for k in told if d.body[k]} for d in self.store.all("block")}
        alerts = {d.name: {k: v for k, v in d.body.items() if v is not None} for d in self.store.all("alert")}
        return {**self.catalog.export(), "blocks": blocks, "audiences": audiences, "alerts": alerts} | {
            "content": self.campaigns.library.kept(),
            "campaigns": campaigns_kept(self.campaigns, self.journeys),
            "journeys": journeys_kept(self.journeys),
        }

    def reject_rows(self, name: str, limit: int) -> list[dict[str, Any]]:
        """The first rejects of a dataset: file, line, column, value, reason."""
        sql = f'SELECT file, line, "column", value, reason FROM {self._rejects(name)} LIMIT {max(limit, 0)}'
        return list(self.engine.arrow(sql).to_pylist())

    def write_rejects(
        self, name: str, to: Path, *, reason: str | None = None, headings: Mapping[str, str] | None = None
    ) -> int:
        """Write the rejects of a dataset, of one reason or all, with the row itself, to a .csv, .parquet or .xlsx file.

        headings : what the columns file, line, column, value, reason and raw are called in it.
        """
        from coterie.engines.export import write
        from coterie.engines.sql import quote_name, quote_value

        columns = ("file", "line", "column", "value", "reason", "raw")
        named = ", ".join(f"{quote_name(c)} AS {quote_name((headings or {}).get(c, c))}" for c in columns)
        where = "" if reason is None else f" WHERE reason = {quote_value(reason)}"
        return write(self.engine, f"SELECT {named} FROM {self._rejects(name)}{where}", to)

    def _rejects(self, name: str) -> str:
        from coterie.engines.duckdb import scan
        from coterie.engines.sql import quote_value

        self.catalog.dataset(name)
        files = self.lake.files("rejects")
        if not files.columns:
            columns = ("file", "line", '"column"', "value", "reason", "raw")
            return f"(SELECT {', '.join(f'NULL AS {c}' for c in columns)} WHERE false)"
        return f"(SELECT * FROM {scan(files)} WHERE dataset = {quote_value(name)} ORDER BY _batch, line)"

    def table(self, name: str) -> ibis.Table:
        """A dataset as an ibis table, at the newest data version, on an engine of its own."""
        import ibis

        from coterie.engines.duckdb import Engine, scan
        from coterie.engines.sql import quote_name

        dataset = self.catalog.dataset(name)
        engine = Engine.open(self.settings, self.path / "staging" / "spill")
        engine.execute(f"CREATE VIEW {quote_name(name)} AS SELECT * FROM {scan(self.lake.files(dataset.table))}")
        return ibis.duckdb.from_connection(engine.raw()).table(name)

    def moment(self, text: str | None, *, place: str | None = None) -> Any:
        """A moment as people write it, in the workspace's zone; None stays None."""
        return None if text is None else moments.parse_moment(text, self.zone, place=place)


def _copy_new(source: str, target: str) -> str:
    return target if Path(target).exists() else shutil.copy2(source, target)


_WORKED_ON = shutil.ignore_patterns("*.sqlite*", "*.part")
_COPIED = ("snapshots", "reports", "campaigns", "journeys")


def _as_far(known: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a file says of content: one that does not ask for it to be published leaves that as it is."""
    return known if known is None or "published" in wanted else {k: v for k, v in known.items() if k != "published"}


def _draw_segments(fit: SegmentFit, study: Study, title: str) -> Drawn:
    from coterie.learn.segments.reporting import Drawn
    from coterie.report.segment_json import report_json
    from coterie.report.segments import segment_report_html

    english = segment_report_html(fit, title, language="en", study=study)
    return Drawn(english, segment_report_html(fit, title, language="zh", study=study), report_json(fit, study))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with staged.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    staged.replace(path)


def _refuse_occupied(folder: Path) -> None:
    if (folder / FACTS).exists():
        raise Refused(
            "workspace_exists", "There is a workspace already.", place=folder.name, fix="Open it, or choose another."
        )
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        fix = "Choose a new or an empty folder."
        raise Refused("bad_argument", "The folder is not empty.", place=folder.name, fix=fix)


def _read_facts(folder: Path) -> Facts:
    path = folder / FACTS
    if not path.is_file():
        fix = "Make one with `coterie init DIR`, or say where it is with -w DIR."
        raise Refused("not_a_workspace", f'"{folder.name}" is not a workspace.', place=folder.name, fix=fix)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        newer = int(found["format"]) > FORMAT
        facts = None if newer else Facts(**found)
    except (ValueError, TypeError, KeyError) as error:
        raise Failed(
            "damaged", f"{FACTS} cannot be read: {error}.", place=FACTS, fix="Restore it from a backup."
        ) from None
    if facts is None:
        message = f"The workspace has format {found['format']}; this Coterie knows {FORMAT}."
        raise Refused("newer_workspace", message, place=FACTS, fix="Upgrade Coterie; nothing was touched.")
    return facts
