"""Fields that tell who somebody is, hidden from roles that may not see them.

Answers are masked, and so are the values that saved rules compare hidden fields with. What is more, a rule or a
definition of such a role may not read a hidden field: who may count `email starts with "a"` can spell out an address
letter by letter. Whether there is a value may be asked (`exists`). SQL is refused where anything is hidden, since what
it reads cannot be told from its words.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from coterie.catalog.definitions import SPECS
from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.errors import Refused
from coterie.rules.sentences import HIDDEN, HIDES

if TYPE_CHECKING:
    from coterie.api.accounts import Caller
    from coterie.workspace import Workspace

__all__ = ["HIDDEN", "Mask", "masked_rules"]
_PARTS = re.compile(r"[\s._\-]+")
_WORDS = re.compile(r"[^\W\d][\w.]*")
_NAMING = ("tag", "field", "of", "than_field", "lat", "lon", "same", "by")  # keys of rules that name what is read
_MAKING = (*(key for key in SPECS if key not in ("list", "published")), "options", "expression")  # of definitions
_AUDIENCES = ("audience", "audiences", "against", "seed")
_PRESENCE = ("exists", "not_exists")


@dataclass(frozen=True)
class Mask:
    """What one caller may not see.

    fields : names that identify, in small letters; empty where all is shown. keys : whether customers' keys do, too.
    lookups : datasets of products, stores and the like, whose names tell nothing of customers.

    >>> mask = Mask(frozenset({"email", "first_name"}), False, b"")
    >>> mask.hides("crm.Email"), mask.hides("work_email"), mask.hides("First Name"), mask.hides("emails_opened")
    (True, True, True, False)
    """

    fields: frozenset[str]
    keys: bool
    secret: bytes
    lookups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ws: Workspace, caller: Caller) -> Mask:
        """The mask of a caller."""
        if caller.sees_personal:
            return cls(frozenset(), False, b"")
        named = (_plain(part) for part in str(ws.settings["identifying_fields"]).split(","))
        lookups = frozenset(d.name for d in ws.catalog.datasets().values() if d.kind is DatasetKind.LOOKUP)
        keys, secret = bool(ws.settings.number("identifying_keys")), ws.facts.id.encode()
        return cls(frozenset(n for n in named if n), keys, secret, lookups)

    def hides(self, name: str) -> bool:
        """Whether a field or tag of that name is hidden."""
        before, _, last = name.rpartition(".")
        shown = _plain(last)
        return before not in self.lookups and any(
            shown == hidden or shown.endswith(f"_{hidden}") for hidden in self.fields
        )

    def of_dataset(self, dataset: Dataset) -> Mask:
        """The mask of a dataset's fields: the name of a product or a store tells nothing of a customer."""
        return replace(self, fields=frozenset()) if dataset.kind is DatasetKind.LOOKUP else self

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with hidden fields masked; what is missing stays so."""
        return {k: HIDDEN if v is not None and self.hides(k) else v for k, v in row.items()}

    def key(self, key: str) -> str:
        """A customer's key, or a name that stands for it and from which it cannot be told."""
        if not self.keys:
            return key
        return "c-" + hmac.new(self.secret, key.encode(), hashlib.sha256).hexdigest()[:12]

    def members(self, page: Mapping[str, Any]) -> dict[str, Any]:
        """A page of members."""
        return {**page, "members": [self.key(k) for k in page["members"]]}

    def refuse_keys(self) -> None:
        """Refuse to look at one person where keys tell who it is."""
        if self.keys:
            said = "Customers' keys are personal data, which your role does not see."
            raise Refused("not_allowed", said, place="entity", fix="Ask an admin of this workspace.")

    def refuse_tags(self, tags: Iterable[str]) -> None:
        """Refuse to write hidden tags into a file."""
        hidden = [t for t in tags if self.hides(t)]
        if hidden:
            said = f"{', '.join(hidden)} tell who people are, which your role does not see."
            raise Refused("not_allowed", said, place="tags", fix="Leave them out, or ask an admin.")

    def refuse_reading(self, body: Any, *, hidden_there: bool = True) -> None:
        """Refuse a request whose rules or definitions read what is hidden.

        hidden_there : whether any dataset has a hidden field, so that SQL could read one.

        >>> mask = Mask(frozenset({"email"}), False, b"")
        >>> mask.refuse_reading({"rule": {"tag": "email", "op": "exists"}})
        >>> mask.refuse_reading({"rule": {"all": [{"tag": "email", "op": "starts_with", "value": "a"}]}})
        Traceback (most recent call last):
        coterie.errors.Refused: `not_allowed` at `all[0]`: "email" tells who people are, which your role does not see. ...
        """
        for read in _reads(body, ""):
            place = read.place.removeprefix("rule").lstrip(".") or "rule"
            if read.name is None and hidden_there:
                said = "SQL can read who people are, which your role does not see."
                raise Refused("not_allowed", said, place=place, fix="Use conditions, or ask an admin.")
            if read.name is not None and self.hides(read.name):
                said = f'"{read.name}" tells who people are, which your role does not see.'
                fix = "Ask whether it is known (`exists`), or ask an admin."
                raise Refused("not_allowed", said, place=place, fix=fix)

    @contextmanager
    def over_words(self) -> Iterator[None]:
        """Meanwhile, sentences of rules and rules in answers do not tell what hidden fields are compared with."""
        token = HIDES.set(self.hides if self.fields else None)
        try:
            yield
        finally:
            HIDES.reset(token)


