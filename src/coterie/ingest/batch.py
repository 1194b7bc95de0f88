"""One batch: the working place of an import, and the publish of what it staged."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coterie.catalog.datasets import dataset_from_dict, dataset_to_dict
from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.catalog.service import Catalog
from coterie.engines.duckdb import Engine, parquet
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import Refused
from coterie.ingest.context import IngestContext
from coterie.ingest.evolve import joins
from coterie.ingest.mapping import ImportSpec
from coterie.ingest.numbering import ENTITIES, StagedTable, number_entities, reasons, without_duplicates
from coterie.ingest.readers.source import Source
from coterie.ingest.report import ImportReport
from coterie.kit.plain import plain
from coterie.kit.progress import Progress
from coterie.lake.service import Published, Staged

REJECTS = "rejects"
_SHOWN_ROWS = 10


@dataclass(frozen=True)
class Batch:
    """The working place of one import.

    engine : a connection of its own, for its temporary tables. work : a folder on the workspace's disk.
    """

    ctx: IngestContext
    spec: ImportSpec
    engine: Engine
    work: Path
    replace: bool
    dry_run: bool
    progress: Progress | None
    started: float

    def folder(self, name: str) -> Path:
        """A fresh folder of that name, or of the name and a number."""
        n, path = 1, self.work / name
        while path.exists():
            n, path = n + 1, self.work / f"{name}-{n + 1}"
        path.mkdir()
        return path

    @property
    def catalog(self) -> Catalog:
        """Definitions of the datasets."""
        return Catalog(self.ctx.store)

    def earlier(self, name: str) -> Dataset | None:
        """The dataset of that name, or None."""
        return self.catalog.datasets().get(name)


@dataclass(frozen=True)
class Part:
    """What a batch brings to one dataset.

    read : rows of the source that belong to it, rejected ones included.
    rejects : a Parquet file (line, column, value, reason, raw), None where there are none.
    counted : False where the same rows count in another part already.
    """

    dataset: Dataset
    staged: StagedTable
    read: int
    rejected: int
    rejects: Path | None
    notes: tuple[str, ...] = ()
    counted: bool = True


def content_hash(source: Source, spec: ImportSpec) -> str:
    """SHA-256 of the source's bytes and of the mapping."""
    return hashlib.sha256(f"{source.facts().digest}\n{spec.fingerprint()}".encode()).hexdigest()


def batch_hash(batch: Batch, source: Source) -> str:
    """What makes a batch the same as an earlier one: content and mapping, and the last publish that closed the rows before
    it. So a file that was replaced by another can be imported again."""
    content = content_hash(source, batch.spec)
    earlier = batch.ctx.lake.batches(batch.spec.name)
    floor = batch.ctx.lake.files(f"data/{batch.spec.name}").floor
    if not batch.replace:
        return _salted(content, floor)
    visible = [b for b in earlier if b.data_version >= floor]
    if len(visible) == 1 and visible[0].facts.get("content_hash") == content:
        return visible[0].batch_hash  # it holds nothing else already
    return _salted(content, earlier[-1].data_version if earlier else 0)


def _salted(content: str, version: int) -> str:
    return content if not version else hashlib.sha256(f"{content}\n{version}".encode()).hexdigest()


def known_batch(batch: Batch, source: Source) -> ImportReport | None:
    """The report of a batch that was published before, found without reading the rows again."""
    size = source.size_bytes
    earlier = [b for b in batch.ctx.lake.batches(batch.spec.name) if b.facts.get("size_bytes") == size]
    if not earlier:
        return None
    wanted = batch_hash(batch, source)
    found = next((b for b in earlier if b.batch_hash == wanted), None)
    if found is None:
        return None
    return _again(batch, Published(found.data_version, True, found.facts))


def publish(batch: Batch, source: Source, parts: Sequence[Part]) -> ImportReport:
    """Number the entities, drop duplicates and publish; or, in a dry run, only tell what would be.

    Raises Refused(`nothing_accepted`): no row can be used.
    """
    counted = [p for p in parts if p.counted]
    lake, notes = batch.ctx.lake, tuple(dict.fromkeys((*source.notes, *(n for p in parts for n in p.notes))))
    sample = _sample(batch.engine, parts[0]) if batch.dry_run else ()
    shown = _shown_rejects(batch.engine, source.label, counted)
    facts = _given(batch, source, parts)

    def stage(base: int) -> Staged:
        return _stage(batch, source, parts, base, facts)

    if batch.dry_run:
        staged = stage(lake.data_version)
        return _report(batch, staged.facts, lake.data_version, notes=notes, sample=sample, rejects=shown)
    published = lake.publish(batch_hash(batch, source), stage, dataset=batch.spec.name)
    _save(batch, [p.dataset for p in parts])
    if published.already:
        return _again(batch, published)
    return _report(batch, published.facts, published.data_version, notes=notes, rejects=shown)


def _given(batch: Batch, source: Source, parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "source": source.label,
        "size_bytes": source.size_bytes,
        "content_hash": content_hash(source, batch.spec),
        "read": sum(p.read for p in parts if p.counted),
        "rejected": sum(p.rejected for p in parts if p.counted),
        "types": {f.name: f.type.value for f in parts[0].dataset.fields},
        "definitions": [dataset_to_dict(p.dataset) for p in parts],
        "replace": batch.replace,
    }


