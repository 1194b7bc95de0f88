"""What every list can be asked for: search, sort, order, limit and offset."""

from __future__ import annotations

from typing import Any

from fastapi import Depends

from coterie.api.door import Limit, Offset, Order, Search


def listed_by(column: str) -> Any:
    """A dependency that gives what `answers.page` takes; the list is sorted by `column` unless another is asked for."""

    def _asked(
        search: Search = "", sort: str = column, order: Order = "asc", limit: Limit = 100, offset: Offset = 0
    ) -> dict[str, Any]:
        return {"search": search, "sort": sort, "order": order, "limit": limit, "offset": offset}

    return Depends(_asked)