class _Read(NamedTuple):
    """Something that a request reads: where it says so, and the name; None is SQL."""

    place: str
    name: str | None


def _reads(body: Any, place: str) -> Iterator[_Read]:
    """What the rules and definitions within a body read."""
    if isinstance(body, list):
        for number, item in enumerate(body):
            yield from _reads(item, f"{place}[{number}]")
    if not isinstance(body, Mapping):
        return
    present = body.get("op") in _PRESENCE
    for key, value in body.items():
        if key == "sql" and isinstance(value, str):
            yield _Read(place, None)
        elif key in _MAKING and not (key == "field" and isinstance(value, str)):
            yield from (_Read(place, name) for text in _texts(value) for name in (text, *_WORDS.findall(text)))
        elif key in _NAMING and not (present and key in ("tag", "field")):
            yield from (_Read(place, text) for text in _texts(value) if not isinstance(value, list))
        yield from _reads(value, f"{place}.{key}".lstrip("."))


def audiences_read(body: Any) -> Iterator[str]:
    """The audiences that a body names, in its rules and beside them.

    >>> list(audiences_read({"rule": {"not": {"audience": "a"}}, "against": "b", "audiences": ["c"]}))
    ['a', 'b', 'c']
    """
    if isinstance(body, list):
        for item in body:
            yield from audiences_read(item)
    elif isinstance(body, Mapping):
        for key, value in body.items():
            if key in _AUDIENCES and isinstance(value, str | list):
                yield from _texts(value)
            else:
                yield from audiences_read(value)


def _texts(value: Any) -> Iterator[str]:
    """All texts within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def masked_rules(value: Any) -> Any:
    """Plain data whose rules do not tell what hidden fields are compared with.

    >>> with Mask(frozenset({"email"}), False, b"").over_words():
    ...     masked_rules({"rule": {"any": [{"tag": "email", "op": "eq", "value": "a@b"}]}})
    {'rule': {'any': [{'tag': 'email', 'op': 'eq', 'value': '•••'}]}}
    """
    hides = HIDES.get()
    if hides is None or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [masked_rules(item) for item in value]
    shown = {key: masked_rules(item) for key, item in value.items()}
    name = value.get("tag", value.get("field"))
    if isinstance(name, str) and "op" in value and value.get("value") is not None and hides(name):
        shown["value"] = HIDDEN
    return shown


def _plain(name: str) -> str:
    return _PARTS.sub("_", name.strip().casefold())
