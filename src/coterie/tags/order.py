"""In what order tags and families are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from coterie.catalog.schemas import TagDefinition
from coterie.errors import Refused, unknown_name
from coterie.tags.families import needs


def with_needed(names: Sequence[str], tags: Mapping[str, TagDefinition]) -> dict[str, TagDefinition]:
    """These tags and all that they are made of, each after what it needs.

    Raises NotFound, and Refused `tag_cycle`.
    """
    found: dict[str, TagDefinition] = {}
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        if name not in tags:
            raise unknown_name("tag", name, tags)
        found[name] = tags[name]
        for needed in needs(tags[name]):
            if needed not in tags:
                raise unknown_name("tag", needed, tags, place=name)
            queue.append(needed)
    try:
        order = list(TopologicalSorter({n: sorted(needs(t)) for n, t in sorted(found.items())}).static_order())
    except CycleError as error:
        fix = "Let one of them be made of something else."
        raise Refused("tag_cycle", f"These tags are made of each other: {_circle(error)}.", fix=fix) from None
    return {name: found[name] for name in order}


def family_order(tags: Mapping[str, TagDefinition]) -> dict[str, list[TagDefinition]]:
    """Families in the order they are computed, each with its tags in order; `tags` comes from `with_needed`.

    Raises Refused `tag_cycle`: two families need each other.
    """
    graph: dict[str, set[str]] = {t.family: set() for t in tags.values()}
    for tag in tags.values():
        graph[tag.family] |= {tags[n].family for n in needs(tag)} - {tag.family}
    try:
        order = list(TopologicalSorter({f: sorted(before) for f, before in graph.items()}).static_order())
    except CycleError as error:
        fix = "Put the tags that are made of others into a family of their own."
        raise Refused("tag_cycle", f"These families need each other: {_circle(error)}.", fix=fix) from None
    return {family: [t for t in tags.values() if t.family == family] for family in order}


def _circle(error: CycleError) -> str:
    return " -> ".join(error.args[1])
