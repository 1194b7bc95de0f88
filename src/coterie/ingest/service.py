"""Import a file, a database table or a frame as one batch of a dataset."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coterie.engines.duckdb import Engine
from coterie.ingest import cleanup, segment
from coterie.ingest.batch import Batch, known_batch, publish
from coterie.ingest.context import IngestContext
from coterie.ingest.mapping import ImportSpec, make_spec
from coterie.ingest.readers.columnar import open_frame
from coterie.ingest.readers.opening import open_source
from coterie.ingest.readers.source import Source
from coterie.ingest.report import ImportReport
from coterie.ingest.table import import_table
from coterie.kit.progress import Progress


def import_file(
    ctx: IngestContext,
    source: str | Path,
    *,
    kind: str | None = None,
    name: str | None = None,
    entity: str | None = None,
    entity_kind: str | None = None,
    time: str | None = None,
    key: str | None = None,
    target: str | None = None,
    weight: str | None = None,
    modality: str | None = None,
    values: str | None = None,
    types: Mapping[str, str] | str | None = None,
    mapping: Mapping[str, Any] | str | Path | None = None,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file or a database table as one batch of a dataset.

    source : path of a CSV, TSV, JSON lines, Excel or Parquet file, plain or as .gz or .zst; or a SQLAlchemy URL with `#table` or
        `#SELECT ...`.
    kind : profiles, events, records, edges, vectors or lookup; `segment` for JSON lines of the Segment specification.
    name : of the dataset; a later file of the same name adds a batch.
    entity : column with the key, or `@row` where the row's number is to be the key.
    time, key, target, weight : columns; `key` finds duplicates across batches, and tells the records apart.
    modality, values : of vectors: their name, and the prefix of their columns or the one column of lists.
    types : declared types by column; they never widen, and values that misfit are rejects.
    mapping : a YAML file or a dict with the same words and more (see `coterie.ingest.mapping`).
    replace : close all earlier rows of the dataset.
    dry_run : make the whole pass and publish nothing.

    Raises Refused: what was given cannot be used; the message says where and what to do. Failed: the disk is full or
    read-only. Either way nothing was changed.
    """
    flags: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "entity": entity,
        "entity_kind": entity_kind,
        "time": time,
        "key": key,
    }
    flags |= {"target": target, "weight": weight, "modality": modality, "values": values, "types": types or None}
    spec = make_spec(mapping, **flags)
    with _batch(ctx, spec, replace=replace, dry_run=dry_run, progress=progress) as batch:
        opened = open_source(str(source), spec.reading, batch.engine, batch.folder("source"), progress)
        return _import(batch, opened)


def import_frame(ctx: IngestContext, frame: Any, *, label: str = "frame", **options: Any) -> ImportReport:
    """Import a pandas or Polars frame or an Arrow table; the options are those of `import_file`.

    Columns come with their own types, texts included: a text column of digits stays text unless declared.
    """
    known = {k: options.pop(k) for k in ("replace", "dry_run") if k in options}
    progress = options.pop("progress", None)
    spec = make_spec(options.pop("mapping", None), **options)
    with _batch(ctx, spec, progress=progress, **known) as batch:
        keys = [name for name in (spec.entity, spec.key, spec.target) if name is not None]
        return _import(batch, open_frame(frame, label, batch.engine, keys))


@contextmanager
def _batch(
    ctx: IngestContext, spec: ImportSpec, *, replace: bool = False, dry_run: bool = False, progress: Progress | None
) -> Iterator[Batch]:
    """The working place of one import: a folder on the workspace's disk and an engine connection of its own."""
    given = spec.clean
    spec = spec.with_clean(cleanup.confirmed(ctx.store, spec.name))
    cleanup.check_rules(spec.clean)
    with ctx.lake.staging() as folder, ctx.engine.cursor() as engine:
        _show_progress(engine)
        yield Batch(ctx, spec, engine, folder, replace, dry_run, progress, clock.monotonic())
    if not dry_run:
        cleanup.keep_rules(ctx.store, spec.name, given)


def _show_progress(engine: Engine) -> None:
    engine.execute("SET enable_progress_bar = true")
    engine.execute("SET enable_progress_bar_print = false")
    engine.execute("SET progress_bar_time = 0")


def _import(batch: Batch, source: Source) -> ImportReport:
    if not batch.dry_run and (known := known_batch(batch, source)) is not None:
        return known
    if batch.spec.segment or (batch.spec.segment is None and segment.is_segment(source, batch.engine)):
        parts = segment.import_messages(batch, source)
    else:
        parts = [import_table(batch, source)]
    return publish(batch, source, parts)
