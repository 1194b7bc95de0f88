"""The page `docs/rules.md`, made from the tables of operators, measures and functions."""

from __future__ import annotations

import sys

from coterie.catalog.schemas import ValueType
from coterie.rules.functions import FUNCTIONS
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

- `all`: every condition holds. `any`: at least one. `not`: everyone else in the universe. Groups may carry a
  `"name"`.
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

```json
{"any": [
  {"tag": "contract_end", "op": "within_next", "value": "2m"},
  {"tag": "last_seen_at", "op": "lt", "value": {"ago": "1y"}}
]}
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
- Short forms: `"at_least": n`, `"at_most": n`, `"exactly": n`, `"never": true`; nothing at all is at least one event.

```json
{"events": "orders", "never": true, "within": "60d"}
```

Over no events `count`, `sum` and `distinct` are 0; the others are missing and fail. Averages, and sums of floating
numbers, count to 9 significant digits; all other sums are exact.

"""

_SETS = """
## Audiences and lists

```json
{"all": [{"audience": "loyal"}, {"audience": "loyal", "snapshot": "2024-05-01"}, {"list": "vip"}]}
```

An audience is its saved rule as of now, with a `snapshot` the members of that day. Audiences may use each other, but
not in a circle.

## The waterfall

A count gives three numbers at each node. `alone`: who passes the node by itself. `remaining`: who comes to it and
passes. `removed`: who comes to it and does not. To a child of `all` come those who passed everything before it, to
any other node those who come to its parent.

## The smallest change

`explain` says which facts would have to be otherwise for someone to enter or leave, as few as possible, each with the
nearest value that does it. A tag is one fact, however many conditions look at it; so is each measure of events.

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
    return f"{head}{operators}{_EVENTS}{measures}\nMeasures are compared by {comparing}.\n{_SETS}{functions}"


def _operator(operator: Operator) -> str:
    kinds = (
        "all" if operator.types == frozenset(ValueType) else ", ".join(sorted(kind.value for kind in operator.types))
    )
    value = operator.operand.value.replace('"', "`")
    return f"| `{operator.key}` | {operator.label.en} | {operator.label.zh} | {kinds} | {value} |\n"


if __name__ == "__main__":
    sys.stdout.write(rules_page())
