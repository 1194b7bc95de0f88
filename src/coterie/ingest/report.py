"""What an import did, in numbers that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ImportReport:
    """The result of one import; `read == accepted + rejected + duplicates` always.

    read : data rows of the file, header and blank lines not counted.
    accepted : rows that are now in the lake (of a dry run: that would be).
    rejected : rows kept in the lake table `rejects`; `reject_reasons` counts them by reason.
    duplicates : rows whose key was there before, in the file or in an earlier batch; all rows of a batch given again.
    entities : different entities of the accepted rows; `new_entities` of them were not known before.
    types : type of every imported column, by its name.
    data_version : of this batch; of a dry run the newest before it.
    notes : what a person should know, in words: renamed columns, several ways of writing dates, types that were widened.
    mapping : how the columns were taken, such as `{"entity": "CustomerID", "time": "InvoiceDate"}`.
    sample : of a dry run the first ten rows as they would be stored.
    rejects : up to ten of the rejects, with file, line, column, value and reason.
    """

    dataset: str
    read: int
    accepted: int
    rejected: int
    duplicates: int
    entities: int
    reject_reasons: Mapping[str, int]
    types: Mapping[str, str]
    data_version: int
    new_entities: int = 0
    notes: Sequence[str] = ()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    sample: Sequence[Mapping[str, Any]] = ()
    rejects: Sequence[Mapping[str, Any]] = ()
    dry_run: bool = False
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        body = asdict(self)
        return {k: v for k, v in body.items() if k not in ("sample", "rejects", "notes") or v}
