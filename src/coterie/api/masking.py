"""Fields that tell who somebody is, hidden from roles that may not see them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coterie.catalog.schemas import Dataset, DatasetKind
from coterie.errors import Refused

if TYPE_CHECKING:
    from coterie.api.accounts import Caller
    from coterie.workspace import Workspace

HIDDEN = "•••"
_PARTS = re.compile(r"[\s._\-]+")


@dataclass(frozen=True)
class Mask:
    """What one caller may not see.

    fields : names that identify, in small letters; empty where all is shown. keys : whether customers' keys do, too.

    >>> mask = Mask(frozenset({"email", "first_name"}), False, b"")
    >>> mask.hides("crm.Email"), mask.hides("work_email"), mask.hides("First Name"), mask.hides("emails_opened")
    (True, True, True, False)
    """

    fields: frozenset[str]
    keys: bool
    secret: bytes

    @classmethod
    def of(cls, ws: Workspace, caller: Caller) -> Mask:
        """The mask of a caller."""
        if caller.sees_personal:
            return cls(frozenset(), False, b"")
        named = (_plain(part) for part in str(ws.settings["identifying_fields"]).split(","))
        return cls(frozenset(n for n in named if n), bool(ws.settings.number("identifying_keys")), ws.facts.id.encode())

    def hides(self, name: str) -> bool:
        """Whether a field or tag of that name is hidden."""
        shown = _plain(name.rpartition(".")[2])
        return any(shown == hidden or shown.endswith(f"_{hidden}") for hidden in self.fields)

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


def _plain(name: str) -> str:
    return _PARTS.sub("_", name.strip().casefold())