def _stage(batch: Batch, source: Source, parts: Sequence[Part], base: int, given: Mapping[str, Any]) -> Staged:
    """Everything that depends on what the lake holds at `base`."""
    folder, engine, lake = batch.folder(f"stage-{base}"), batch.engine, batch.ctx.lake
    appends: dict[str, list[Path]] = {}
    duplicates, fresh_files = 0, []
    for n, part in enumerate(parts):
        if not part.staged.rows:
            continue  # only rejects
        fresh = without_duplicates(engine, lake, part.staged, base, folder / f"fresh-{n}.parquet")
        duplicates += fresh.duplicates if part.counted else 0
        if fresh.rows:
            appends.setdefault(part.staged.table, []).append(fresh.path)
            fresh_files.append((fresh.path, part.staged.entities))
    numbered = number_entities(engine, lake, fresh_files, base, folder / "entities.parquet")
    if numbered.path is not None:
        appends[ENTITIES] = [numbered.path]
    counted = [p for p in parts if p.counted]
    rejects = _reject_rows(engine, source.label, counted, folder / "rejects.parquet")
    if rejects is not None:
        appends[REJECTS] = [rejects]
    accepted = given["read"] - given["rejected"] - duplicates
    told = reasons(engine, rejects)
    if not accepted and not duplicates and not batch.dry_run:
        raise _nothing_accepted(source, told, _shown_rejects(engine, source.label, counted))
    counts = {"accepted": accepted, "duplicates": duplicates, "entities": numbered.entities}
    facts = {**given, **counts, "new_entities": numbered.new, "reject_reasons": dict(told)}
    closed = [p.staged.table for p in parts] if batch.replace else []
    return Staged(appends, facts, closed)


def _nothing_accepted(source: Source, told: Mapping[str, int], shown: Sequence[Mapping[str, Any]]) -> Refused:
    counted = ", ".join(f"{reason} {n:,}" for reason, n in told.items())
    first = shown[0]
    where = f"{source.label}:{first['line']}" if first["line"] else source.label
    column = f", column {first['column']}" if first["column"] else ""
    fix = f"The first is on line {first['line']}{column}. Check the columns, the delimiter and --types."
    return Refused("nothing_accepted", f"No row can be used: {counted}.", place=where, fix=fix)


def _rejects_union(parts: Sequence[Part]) -> str | None:
    files = [(p.dataset.name, p.rejects) for p in parts if p.rejects is not None and p.rejected]
    selects = [f"SELECT {quote_value(name)} AS dataset, * FROM {parquet(path)}" for name, path in files]
    return f"({' UNION ALL '.join(selects)})" if selects else None


def _reject_rows(engine: Engine, label: str, parts: Sequence[Part], path: Path) -> Path | None:
    union = _rejects_union(parts)
    if union is None:
        return None
    texts = ", ".join(f'"{name}"::VARCHAR AS "{name}"' for name in ("column", "value", "reason", "raw"))
    columns = f"dataset, {quote_value(label)} AS file, line::BIGINT AS line, {texts}, NULL::BIGINT AS _batch"
    engine.copy_parquet(f"SELECT {columns} FROM {union} ORDER BY dataset, line", path)
    return path


def _shown_rejects(engine: Engine, label: str, parts: Sequence[Part]) -> list[dict[str, Any]]:
    union = _rejects_union(parts)
    if union is None:
        return []
    query = f'SELECT line, "column", value, reason FROM {union} ORDER BY line NULLS LAST LIMIT {_SHOWN_ROWS}'
    names = ("file", "line", "column", "value", "reason")
    return [dict(zip(names, (label, *row), strict=True)) for row in engine.rows(query)]


def _sample(engine: Engine, part: Part) -> list[dict[str, Any]]:
    fields = [f for f in part.dataset.fields if f.column != "_values"]
    named = ", ".join(f"{quote_name(f.column)} AS {quote_name(f.name)}" for f in fields)
    entity = "" if any(f.column == "_entity" for f in fields) or not part.staged.entities else "_entity, "
    source = parquet(part.staged.path)
    rows = engine.arrow(f"SELECT {entity}{named} FROM {source} LIMIT {_SHOWN_ROWS}").to_pylist()
    return [plain(row) for row in rows]


def _again(batch: Batch, published: Published) -> ImportReport:
    """The report of a batch that is there already: all its rows are duplicates."""
    facts = dict(published.facts)
    _save(batch, [dataset_from_dict(d) for d in facts.get("definitions", [])], only_missing=True)
    nothing = {"accepted": 0, "rejected": 0, "duplicates": facts["read"], "entities": 0, "new_entities": 0}
    facts |= {**nothing, "reject_reasons": {}}
    note = f"This file was imported before, as data version {published.data_version}; nothing was changed."
    return _report(batch, facts, published.data_version, notes=(note,))


def _save(batch: Batch, datasets: Sequence[Dataset], *, only_missing: bool = False) -> None:
    """Keep the definitions, and the joins of datasets to lookups that came now."""
    catalog = batch.catalog
    known = catalog.datasets()
    for dataset in datasets:
        if not (only_missing and dataset.name in known):
            known[dataset.name] = dataset
            catalog.save_dataset(joins(dataset, known))
    if any(d.kind is DatasetKind.LOOKUP for d in datasets):
        for dataset in known.values():
            joined = joins(dataset, known)
            if joined != dataset:
                catalog.save_dataset(joined)


def _report(batch: Batch, facts: Mapping[str, Any], version: int, **more: Any) -> ImportReport:
    counts: Counter[str] = Counter()
    counts.update(facts["reject_reasons"])
    numbers = ("read", "accepted", "rejected", "duplicates", "entities", "new_entities")
    counted: dict[str, Any] = {n: int(facts[n]) for n in numbers}
    return ImportReport(
        dataset=batch.spec.name,
        **counted,
        reject_reasons=dict(counts.most_common()),
        types=dict(facts["types"]),
        data_version=version,
        mapping=json.loads(json.dumps(batch.spec.shown(), default=str)),
        dry_run=batch.dry_run,
        seconds=round(time.monotonic() - batch.started, 3),
        **more,
    )
