"""The page `docs/rules.md`, made from the tables of operators, measures and functions."""

from __future__ import annotations

import sys

from coterie.catalog.schemas import ValueType
from coterie.rules.functions import FUNCTIONS
from coterie.rules.leaves.habits import MAX_PERIODS
from coterie.rules.leaves.sequence import MAX_STEPS
from coterie.rules.measures import MEASURES
from coterie.rules.nodes import MAX_DEPTH, MAX_NODES
from coterie.rules.operators import MAX_VALUES, OPERATORS, Operator

_HEAD = """# Rules

A rule says who belongs to an audience. It is JSON: groups over conditions. `coterie schema rule` prints its JSON
Schema.

```json
{
  "all": [
    {"tag": "country", "op": "in", "value": ["France", "Germany"]},
    {"any": [
      {"tag": "rfm.frequency", "op": "gte", "value": 3},
      {"events": "orders", "where": {"field": "Country", "op": "eq", "value": "Germany"}, "at_least": 2,
       "within": "30d"}
    ]},
    {"not": {"audience": "employees"}}
  ]
}
```

- `all`: every condition holds. `any`: at least one. `not`: everyone else in the universe. `xor`: exactly one of two or
  more. `except`: the first holds and none of the others. Groups may carry a `"name"`.
- `{"all": []}` as a whole rule is everyone.
- At the top may stand `"version": 1` and `"entity"`, the kind the rule is about (default `customer`).
- A rule has at most {nodes} groups and conditions, {depth} levels deep; a list at most {values} values.

A missing value fails every operator but `not_exists`: `ne`, `not_in` and `none_of` too. An empty list is not missing.
So `{"not": {"tag": "country", "op": "eq", "value": "France"}}` holds for people without a country, and `"op": "ne"`
does not.

## Conditions on tags

```json
{"tag": "rfm.monetary", "op": "between", "value": [100, 499.99]}
```

Text stands in quotes, numbers do not. Decimals are compared exactly. Dates are `"2024-05-01"`, moments
`"2024-05-01T08:00"` in the workspace's zone or with an offset. A path is written from the top, `"Beijing > Chaoyang"`
or `["Beijing", "Chaoyang"]`.

Dates and moments may be relative to the as-of: `{"ago": "30d"}`, `{"ahead": "7d"}`. Spans are `h` exact hours; `d`
`w` `m` `y` calendar days, weeks, months, years in the workspace's zone. `within_last` `30d` is (as-of - 30 days,
as-of]; for dates, days count.

Anniversaries go by month and day, whatever the year; 29 February falls on the 28th in common years. `7d` after
`anniversary_within_next` are the seven days after today, after `anniversary_within_last` the seven up to today.

```json
{"any": [
  {"tag": "contract_end", "op": "within_next", "value": "2m"},
  {"tag": "last_seen_at", "op": "lt", "value": {"ago": "1y"}}
]}
```

A place is two tags of numbers, in degrees. The distance is the haversine one on a ball of 6,371.0088 km, to 9
significant digits; latitudes beyond 90 and longitudes beyond 180 are missing.

```json
{"geo": {"lat": "home_lat", "lon": "home_lon"}, "within_km": 5, "of": [31.23, 121.47]}
```

Patterns of `matches` are RE2 and are found anywhere: `.` `[a-z]` `\\d` `\\w` `\\s` `\\b` `^` `$` `( )` `|` `* + ?
{2,5}` and the flags `(?i)` `(?s)` `(?m)`. Look-around, back-references and classes of scripts are refused; no pattern
runs for ever.

"""

