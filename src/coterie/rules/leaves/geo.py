"""A condition on a distance: `{"geo": {"lat": "home_lat", "lon": "home_lon"}, "within_km": 5, "of": [31.23, 121.47]}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import NUMERIC, ValueType
from coterie.engines.sql import quote_name
from coterie.errors import Refused
from coterie.rules import nodes
from coterie.rules.binding import BoundLeaf, BoundNode, Scope, Source, leaf_node
from coterie.rules.measures import measured_sql, significant
from coterie.rules.nodes import Leaf, Reading
from coterie.rules.operators import OPERATORS
from coterie.rules.sentences import Speaker, number
from coterie.rules.values import Raw, exact, is_number, shown
from coterie.rules.where import present

if TYPE_CHECKING:
    from coterie.rules.facts import Facts

# The mean radius of the earth (IUGG): the haversine distance on that ball errs by at most 0.6 % on the real earth.
EARTH_RADIUS_KM = 6371.0088
_FARTHEST_KM = 20_100  # half a circle is 20,015 km


def distance_km(lat: float, lon: float, of: tuple[float, float]) -> float | None:
    """The haversine distance in km to 9 significant digits; None where there is no such place.

    >>> distance_km(48.8566, 2.3522, (52.52, 13.405)), distance_km(91, 0, (0, 0))
    (877.464538, None)
    """
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    (a, b), (c, d) = (math.radians(lat), math.radians(lon)), (math.radians(of[0]), math.radians(of[1]))
    h = math.sin((a - c) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((b - d) / 2) ** 2
    return significant(2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h))))


@dataclass(frozen=True)
class GeoLeaf(Leaf):
    """Two tags, latitude and longitude in degrees, at most `within_km` from the point `of`."""

    key = "geo"

    lat: str
    lon: str
    within_km: float
    of: tuple[float, float]

    @classmethod
    def read(cls, body: Mapping[str, Raw], place: str, reading: Reading) -> GeoLeaf:
        """Read the JSON object."""
        nodes.known_keys(body, ("geo", "within_km", "of"), place)
        tags, inner = nodes.object_of(body, "geo", place), nodes.inside(place, "geo")
        nodes.known_keys(tags, ("lat", "lon"), inner)
        lat, lon = nodes.text_of(tags, "lat", inner), nodes.text_of(tags, "lon", inner)
        of = body.get("of")
        if not isinstance(of, list | tuple) or len(of) != 2:
            raise Refused("bad_value", '"of" is a point.', place=place, fix='Write "of": [LATITUDE, LONGITUDE].')
        point = _degrees(of[0], 90, place), _degrees(of[1], 180, place)
        return cls(lat, lon, _kilometres(body, place), point)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON Schema of the object."""
        text = {"type": "string", "minLength": 1}
        tags = {
            "type": "object",
            "required": ["lat", "lon"],
            "additionalProperties": False,
            "properties": {"lat": text, "lon": text},
        }
        return {
            "type": "object",
            "required": ["geo", "within_km", "of"],
            "additionalProperties": False,
            "properties": {
                "geo": tags,
                "within_km": {"type": "number", "exclusiveMinimum": 0, "maximum": _FARTHEST_KM},
                "of": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            },
        }

    def as_json(self) -> dict[str, Raw]:
        """The JSON object."""
        return {"geo": {"lat": self.lat, "lon": self.lon}, "within_km": self.within_km, "of": list(self.of)}

    def bind(self, scope: Scope, place: str) -> BoundNode:
        """Find the tags."""
        inner = nodes.inside(place, "geo")
        lat, lon = scope.tag(self.lat, inner, NUMERIC), scope.tag(self.lon, inner, NUMERIC)
        leaf = BoundGeo(
            ("distance", (lat.name, lon.name, self.of)), ValueType.NUMBER, OPERATORS["lte"], self.within_km,
            families=tuple(dict.fromkeys((lat.family, lon.family))),
            tags=((lat.family, lat.name, lat.type), (lon.family, lon.name, lon.type)), of=self.of,
        )  # fmt: skip
        return leaf_node(place, self, leaf)

    def clause(self, speaker: Speaker) -> str:
        """The condition in words."""
        point, km = f"{number(self.of[0])}, {number(self.of[1])}", number(self.within_km)
        tags = self._tags(speaker)
        return speaker.pick(f"{tags} is within {km} km of ({point})", f"{tags}距（{point}）不超过{km}公里")

    def subject(self, speaker: Speaker) -> str:
        """The distance, in words."""
        point, tags = f"{number(self.of[0])}, {number(self.of[1])}", self._tags(speaker)
        return speaker.pick(f"the distance in km of {tags} from ({point})", f"{tags}距（{point}）的公里数")

    def _tags(self, speaker: Speaker) -> str:
        return " / ".join(speaker.tag(name)[0] for name in (self.lat, self.lon))


@dataclass(frozen=True)
class BoundGeo(BoundLeaf):
    """A distance ready to be asked."""

    tags: tuple[tuple[str, str, ValueType], ...] = ()
    of: tuple[float, float] = (0.0, 0.0)

    def source(self) -> Source:
        """The rows of the family, or of both, that hold the tags."""
        (family, lat, _), (other, lon, _) = self.tags
        relation = f"FROM {quote_name(f'family:{family}')} AS f"
        if other != family:
            relation += f'\nJOIN {quote_name(f"family:{other}")} AS g ON g."row" = f."row"'
        a, b = f"f.{quote_name(lat)}", f"{'f' if other == family else 'g'}.{quote_name(lon)}"
        near = measured_sql(self._distance_sql(a, b), self.operator, self.operand, rounded=True)
        return Source(relation, 'f."row"', f"{a} BETWEEN -90 AND 90 AND {b} BETWEEN -180 AND 180 AND {near}")

    def _distance_sql(self, lat: str, lon: str) -> str:
        (c, d), (a, b) = map(math.radians, self.of), (f"radians({lat}::DOUBLE)", f"radians({lon}::DOUBLE)")
        h = f"sin(({a} - {c!r}) / 2) ** 2 + cos({a}) * {math.cos(c)!r} * sin(({b} - {d!r}) / 2) ** 2"
        return f"{2 * EARTH_RADIUS_KM!r} * asin(sqrt(least(1.0, {h})))"

    @property
    def tags_read(self) -> tuple[tuple[str, str, ValueType], ...]:
        """Latitude and longitude."""
        return self.tags

    def measured(self, facts: Facts) -> float | None:
        """The distance in km."""
        lat, lon = (present(facts.tags.get(name)) for _, name, _ in self.tags)
        return None if lat is None or lon is None else distance_km(float(lat), float(lon), self.of)


def _degrees(raw: Raw, most: int, place: str) -> float:
    found = exact(raw) if is_number(raw) else None
    if found is None or abs(found) > most:
        fix = 'Write "of": [LATITUDE, LONGITUDE] in degrees, -90 to 90 and -180 to 180.'
        raise Refused("bad_value", f"{shown(raw)} are no degrees.", place=place, fix=fix)
    return float(found)


def _kilometres(body: Mapping[str, Raw], place: str) -> float:
    raw: Raw = body.get("within_km")
    found = exact(raw) if is_number(raw) else None
    if found is None or not 0 < found <= _FARTHEST_KM:
        said = f'"within_km" cannot be {shown(raw)}.' if "within_km" in body else '"within_km" is missing.'
        raise Refused("bad_value", said, place=place, fix=f"Write a number above 0, up to {_FARTHEST_KM:,}.")
    return float(found)
