"""The figures of the first page: how many customers there are, how many are active, new and at risk, and money.

They are those of the published build and of thirty days before, and hold for as long as build and definitions do. So they
are made when tags are built, and kept as small files; all of these can be deleted and are made again.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.catalog.definitions import recipe_to_dict
from coterie.catalog.schemas import DatasetKind, RecipeUse
from coterie.engines.duckdb import Engine
from coterie.engines.sql import quote_name, quote_value
from coterie.errors import CoterieError
from coterie.index.service import Index
from coterie.index.standing import Standing
from coterie.kit.moments import before
from coterie.kit.plain import plain
from coterie.rules.expressions import Resolved, parse_expression
from coterie.rules.fields import find_field, joins_sql
from coterie.tags.context import TagContext
from coterie.tags.views import View
from coterie.tags.vocabulary import CatalogVocabulary

if TYPE_CHECKING:  # NumPy costs a single command a tenth of a second
    import numpy as np
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]

KIND, SPAN, LONG = "customer", "30d", "90d"
_FORMAT = 1  # rises when the figures mean something else
_MOST_KEPT = 16  # files
_BATCH_ROWS = 262_144
_MAKING = threading.Lock()  # the first visitors of one build wait for each other, and one of them counts


class Told(NamedTuple):
    """Figures as of a moment, and those of thirty days before."""

    as_of: datetime
    data_version: int
    figures: dict[str, Any]
    previous: dict[str, Any]


class Headline:
    """The figures of one workspace.

    folder : where they are kept.
    """

    def __init__(self, context: TagContext, index: Index, folder: Path) -> None:
        self._context, self._index, self._folder = context, index, folder

    def now(self) -> Told:
        """The figures of the published build. Without one they are those of this moment, and not kept."""
        standing = self._index.standings.of(KIND)
        as_of, version = standing.as_of(self._context), standing.data_version
        if standing.record is None:
            return Told(as_of, version, *self._made(as_of, version))
        file = self._file(standing, as_of, version)
        found = _read(file)
        if found is None:
            with _MAKING:
                found = _read(file) or self._made(as_of, version)
                self._keep(file, found)
        return Told(as_of, version, *found)

    def make_behind(self) -> None:
        """Make them in the background, so that nobody waits for them."""
        if self._index.standings.of(KIND).record is not None:
            threading.Thread(target=self._try, name="headline", daemon=True).start()

    def _try(self) -> None:
        with suppress(CoterieError):  # the first visitor is told
            self.now()

    def _file(self, standing: Standing, as_of: datetime, version: int) -> Path:
        """Named by all that the figures depend on."""
        recipes = [recipe_to_dict(use) for use in self._context.catalog.recipes()]
        place = (str(self._context.zone), self._context.currency)
        depends = [_FORMAT, as_of.astimezone(UTC), version, standing.definitions, recipes, place]
        name = hashlib.sha256(json.dumps(depends, default=str, sort_keys=True).encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"

    def _keep(self, file: Path, found: Sequence[dict[str, Any]]) -> None:
        """Write the file and forget the oldest ones; on a full disk they are made again at the next visit."""
        staged = file.with_name(f".{uuid.uuid4().hex}")
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            staged.write_text(json.dumps(found), encoding="utf-8")
            staged.replace(file)
            kept = sorted(file.parent.glob("*.json"), key=lambda f: f.stat().st_mtime)
            for old in kept[:-_MOST_KEPT]:
                old.unlink(missing_ok=True)

    def _made(self, as_of: datetime, version: int) -> list[dict[str, Any]]:
        moments = [as_of, before(as_of, SPAN, self._context.zone)]
        with self._context.engine.cursor() as engine:
            people = self._people(engine, moments, version)
            views = [View(self._context, engine, KIND, moment, version) for moment in moments]
            return [
                {**counts, "revenue_30d": plain(self._revenue(view))}
                for counts, view in zip(people, views, strict=True)
            ]

    def _people(self, engine: Engine, moments: Sequence[datetime], version: int) -> list[dict[str, Any]]:
        """How many there were at each moment; the latest comes first.

        Active: with an event in the last 30 days. At risk: with one in the 60 days before, and none since. New: first seen,
        or where that is not known with the first event, in the last 30 days. What cannot be told is None.
        """
        datasets = self._context.catalog.datasets().values()
        events = [d.name for d in datasets if d.kind is DatasetKind.EVENTS and d.entity_kind == KIND]
        zone = self._context.zone
        edges = [(before(m, LONG, zone), before(m, SPAN, zone), m) for m in moments]
        cuts = sorted({cut for three in edges for cut in three})
        view = View(self._context, engine, KIND, moments[0], version)
        view.use(datasets=events)
        first = _first_seen(view, cuts)
        seen = _seen(engine, events, cuts, len(first))
        return [_counts(first, seen, *map(cuts.index, three), told=bool(events)) for three in edges]

    def _revenue(self, view: View) -> dict[str, Any] | None:
        """Money of the last 30 days, by the first recipe that says what money is; None where none does."""
        uses = [u for u in self._context.catalog.recipes() if u.options.get("events") and u.options.get("amount")]
        for use in uses:
            with suppress(CoterieError):  # a field of the expression is gone; building says so
                amount = self._amount(view, use)
                return {"amount": amount, "currency": self._context.currency, "events": use.options["events"]}
        return None

    def _amount(self, view: View, use: RecipeUse) -> Any:
        catalog, zone = self._context.catalog, self._context.zone
        dataset = catalog.dataset(str(use.options["events"]))
        vocabulary = CatalogVocabulary(catalog, zone)
        lookups: set[str] = set()

        def resolve(name: str) -> Resolved:
            """The SQL of a field; the lookups that it comes from are noted."""
            ref = find_field(dataset, name, vocabulary, name)
            lookups.update({ref.lookup} if ref.lookup else ())
            return ref.sql("e"), ref.type

        amount, _ = parse_expression(str(use.options["amount"])).sql(resolve, zone=zone.key)
        view.use(datasets=[dataset.name, *lookups])
        start, end = quote_value(before(view.as_of, SPAN, zone)), quote_value(view.as_of)
        source = f"{quote_name(f'dataset:{dataset.name}')} AS e{joins_sql(dataset, lookups, vocabulary, 'e')}"
        return view.engine.value(
            f"SELECT coalesce(sum({amount}), 0) FROM {source} WHERE e._at > {start} AND e._at <= {end}"
        )


def _read(file: Path) -> list[dict[str, Any]] | None:
    """What a file keeps; None where there is none, or one that was cut off."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) and len(found) == 2 else None


