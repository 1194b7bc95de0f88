"""What was fitted and what is in use: every version of every segmentation for ever, and the story of promotions.

A version is a document that never changes: what was asked, of which data, with which code, what came out. Which version
the tag `segment.NAME` shows is a document of its own, whose history says what was promoted when, so that the labels of
any time can be read from the lake by data version.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

from coterie.errors import NotFound, Refused, unknown_name
from coterie.kit.moments import now
from coterie.learn.segments.model import SegmentModel

if TYPE_CHECKING:
    from coterie.store.service import Document, Store

KIND, PROMOTION = "segmentation", "segmentation_promoted"
FIT, REFIT, UPDATE = "fit", "refit", "update"
_SAME = ("tags", "audience", "entity_kind", "options", "model", "summary")
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pandas", "threadpoolctl")


@dataclass(frozen=True)
class Version:
    """One version of a segmentation; `body` is what was stored.

    kind : `fit`, `refit`, or `update` (the centres of `from_version`, moved along with new data).
    """

    name: str
    number: int
    body: Mapping[str, Any]
    created_at: datetime

    @cached_property
    def model(self) -> SegmentModel:
        """The fitted model. Raises Refused `bad_model`."""
        return SegmentModel.from_json(json.dumps(self.body["model"]))

    @property
    def kind(self) -> str:
        """How it came about."""
        return str(self.body.get("kind", FIT))

    @property
    def tags(self) -> list[str]:
        """The tags that it was fitted on."""
        return list(self.body["tags"])

    @property
    def entity_kind(self) -> str:
        """Whom it is about."""
        return str(self.body["entity_kind"])

    @property
    def as_of(self) -> datetime:
        """The moment that its data are of."""
        return datetime.fromisoformat(self.body["as_of"])

    @property
    def data_version(self) -> int:
        """What was known when it was fitted."""
        return int(self.body["data_version"])

    @property
    def options(self) -> dict[str, Any]:
        """All options of the fit, the seed among them."""
        return dict(self.body.get("options", {}))

    @property
    def sizes(self) -> dict[str, int]:
        """Entities by segment id."""
        return {str(i): int(n) for i, n in self.body["summary"]["sizes"].items()}


@dataclass(frozen=True)
class Promotion:
    """A publish of a version's labels: the tag has them from then on.

    as_of, data_version : at which the tag holds them.
    stack : the versions in use, oldest first, `version` last; a roll-back takes it away.
    """

    version: int
    as_of: datetime
    data_version: int
    why: str  # fit, refit, update, promote or rollback
    at: str
    stack: tuple[int, ...]


class Registry:
    """Versions and promotions of all segmentations of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """All segmentations."""
        return [d.name for d in self._store.all(KIND)]

    def newest(self, name: str) -> Version | None:
        """The newest version, promoted or not."""
        found = self._store.find(KIND, name)
        return None if found is None else _version(found)

    def in_use(self, name: str) -> Version | None:
        """The promoted version; where none is, the newest."""
        promoted = self.promoted(name)
        return self.newest(name) if promoted is None else self.get(name, promoted.version)

    def get(self, name: str, version: int | None = None) -> Version:
        """A version; without a number the promoted one, else the newest. Raises NotFound, naming what there is."""
        if version is None:
            found = self.in_use(name)
            if found is None:
                raise unknown_name("segmentation", name, self.names())
            return found
        document = self._store.find(KIND, name, version)
        if document is not None:
            return _version(document)
        there = [v.number for v in self.history(name)]
        if not there:
            raise unknown_name("segmentation", name, self.names())
        said = f'The segmentation "{name}" has no version {version}.'
        raise NotFound("unknown_name", said, place="--version", fix=f"It has: {', '.join(map(str, there[-8:]))}.")

    def history(self, name: str) -> list[Version]:
        """All versions, oldest first."""
        return [_version(d) for d in self._store.history(KIND, name)]

    def last_id(self, name: str) -> int:
        """The highest id that any version ever gave."""
        return max((max(v.model.ids, default=0) for v in self.history(name)), default=0)

    def fitted(self, version: Version) -> Version:
        """The fit or refit that a version goes back to: of an update, the one whose centres it moved."""
        while version.kind == UPDATE:
            version = self.get(version.name, int(version.body["from_version"]))
        return version

    def record(self, name: str, body: Mapping[str, Any]) -> int:
        """Keep a version; returns its number. What says the same as the version in use or the newest makes none.

        Publishing a segmentation is itself new data, so the moment and the data version do not count.
        """
        for known in (self.in_use(name), self.newest(name)):
            if known is not None and all(known.body.get(part) == body.get(part) for part in _SAME):
                return known.number
        return self._store.put(KIND, name, body)

    def promotions(self, name: str) -> list[Promotion]:
        """All promotions, oldest first."""
        return [_promotion(d.body) for d in self._store.history(PROMOTION, name)]

    def promoted(self, name: str) -> Promotion | None:
        """What the tag shows now."""
        found = self._store.find(PROMOTION, name)
        return None if found is None else _promotion(found.body)

    def published(self, name: str, version: int) -> Promotion | None:
        """The last time that the tag got the labels of a version."""
        return next((p for p in reversed(self.promotions(name)) if p.version == version), None)

    def promote(self, name: str, version: int, why: str, as_of: str, data_version: int) -> None:
        """Note that the tag has the labels of a version."""
        before = self.promoted(name)
        stack = () if before is None else before.stack
        if why == "rollback":
            stack = stack[:-1]
        elif version not in stack[-1:]:
            stack = (*stack, version)
        body = {"version": version, "as_of": as_of, "data_version": data_version, "why": why, "stack": list(stack)}
        self._store.put(PROMOTION, name, {**body, "at": now().isoformat()})

    def before(self, name: str) -> int:
        """The version that was in use before the one that is. Raises Refused: there is none."""
        promoted = self.promoted(name)
        if promoted is None or len(promoted.stack) < 2:
            self.get(name)
            fix = "Choose one of `segment versions` with `segment promote`."
            raise Refused("bad_argument", f'No version of "{name}" was in use before.', place="name", fix=fix)
        return promoted.stack[-2]


def environment(threads: int) -> dict[str, Any]:
    """What decides a result besides data and options: code, libraries, threads.

    >>> found = environment(2)
    >>> found["threads"], sorted(found["libraries"])[:2]
    (2, ['numpy', 'pandas'])
    """
    libraries = {name: installed(name) for name in _LIBRARIES}
    return {
        "code": installed("coterie"),
        "python": platform.python_version(),
        "libraries": libraries,
        "threads": threads,
    }


def _version(document: Document) -> Version:
    return Version(document.name, document.version, document.body, document.created_at)


def _promotion(body: Mapping[str, Any]) -> Promotion:
    moment = datetime.fromisoformat(body["as_of"])
    stack = tuple(int(v) for v in body["stack"])
    return Promotion(int(body["version"]), moment, int(body["data_version"]), body["why"], body["at"], stack)
