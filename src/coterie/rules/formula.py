"""Boolean SQL of trees. A condition that gives NULL counts as false; only under `not` must that be said."""

from __future__ import annotations


def group_sql(word: str, parts: list[str]) -> str:
    """Conditions joined by AND or OR, each in parentheses.

    >>> group_sql("AND", ["a = 1", "b = 2 OR c = 3"]), group_sql("AND", []), group_sql("OR", [])
    ('(a = 1) AND (b = 2 OR c = 3)', 'true', 'false')
    """
    if not parts:
        return "true" if word == "AND" else "false"
    return parts[0] if len(parts) == 1 else f" {word} ".join(f"({p})" for p in parts)


def negated_sql(part: str) -> str:
    """Everyone who does not pass, missing values among them.

    >>> negated_sql("a = 1")
    'NOT coalesce(a = 1, false)'
    """
    return f"NOT coalesce({part}, false)"


def indented(sql: str) -> str:
    """Every line two spaces further in.

    >>> indented("a\\nb")
    '  a\\n  b'
    """
    return "\n".join(f"  {line}" for line in sql.splitlines())
