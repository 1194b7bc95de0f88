"""A channel into a simulated world: how each customer responds is drawn from chances that are known.

Customers are of three kinds, by a hash of their key. Without a message a customer of kind k reaches the goal with the
chance `BASE[k]`, with one with `BASE[k] + effect * LIFT[k]`; each message of an earlier campaign adds `carry_over` of
its effect again. What a goal is worth is log-normal, and wider for those who got a message. The same customer, seed and
campaign always respond in the same way, so a message that is handed over twice is answered once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BASE = (0.05, 0.10, 0.20)  # chance of the goal without a message, by kind
LIFT = (0.08, 0.03, -0.02)  # what a message adds to it at effect 1: it moves some, bores others
OPENS = (0.5, 0.3, 0.1)
WORTH, SPREAD, SPREAD_TREATED = 40.0, 0.5, 0.9
_DELIVERED, _CLICKS_OF_OPENS = 0.98, 0.3
_DAY = 86_400.0
_TO_UNIT = 1 / 2**32

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """How customers respond: `goal` (true or false) and `worth` of it, 0 without; shape (n,)."""

    goal: npt.NDArray[np.bool_]
    worth: Floats


def draws(seed: int, campaign: str, entities: Sequence[str]) -> npt.NDArray[np.float64]:
    """Six even draws from [0, 1) for each customer; shape (n, 6)."""
    salt = f"{seed}|{campaign}|".encode()
    raw = b"".join(hashlib.sha256(salt + e.encode()).digest()[:24] for e in entities)
    return np.frombuffer(raw, dtype=">u4").reshape(len(entities), 6).astype(np.float64) * _TO_UNIT


def kinds(entities: Sequence[str]) -> npt.NDArray[np.int64]:
    """The kind of each customer: 0, 1 or 2, the same in every campaign."""
    return np.array([hashlib.sha256(b"kind|" + e.encode()).digest()[0] % 3 for e in entities], dtype=np.int64)


def chances(entities: Sequence[str], treated: Floats, *, effect: float | Floats = 1.0, earlier: float = 0.0) -> Floats:
    """The chance of the goal.

    treated : 1 with a message, 0 without; shape (n,). effect : of the message, or of each one's; shape (n,).
    earlier : messages of earlier campaigns, times the carry-over.

    >>> low, high = (chances(["a", "b", "c"], np.full(3, t)).mean().round(3) for t in (0.0, 1.0))
    >>> low < high
    np.True_
    """
    kind = kinds(entities)
    moved = np.array(LIFT)[kind] * effect * (treated + earlier)
    return np.clip(np.array(BASE)[kind] + moved, 0.0, 1.0)


def outcomes(
    entities: Sequence[str],
    treated: Floats,
    campaign: str,
    *,
    seed: int = 0,
    effect: float | Floats = 1.0,
    earlier: float = 0.0,
) -> Response:
    """What each customer does, with or without a message: both arms of an experiment.

    >>> made = outcomes([str(i) for i in range(4000)], np.repeat([0.0, 1.0], 2000), "spring")
    >>> bool(made.goal[2000:].mean() > made.goal[:2000].mean())
    True
    """
    drawn = draws(seed, campaign, entities)
    goal = drawn[:, 3] < chances(entities, treated, effect=effect, earlier=earlier)
    normal = np.sqrt(-2 * np.log(1 - drawn[:, 4])) * np.cos(2 * np.pi * drawn[:, 5])  # Box and Muller (1958)
    spread = np.where(treated > 0, SPREAD_TREATED, SPREAD)
    worth = np.where(goal, WORTH * np.exp(spread * normal - spread**2 / 2), 0.0)
    return Response(goal, worth)


class SimulatorChannel:
    """Hands messages to the simulated customers, who answer at once.

    Its options are `seed`, `effect` and `earlier`; `effects` gives arms an effect of their own.
    """

    name = "simulator"
    parts: Sequence[Any] = ()
    options = ("seed", "effect", "earlier", "effects")
    address: str | None = None
    opt_in = False
    permitted_as = "webhook"
    repeatable = True
    batch = 5_000
    connections = 1

    def check(self, options: Mapping[str, Any]) -> None:
        """Options are numbers; others count as not given."""

    @contextmanager
    def open(self, given: Any) -> Iterator[SimulatorChannel._Answering]:
        """The world of the campaign."""
        numbers = {k: v for k, v in given.options.items() if k in self.options and isinstance(v, int | float)}
        yield self._Answering(str(given.campaign), numbers, dict(given.options.get("effects") or {}))

    class _Answering:
        def __init__(self, campaign: str, numbers: Mapping[str, float], effects: Mapping[str, float]) -> None:
            self._campaign, self._numbers, self._effects = campaign, numbers, effects

        def send(
            self, _batch: str, parcels: Sequence[Any]
        ) -> list[tuple[str, str | None, list[tuple[str, float, str | None]]]]:
            """How each customer responds."""
            entities = [parcel.entity for parcel in parcels]
            seed = int(self._numbers.get("seed", 0))
            drawn, kind = draws(seed, self._campaign, entities), kinds(entities)
            given: dict[str, Any] = {k: float(v) for k, v in self._numbers.items() if k != "seed"}
            if self._effects:
                common = float(given.get("effect", 1.0))
                given["effect"] = np.array([float(self._effects.get(p.arm, common)) for p in parcels])
            made = outcomes(entities, np.ones(len(entities)), self._campaign, seed=seed, **given)
            return [
                _answer(drawn[i], OPENS[kind[i]], bool(made.goal[i]), float(made.worth[i]))
                for i in range(len(entities))
            ]


def _answer(
    drawn: Floats, opens: float, goal: bool, worth: float
) -> tuple[str, str | None, list[tuple[str, float, str | None]]]:
    if drawn[0] >= _DELIVERED:
        return "sent", None, [("bounced", 1.0, "mailbox full")]
    events: list[tuple[str, float, str | None]] = [("delivered", 1.0, None)]
    if drawn[1] < opens:
        events.append(("opened", 60 + drawn[2] * _DAY, None))
        if drawn[2] < _CLICKS_OF_OPENS:
            events.append(("clicked", 90 + drawn[2] * _DAY, None))
    if goal:
        events.append(("goal", _DAY * (1 + drawn[4]), f"{worth:.2f}"))
    return "sent", None, events
