"""Seeds of look-alikes: an audience, a snapshot, an uploaded list, or a file of keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coterie.audiences.chosen import AUDIENCE, Chooser, tags_of
from coterie.audiences.service import Question
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_value
from coterie.errors import Refused, unknown_name

if TYPE_CHECKING:
    from pyroaring import BitMap

_LIST = "list."


@dataclass(frozen=True)
class Seed:
    """People to resemble.

    tags : those that its rule reads; unmatched : keys of a file that are nobody's.
    """

    name: str
    asked: Question
    members: BitMap
    tags: frozenset[str]
    unmatched: int = 0


def find_seed(chooser: Chooser, given: str, kind: str, *, column: str | None = None, files: bool = True) -> Seed:
    """The people of a seed; a file first, then audiences, then lists (`list.NAME` is always a list).

    Raises NotFound: there is none of that name. Refused: the file or its column cannot be read.
    """
    if files and Path(given).is_file():
        return _of_file(chooser, Path(given), column, kind)
    store, name = chooser.index.context.store, given.partition("@")[0]
    audiences = {d.name for d in store.all(AUDIENCE)}
    tags = chooser.index.standings.of(kind).vocabulary.definitions
    listed = given if given.startswith(_LIST) else _LIST + given
    if name not in audiences and listed in tags:
        chosen = chooser.choose({"list": listed.removeprefix(_LIST)}, kind)
        return Seed(listed.removeprefix(_LIST), chosen.asked, chosen.members, frozenset({listed}))
    if name not in audiences:
        lists = {t.removeprefix(_LIST) for t in tags if t.startswith(_LIST)}
        raise unknown_name("audience, list or file", given, audiences | lists, place="seed")
    chosen = chooser.choose(given, kind)
    return Seed(given, chosen.asked, chosen.members, frozenset(tags_of(chosen.asked)))


def _of_file(chooser: Chooser, file: Path, column: str | None, kind: str) -> Seed:
    from coterie.index.bitmaps import from_rows
    from coterie.ingest.readers.opening import open_source
    from coterie.ingest.readers.options import ReadOptions

    everyone = chooser.choose({"all": []}, kind)
    context = chooser.index.context
    with context.lake.staging() as folder, context.engine.cursor() as engine:
        source = open_source(str(file), ReadOptions(), engine, folder, None)
        names = [c.name for c in source.columns]
        found = source.column(names[0] if column is None else column)
        if found is None:
            fix = f"There is: {', '.join(names[:8])}."
            raise Refused("missing_column", f'The file has no column "{column}".', place="--column", fix=fix)
        # a key that a spreadsheet wrote as 17850.0 is 17850
        key = f"regexp_replace(trim({found.text}), '^(-?[0-9]+)\\.0+$', '\\1')"
        keys = f"SELECT DISTINCT {key} AS key FROM {source.relation} WHERE nullif({key}, '') IS NOT NULL"
        files = context.lake.files("entities", everyone.asked.data_version)
        known = f"SELECT DISTINCT key, row FROM {scan(files)} WHERE kind = {quote_value(kind)}"
        table = engine.arrow(f"SELECT k.row FROM ({keys}) f LEFT JOIN ({known}) k USING (key)")
    rows = table["row"].drop_null()
    members = from_rows(rows.to_numpy()) & everyone.universe
    return Seed(file.stem, everyone.asked, members, frozenset(), table.num_rows - len(rows))
