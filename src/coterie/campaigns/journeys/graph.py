"""The steps as a graph: every way leads on, none in a circle, every step is reached, and there is a way out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from coterie.campaigns.journeys.reading import wrong
from coterie.errors import did_you_mean


def ordered(branches: Mapping[str, Mapping[str, str]], ends: Collection[str]) -> list[str]:
    """The steps, each before those it leads to; the first given is where people begin.

    branches : by step, where each of its ways leads. ends : steps that end the journey.

    >>> ordered({"a": {"yes": "c", "no": "b"}, "b": {"next": "c"}, "c": {}}, ["c"])
    ['a', 'b', 'c']
    >>> ordered({"a": {"next": "b"}, "b": {"next": "a"}, "c": {}}, ["c"])
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_journey` at `steps.a`: The steps go in a circle: a, b, a. Let each lead to a later one.

    Raises Refused(`bad_journey`).
    """
    for step, ways in branches.items():
        for way, to in ways.items():
            if to not in branches:
                fix = did_you_mean(to, branches) or f"There are: {', '.join(branches)}."
                raise wrong(f"steps.{step}.{way}", f'There is no step "{to}".', fix)
    if not ends:
        raise wrong("steps", "There is no way out of the journey.", "Add a step `end: true`.")
    _refuse_circles(branches)
    first = next(iter(branches))
    reached = _reached(branches, first)
    for step in branches:
        if step not in reached:
            raise wrong(f"steps.{step}", "Nobody reaches this step.", "Let another step lead to it, or take it out.")
    sorter = TopologicalSorter({step: set[str]() for step in branches})
    for step, ways in branches.items():
        for to in ways.values():
            sorter.add(to, step)
    return list(sorter.static_order())


def _refuse_circles(branches: Mapping[str, Mapping[str, str]]) -> None:
    sorter = TopologicalSorter({step: list(ways.values()) for step, ways in branches.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        names = list(branches)
        start = min(range(len(circle) - 1), key=lambda n: names.index(circle[n]))
        shown = [*circle[start:-1], *circle[:start], circle[start]]
        said = f"The steps go in a circle: {', '.join(shown)}."
        raise wrong(f"steps.{shown[0]}", said, "Let each lead to a later one.") from None


def _reached(branches: Mapping[str, Mapping[str, str]], first: str) -> set[str]:
    reached, waiting = {first}, [first]
    while waiting:
        for to in branches[waiting.pop()].values():
            if to not in reached:
                reached.add(to)
                waiting.append(to)
    return reached
