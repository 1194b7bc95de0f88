"""Samples and splits by a hash of the key: the same salt gives the same people, at every as-of and on every engine.

The hash is the first 15 hexadecimal digits of MD5 of `SALT/KEY`: a number below 2^60. Parts of one split share nobody;
samples of one salt lie within each other; different salts are independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import ValueType
from coterie.engines.sql import quote_value
from coterie.errors import Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.leaves.ranks import MAX_PARTS, parts_schema
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker, number
from coterie.rules.values import Raw, read_text, thaw

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

_DIGITS = 15
_ALL: int = 16**_DIGITS
_MICRO = 1_000_000  # a share in ten-thousandths of a per cent is a whole number
_MAX_SALT = 200


def hashed(salt: str, entity: str) -> int:
    """The number of a key, from 0 to 2^60 - 1.

    >>> hashed("a", "17850") == int(md5(b"a/17850").hexdigest()[:15], 16)
    True
    """
    return int(md5(f"{salt}/{entity}".encode(), usedforsecurity=False).hexdigest()[:_DIGITS], 16)


@dataclass(frozen=True)
class BoundSample(BoundLeaf):
    """A condition on the hash of the key: within one of `ranges`, each [low, high); `parts` 0 for a share in per cent."""

    salt: str = ""
    parts: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    def source(self) -> Source:
        """The universe's rows; numbers of equal length are compared as text, without reading them."""
        hash_sql = f"md5({quote_value(f'{self.salt}/')} || u.entity)"
        conditions = []
        for low, high in self.ranges:
            ends = [f"{hash_sql} >= '{low:015x}'"] if low else []
            ends += [f"{hash_sql} < '{high:015x}'"] if high < _ALL else []
            conditions.append(" AND ".join(ends) or "true")
        return Source('FROM "universe" AS u', 'u."row"', " OR ".join(conditions))

    def measured(self, facts: Facts) -> Decimal | int | None:
        """The part, or the place of the key among all in per cent."""
        if facts.entity is None:
            return None
        hash_ = hashed(self.salt, facts.entity)
        if self.parts:
            return 1 + hash_ * self.parts // _ALL
        return Decimal(hash_ * _MICRO // _ALL) / 10_000


@dataclass(frozen=True)
class SampleLeaf(Leaf):
    """`{"sample": {"percent": 10, "salt": "a"}}`: a tenth of all, the same ones every time."""

    key = "sample"

    percent: Decimal
    salt: str = ""

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> SampleLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("sample",), place)
        said, inner = nodes.object_of(body, "sample", place), nodes.inside(place, "sample")
        nodes.known_keys(said, ("percent", "salt"), inner)
        return cls(nodes.percent_of(said, inner), _read_salt(said, inner))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        percent = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
        return _schema("sample", {"percent": percent}, ["percent"])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"sample": {"percent": thaw(self.percent), "salt": self.salt}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """The range of hashes."""
        high = -(-int(self.percent * 10_000) * _ALL // _MICRO)
        leaf = BoundSample(
            ("sample", self.salt), ValueType.DECIMAL, OPERATORS["lt"], self.percent,
            changeable=False, can_miss=False, of_universe=True, salt=self.salt, ranges=((0, high),),
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        share = number(self.percent)
        return speaker.pick(f'they are in the {share}% sample "{self.salt}"', f"属于{share}%抽样“{self.salt}”")

    def subject(self, speaker: Speaker) -> str:
        """The place of the key, in words."""
        return speaker.pick(f'the place in the sample "{self.salt}" in %', f"抽样“{self.salt}”中的百分位")


@dataclass(frozen=True)
class SplitLeaf(Leaf):
    """`{"split": {"parts": 3, "is": 2, "salt": "a"}}`: one of three parts of nearly equal size that share nobody."""

    key = "split"

    parts: int
    chosen: tuple[int, ...]
    salt: str = ""

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> SplitLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("split",), place)
        said, inner = nodes.object_of(body, "split", place), nodes.inside(place, "split")
        nodes.known_keys(said, ("parts", "is", "salt"), inner)
        parts = nodes.whole_of(said, "parts", inner, 2, MAX_PARTS)
        return cls(parts, nodes.wholes_of(said, "is", inner, parts), _read_salt(said, inner))

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        return _schema("split", parts_schema(), ["parts", "is"])

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"split": {"parts": self.parts, "is": list(self.chosen), "salt": self.salt}}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """The ranges of hashes."""
        ranges = tuple((-(-(k - 1) * _ALL // self.parts), -(-k * _ALL // self.parts)) for k in self.chosen)
        leaf = BoundSample(
            ("split", (self.salt, self.parts)), ValueType.INTEGER, OPERATORS["in"], self.chosen,
            changeable=False, can_miss=False, of_universe=True, salt=self.salt, parts=self.parts, ranges=ranges,
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        chosen = speaker.pick(", ", "、").join(map(str, self.chosen))
        plural = "s" if len(self.chosen) > 1 else ""
        return speaker.pick(
            f'they are in part{plural} {chosen} of {self.parts} of the split "{self.salt}"',
            f"属于随机分组“{self.salt}”{self.parts}组中的第{chosen}组",
        )

    def subject(self, speaker: Speaker) -> str:
        """The part, in words."""
        return speaker.pick(f'the part in the split "{self.salt}"', f"随机分组“{self.salt}”中的组号")


def _read_salt(body: Mapping[str, Raw], place: str) -> str:
    salt = body.get("salt", "")
    if not isinstance(salt, str):
        raise Refused("bad_value", '"salt" is no text.', place=place, fix='Write "salt": "a", or leave it out.')
    return read_text(salt, place, most=_MAX_SALT)


def _schema(key: str, properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    inner = {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": {**properties, "salt": {"type": "string", "maxLength": _MAX_SALT}},
    }
    return {"type": "object", "required": [key], "additionalProperties": False, "properties": {key: inner}}