_EVENTS = """
## Conditions on events

```json
{
  "events": "orders",
  "where": {"all": [
    {"field": "Country", "op": "eq", "value": "Germany"},
    {"not": {"field": "products.Category", "op": "contains", "value": "gift"}}
  ]},
  "measure": "sum", "of": "Quantity * Price", "op": "gte", "value": 500,
  "between": ["90d", "30d"]
}
```

- `events` names a dataset of events or records. `where` is a tree of `all`, `any`, `not` over its fields; fields of a
  joined lookup are `LOOKUP.FIELD`. The operators are those of tags.
- `within` `"30d"` counts events in (as-of - 30 days, as-of]; `between` `["90d", "30d"]` those in (as-of - 90 days,
  as-of - 30 days]. Events without a time fall in no window.
- `measure` (default `count`) is compared by `op` and `value`. `of` is a field or an expression.
- In `where`, `"than_field": "Price"` instead of `value` compares two fields of one type (or whole and decimal numbers) by
  `eq`, `ne`, `gt`, `gte`, `lt` or `lte`.
- Short forms: `"at_least": n`, `"at_most": n`, `"exactly": n`, `"never": true`; nothing at all is at least one event.

```json
{"events": "orders", "never": true, "within": "60d"}
```

Over no events `count`, `sum` and `distinct` are 0; the others are missing and fail. Averages, and sums of floating
numbers, count to 9 significant digits; all other sums are exact.

"""

_HABITS = """
`first_at` and `last_at` are compared with moments, or by {times}:
`{"events": "orders", "measure": "first_at", "op": "within_last", "value": "30d"}`.

## Habits

```json
{"any": [
  {"events": "visits", "regular": {"at_least": 3, "of_last": 4, "unit": "week"}},
  {"events": "orders", "stopped": {"active": "90d", "silent": "30d"}},
  {"events": "orders", "restarted": {"back": "30d", "gap": "90d"}}
]}
```

- `regular`: in how many of the last periods (`day`, `week`, `month`, `year`; at most {periods}) there are events. Periods
  are counted back from the as-of: (as-of - 1 week, as-of], (as-of - 2 weeks, as-of - 1 week], and so on.
- `stopped`: events in (s - `active`, s] and none after s, where s is as-of - `silent`.
- `restarted`: events after b, none in (g, b], some up to g, where b is as-of - `back` and g is b - `gap`.

## Sequences

```json
{
  "sequence": [
    {"events": "views", "where": {"field": "Page", "op": "eq", "value": "offer"}},
    {"events": "orders", "within": "7d"},
    {"then_not": {"events": "refunds", "within": "14d"}}
  ],
  "same": {"views": "item", "orders": "sku", "refunds": "sku"}, "within": "90d"
}
```

Someone passes if a chain exists: one event of each step (at most {steps}), each strictly later than the one before it;
events of one moment do not follow each other. `within` of a step is the longest gap to the step before: `h` hours, `d`
24 hours, `w` 7 such days, exactly. `within` or `between` of the whole is a window as above in which all events of the
chain lie. `same` asks for one value in all of them: a field, or a field of each dataset; a missing value is like no other.

A last `then_not` passes for a chain if no such event (of the `same` value) follows its last event within the span, and the
span has run out by the as-of. These events may lie behind the window.

"""

_RANKS = """
## Ranks, samples, links

```json
{"all": [
  {"top": {"tag": "value.score", "n": 1000}},
  {"top": {"tag": "rfm.monetary", "percent": 5, "among": {"tag": "country", "op": "eq", "value": "France"}}},
  {"quantile": {"tag": "value.score", "parts": 10, "is": [1, 2]}},
  {"not": {"sample": {"percent": 0.5, "salt": "quiet"}}},
  {"split": {"parts": 3, "is": 2, "salt": "letter"}},
  {"neighbours": {"dataset": "friends", "of": {"audience": "loyal"}, "at_least": 2, "direction": "out"}}
]}
```

- `top`: the highest values, with `"lowest": true` the lowest, among the universe or the members of `among`. Equal values go
  by key, code point by code point. People without a value are in no rank. `percent` is floor(share * number of people
  with a value).
- `quantile`: part 1 + floor(`parts` * (rank - 1) / number), so that part 1 has the highest values (with `lowest` the
  lowest).
- `sample` and `split` go by a hash of the key: the first 15 hexadecimal digits of MD5 of `SALT/KEY`. The same salt gives
  the same people at any time; parts of a split share nobody; a smaller sample lies within a larger one of its salt.
- `neighbours`: linked in a dataset of edges to at least so many different members of a rule, by edges from the person
  (`out`), to the person (`in`) or either (`any`). Nobody is a neighbour of himself.

"""