def _span_sql(column: str, cuts: Sequence[datetime]) -> str:
    """In which span a moment lies: 0 up to and with the first cut, and so on."""
    whens = " ".join(f"WHEN {column} <= {quote_value(cut)} THEN {number}" for number, cut in enumerate(cuts))
    return f"CASE WHEN {column} IS NULL THEN NULL {whens} ELSE {len(cuts)} END"


def _first_seen(view: View, cuts: Sequence[datetime]) -> npt.NDArray[np.int64]:
    """By row number the span in which somebody was first seen; -1 is always, and one beyond all spans that nobody has
    the number."""
    import numpy as np

    from coterie.kit.numbers import rows_of

    span = f"coalesce({_span_sql('first_seen', cuts)}, -1)::BIGINT"
    table = view.engine.arrow(f"SELECT row::BIGINT AS row, {span} AS span FROM ({view.numbering_sql()})")
    rows, spans = rows_of(table), rows_of(table.select(["span"]).rename_columns(["row"]))
    first = np.full(int(rows.max()) + 1 if len(rows) else 0, len(cuts) + 1, np.int64)
    first[rows] = spans
    return first


def _seen(engine: Engine, datasets: Sequence[str], cuts: Sequence[datetime], people: int) -> Flags:
    """By row number and span, whether somebody had an event then; shape (people, cuts).

    Ten million events of a million customers take half a second; grouping them takes four times as long, and that by key
    ten times.
    """
    import numpy as np

    flags = np.zeros(people * len(cuts), np.bool_)
    place = f"(_row * {len(cuts)} + {_span_sql('_at', cuts)})::BIGINT"
    last = quote_value(cuts[-1])
    for name in datasets:
        source = quote_name(f"events:{name}")
        sql = f"SELECT {place} AS place FROM {source} WHERE _at <= {last} AND _row < {people}"
        for batch in engine.batches(sql, _BATCH_ROWS, here=True):
            flags[batch.column(0).to_numpy()] = True
    return flags.reshape(people, len(cuts))


def _counts(
    first: npt.NDArray[np.int64], seen: Flags, long: int, start: int, end: int, *, told: bool
) -> dict[str, Any]:
    """Counts as of the end of a span, `start` and `long` being those that end 30 and 90 days before; `told`: whether
    there are events at all."""
    there = first <= end
    earlier, active = seen[:, : start + 1].any(axis=1), seen[:, start + 1 : end + 1].any(axis=1)
    lately = seen[:, long + 1 : start + 1].any(axis=1)
    always = first == -1
    new = (first > start) & there | always & active & ~earlier
    return {
        "customers": int(there.sum()),
        "new_30d": int(new.sum()),
        "active_30d": int((active & there).sum()) if told else None,
        "at_risk": int((lately & ~active & there).sum()) if told else None,
    }
