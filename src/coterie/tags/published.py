"""What a question reads of builds: the moment and data version where it names none, and the files of families.

Kept apart from building, whose import would delay every count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from typing import Any

from coterie.catalog.datasets import dataset_to_dict
from coterie.catalog.definitions import spec_to_dict
from coterie.catalog.schemas import Dataset, TagDefinition
from coterie.errors import unknown_name
from coterie.kit.moments import now
from coterie.kit.progress import Progress
from coterie.lake.tables import TableFiles
from coterie.tags.context import TagContext
from coterie.tags.records import BuildRecord, Builds


def default_as_of(context: TagContext, entity_kind: str = "customer") -> datetime:
    """The as-of of a question that names none: that of the published build, else now."""
    published = Builds(context.store, entity_kind).published()
    return now() if published is None else published.as_of


def default_data_version(context: TagContext, entity_kind: str = "customer") -> int:
    """The data version of a question that names none: that of the published build, unless datasets or tags were defined
    since, or there is no build; then the newest."""
    published = Builds(context.store, entity_kind).published()
    if published is None or published.definitions != definitions_digest(context, entity_kind):
        return context.lake.data_version
    return published.data_version


def ensure(
    context: TagContext, families: Iterable[str], as_of: datetime, data_version: int, *, entity_kind: str = "customer"
) -> dict[str, TableFiles]:
    """The files of these families at one as-of and data version, built where they are not there.

    The published build answers for its own moment; it is carried on where definitions changed since. Other moments are
    built on demand, and kept beside it.
    """
    wanted = list(dict.fromkeys(families))
    if not wanted:
        return {}
    tags = context.catalog.tags(entity_kind)
    if unknown := [f for f in wanted if all(t.family != f for t in tags.values())]:
        raise unknown_name("family", unknown[0], {t.family for t in tags.values()})
    builds = Builds(context.store, entity_kind)
    published = builds.published()
    own = published is None or (as_of, data_version) == (published.as_of, published.data_version)
    known = published if own else builds.past(as_of, data_version)
    if known is not None and known.definitions != definitions_digest(context, entity_kind):
        known = None
    found = {} if known is None else _files(context, known, wanted)
    if len(found) == len(wanted):
        return found
    from coterie.tags.run import Run

    names = list(tags) if own else _of_families({f for f in wanted if f not in found}, tags)
    record = Run(context, entity_kind, as_of, data_version, names, past=not own).make(Progress())
    if own:
        builds.publish(record)
    else:
        record.families = {**({} if known is None else known.families), **record.families}
        builds.keep_past(record)
    builds.finish()
    return _files(context, record, wanted)


def _of_families(families: Set[str], tags: Mapping[str, TagDefinition]) -> list[str]:
    """The tags of these families and of all that they are made of: a family that is kept is whole."""
    from coterie.tags.order import with_needed

    names = [t.name for t in tags.values() if t.family in families]
    touched = {t.family for t in with_needed(names, tags).values()}
    return names if touched <= families else _of_families(families | touched, tags)


def _files(context: TagContext, record: BuildRecord, families: Iterable[str]) -> dict[str, TableFiles]:
    """The files of those families that the record has and that are still there."""
    found = {f: record.families[f].files(context.lake) for f in families if f in record.families}
    return {f: files for f, files in found.items() if files is not None}


def definitions_digest(context: TagContext, entity_kind: str) -> str:
    """Stands for all datasets and tags of an entity kind as they are defined now."""
    tags = context.catalog.tags(entity_kind).values()
    datasets = context.catalog.datasets().values()
    return digest([*map(tag_part, tags), *map(dataset_part, datasets)])


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def tag_part(tag: TagDefinition) -> list[Any]:
    return [tag.name, tag.type.value, tag.family, type(tag.spec).__name__, spec_to_dict(tag.spec)]


def dataset_part(dataset: Dataset) -> list[Any]:
    body = dataset_to_dict(dataset)
    fields = [[f["name"], f["type"], f["column"], f.get("scale")] for f in body["fields"]]
    return [dataset.name, dataset.kind.value, dataset.entity_kind, fields, dict(dataset.joins), dataset.partial]