_SETS = """
## Audiences, blocks and lists

```json
{"all": [{"audience": "loyal"}, {"audience": "loyal", "snapshot": "2024-05-01"}, {"list": "vip"}, {"block": "core"}]}
```

An audience is its saved rule as of now, with a `snapshot` the members of that day. A block is a group of conditions that
was saved to be used again. Audiences and blocks may use each other, but not in a circle.

## SQL

```json
{"sql": "SELECT entity FROM orders GROUP BY entity ORDER BY sum(Price) DESC LIMIT 500"}
```

One SELECT that returns keys, in DuckDB's dialect: one column, or one named `entity`. It may read `universe` (`entity`),
`tags` (`entity` and a column a tag) and every dataset by its name: its fields, `entity`, and of events `moment`. `as_of()` is
the moment of the question. Functions that read files or clocks, or draw numbers, are refused, and so is every other kind
of statement. It runs in a process of its own with limits of time and memory. Keys that nobody has do not count; a count says how many there were.

## The waterfall

A count gives three numbers at each node. `alone`: who passes the node by itself. `remaining`: who comes to it and
passes. `removed`: who comes to it and does not. To a child of `all` come those who passed everything before it, to
any other node those who come to its parent. Of `except`, each further condition has the place of its complement, with
the condition itself below it at `.not`. What lies below an audience or a block has no numbers of its own.

## The smallest change

`explain` says which facts would have to be otherwise for someone to enter or leave, as few as possible, each with the
nearest value that does it. A tag is one fact, however many conditions look at it; so is each measure of events, each
habit, sequence, rank, distance and number of neighbours. Snapshots, samples, splits and answers of SQL cannot be
otherwise.

## Expressions

Amounts, formulas and `of` take expressions over fields or tags: `Quantity * Price`, `if(age >= 18, "adult",
"child")`. A name with spaces or signs stands in backticks, text in quotes. A missing part makes the result missing,
except in `if` and `coalesce`. Sums, differences and products of whole and decimal numbers are exact; those that
outgrow 64 bits or 38 digits are missing.

| function | gives |
|---|---|
"""


def rules_page() -> str:
    """The whole page as Markdown.

    >>> rules_page().splitlines()[0]
    '# Rules'
    """
    counts = {"{nodes}": f"{MAX_NODES}", "{depth}": f"{MAX_DEPTH}", "{values}": f"{MAX_VALUES:,}"}
    head = _HEAD
    for name, number in counts.items():
        head = head.replace(name, number)
    operators = "| operator | in words | 中文 | types | `value` |\n|---|---|---|---|---|\n"
    operators += "".join(_operator(o) for o in OPERATORS.values())
    measures = "| measure | in words | 中文 |\n|---|---|---|\n"
    measures += "".join(f"| `{m.key}` | {m.label.en} | {m.label.zh} |\n" for m in MEASURES.values())
    comparing = ", ".join(f"`{o.key}`" for o in OPERATORS.values() if o.measures)
    functions = "".join(f"| `{f.name}` | {f.takes} |\n" for f in FUNCTIONS.values())
    compared = f"Measures are compared by {comparing}.\n"
    habits = _filled(_HABITS)
    return f"{head}{operators}{_EVENTS}{measures}\n{compared}{habits.rstrip()}\n{_RANKS.rstrip()}\n{_SETS}{functions}"


def _filled(text: str) -> str:
    times = ", ".join(f"`{o.key}`" for o in OPERATORS.values() if o.times)
    for name, said in {"{times}": times, "{periods}": str(MAX_PERIODS), "{steps}": str(MAX_STEPS)}.items():
        text = text.replace(name, said)
    return text


def _operator(operator: Operator) -> str:
    kinds = (
        "all" if operator.types == frozenset(ValueType) else ", ".join(sorted(kind.value for kind in operator.types))
    )
    value = operator.operand.value.replace('"', "`")
    return f"| `{operator.key}` | {operator.label.en} | {operator.label.zh} | {kinds} | {value} |\n"


if __name__ == "__main__":
    sys.stdout.write(rules_page())
