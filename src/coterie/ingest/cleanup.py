"""Values that are probably one: suggested with the evidence, applied to later imports once a person confirmed it.

A rule maps a value of one field to another. Rows that are in already keep what was imported, so that past numbers stay;
importing the file again with `replace` applies the rules to it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coterie.catalog.schemas import Dataset, DatasetKind, Field, ValueType
from coterie.catalog.service import Catalog
from coterie.engines.duckdb import scan
from coterie.engines.sql import quote_name
from coterie.errors import Refused, unknown_name
from coterie.ingest.context import IngestContext
from coterie.ingest.words import WORDS
from coterie.kit.moments import now
from coterie.store.service import Store

_MOST_VALUES = 500
_RARE = 0.1  # a misspelling has at most this share of the rows of the right spelling
_SHORTEST = 5


@dataclass(frozen=True)
class Suggestion:
    """Two values that are probably one.

    value, rows : as it stands, and in how many rows.
    replacement, replacement_rows : what it should be, and in how many rows that stands.
    evidence : why, in words.
    """

    dataset: str
    field: str
    value: str
    rows: int
    replacement: str
    replacement_rows: int
    evidence: str


def confirmed(store: Store, dataset: str) -> dict[str, dict[str, str]]:
    """Confirmed rules of a dataset: field -> value -> replacement."""
    bodies = [d.body for d in store.all("cleanup") if d.body["dataset"] == dataset]
    return {b["field"]: {value: rule["to"] for value, rule in b["rules"].items()} for b in bodies}


def confirm_cleanup(
    ctx: IngestContext, dataset: str, field: str, value: str, replacement: str, *, by: str = ""
) -> dict[str, str]:
    """Keep a rule that a person confirmed; returns the field's rules. Later imports apply it.

    Raises NotFound: there is no such dataset or field. Refused: the rule changes nothing, or would run in a circle.
    """
    found = Catalog(ctx.store).dataset(dataset)
    if found.field(field) is None:
        raise unknown_name("field", field, [f.name for f in found.fields])
    rules = confirmed(ctx.store, dataset).get(field, {})
    if value == replacement or rules.get(replacement) is not None:
        fix = "Give the final value as replacement."
        raise Refused("bad_argument", f'"{value}" would not come to rest.', place="replacement", fix=fix)
    document = ctx.store.find("cleanup", f"{dataset}.{field}")
    kept = dict(document.body["rules"]) if document else {}
    kept[value] = {"to": replacement, "by": by, "at": now().isoformat()}
    ctx.store.put("cleanup", f"{dataset}.{field}", {"dataset": dataset, "field": field, "rules": kept})
    return {**rules, value: replacement}


def check_rules(rules: Mapping[str, Mapping[str, str]]) -> None:
    """Raise Refused(`bad_mapping`) where a replacement would itself be replaced, or is the value itself."""
    for field, pairs in rules.items():
        for value, replacement in pairs.items():
            if value == replacement or replacement in pairs:
                message = f'"{value}" becomes "{replacement}", which does not come to rest.'
                raise Refused("bad_mapping", message, place=f"clean {field}", fix="Give the final value of each.")


def keep_rules(store: Store, dataset: str, rules: Mapping[str, Mapping[str, str]]) -> None:
    """Keep the rules of a mapping, which a person wrote, for later imports of the dataset."""
    for field, pairs in rules.items():
        document = store.find("cleanup", f"{dataset}.{field}")
        kept = dict(document.body["rules"]) if document else {}
        fresh = {v: {"to": to, "by": "mapping"} for v, to in pairs.items() if kept.get(v, {}).get("to") != to}
        if fresh:
            body = {"dataset": dataset, "field": field, "rules": kept | fresh}
            store.put("cleanup", f"{dataset}.{field}", body)


def drop_cleanup(ctx: IngestContext, dataset: str, field: str, value: str) -> None:
    """Forget a rule. Raises NotFound."""
    document = ctx.store.get("cleanup", f"{dataset}.{field}")
    kept = dict(document.body["rules"])
    if kept.pop(value, None) is None:
        raise unknown_name("clean-up rule", value, kept)
    ctx.store.put("cleanup", document.name, {**document.body, "rules": kept})


def suggest_cleanup(ctx: IngestContext, dataset: str, field: str | None = None) -> list[Suggestion]:
    """Probable duplicates among the values of the text fields of a dataset, those of most rows first.

    Fields of more than 500 different values are passed over. Evidence is one of: the letters are the same but for case,
    spaces and marks; the value is one edit from a far commoner one, from a key of a joined lookup, or from a known word.
    Raises NotFound: there is no such dataset or field.
    """
    catalog = Catalog(ctx.store)
    found = catalog.dataset(dataset)
    if field is not None and found.field(field) is None:
        raise unknown_name("field", field, [f.name for f in found.fields])
    rules = confirmed(ctx.store, dataset)
    suggestions = []
    for one in found.fields:
        if one.type is ValueType.TEXT and field in (None, one.name) and not one.column.startswith("_"):
            counts = _counts(ctx, found, one)
            keys = _lookup_keys(ctx, catalog.datasets(), found, one)
            ruled = rules.get(one.name, {})
            suggestions += [s for s in _field_suggestions(dataset, one.name, counts, keys) if s.value not in ruled]
    return sorted(suggestions, key=lambda s: (-s.rows, s.field, s.value))


def _counts(ctx: IngestContext, dataset: Dataset, field: Field) -> dict[str, int]:
    """Values with their rows; empty where there are too many to be categories."""
    files = ctx.lake.files(dataset.table)
    if not files.paths:
        return {}
    name = quote_name(field.column)
    query = f"SELECT {name}, count(*) FROM {scan(files)} WHERE {name} IS NOT NULL GROUP BY 1 LIMIT {_MOST_VALUES + 1}"
    rows = ctx.engine.rows(query)
    return dict(sorted(rows)) if len(rows) <= _MOST_VALUES else {}


def _lookup_keys(
    ctx: IngestContext, datasets: Mapping[str, Dataset], dataset: Dataset, field: Field
) -> dict[str, set[str]]:
    """Keys of the lookups that are joined by this field, by lookup."""
    names = [lookup for lookup, by in dataset.joins.items() if by == field.name and lookup in datasets]
    found = {}
    for name in names:
        files = ctx.lake.files(datasets[name].table)
        if files.paths and datasets[name].kind is DatasetKind.LOOKUP:
            found[name] = {key for (key,) in ctx.engine.rows(f"SELECT DISTINCT _entity FROM {scan(files)}")}
    return found


def _field_suggestions(
    dataset: str, field: str, counts: Mapping[str, int], keys: Mapping[str, set[str]]
) -> list[Suggestion]:
    known = set().union(*keys.values())
    found: dict[str, Suggestion] = {}
    for value, rows in counts.items():
        if value in known:
            continue
        target = _from_lookup(value, keys) or _from_values(value, counts) or _from_words(value)
        if target is not None:
            replacement, evidence = target
            found[value] = Suggestion(dataset, field, value, rows, replacement, counts.get(replacement, 0), evidence)
    return [s for s in found.values() if s.replacement not in found]


def _from_lookup(value: str, keys: Mapping[str, set[str]]) -> tuple[str, str] | None:
    for lookup, known in keys.items():
        if target := _nearest(value, known):
            return target, f'"{target}" is a key of {lookup}, "{value}" is not; {_difference(value, target)}'
    return None


def _from_values(value: str, counts: Mapping[str, int]) -> tuple[str, str] | None:
    mine = counts[value]
    same = [v for v in counts if v != value and letters(v) == letters(value) and (counts[v], v) > (mine, value)]
    rare = [v for v in counts if v != value and mine <= _RARE * counts[v] and one_edit(v.casefold(), value.casefold())]
    for candidates in (same, [v for v in rare if _alike(v, value)]):
        if candidates:
            target = max(candidates, key=lambda v: (counts[v], v))
            return target, f'"{target}" stands in {counts[target]:,} rows; {_difference(value, target)}'
    return None


def _from_words(value: str) -> tuple[str, str] | None:
    word = value.casefold()
    if word in WORDS or not word.isalpha():
        return None
    target = next((w for w in sorted(WORDS) if _alike(w, word) and one_edit(w, word)), None)
    if target is None:
        return None
    spelt = target.title() if value.istitle() else target.upper() if value.isupper() else target
    return spelt, f'"{target}" is a known word, "{word}" is not; {_difference(word, target)}'


def _nearest(value: str, known: Iterable[str]) -> str | None:
    ordered = sorted(known)
    same = [k for k in ordered if letters(k) == letters(value)]
    return next(
        iter(same or [k for k in ordered if _alike(k, value) and one_edit(k.casefold(), value.casefold())]), None
    )


def _alike(one: str, other: str) -> bool:
    """Long enough to tell a misspelling, and with the same digits: `Item 1` is not `Item 2`."""
    digits = [c for c in one if c.isdigit()] == [c for c in other if c.isdigit()]
    return digits and min(len(one), len(other)) >= _SHORTEST


def _difference(value: str, target: str) -> str:
    return "the letters are the same" if letters(value) == letters(target) else "one letter differs"


def letters(text: str) -> str:
    """The letters and digits alone, case folded and width normalised.

    >>> letters("GTX-Pro ") == letters("gtx pro")
    True
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def one_edit(one: str, other: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, makes one text the other.

    >>> one_edit("technolgy", "technology"), one_edit("retial", "retail"), one_edit("retail", "detail"), one_edit("a", "abc")
    (True, True, True, False)
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    if short[start + 1 :] == long[start + 1 :]:
        return True
    return _swapped(short[start:], long[start:])


def _swapped(one: Sequence[str], other: Sequence[str]) -> bool:
    pairs = list(pairwise(one))[:1]
    return bool(pairs) and (other[1], other[0]) == pairs[0] and one[2:] == other[2:]
