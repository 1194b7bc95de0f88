"""Customers: found by key, their tags, what they did, and the audiences they are in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from coterie.api import people
from coterie.api.answers import answer
from coterie.api.door import In, Language, Limit, Offset, Search


def add_to(app: FastAPI) -> None:
    """Add these routes; keys may hold slashes."""

    @app.get("/api/v1/customers")
    def customers(door: In, search: Search = "", entity_kind: str = "customer", limit: Limit = 20) -> Any:
        """People whose key begins so, that of exactly this key first, with some of their tags."""
        return answer({"customers": people.search(door, search, entity_kind, limit)})

    @app.get("/api/v1/customers/{entity:path}/events")
    def events(
        entity: str,
        door: In,
        entity_kind: str = "customer",
        dataset: str = "",
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Any:
        """What they did, newest first."""
        asked: dict[str, Any] = {"datasets": [d for d in dataset.split(",") if d], "limit": limit, "offset": offset}
        rows, total = people.events_of(door, entity, entity_kind, **asked)
        more = offset + len(rows)
        return answer({"events": rows, "total": total, "next": more if more < total else None})

    @app.get("/api/v1/customers/{entity:path}/scores")
    def scores(entity: str, door: In, entity_kind: str = "customer", language: Language = "en") -> Any:
        """Their scores and segments, with what each comes from."""
        from coterie.api.scores import scores_of

        return answer({"entity": entity, "scores": scores_of(door, entity, entity_kind, language)})

    @app.get("/api/v1/customers/{entity:path}/audiences")
    def audiences(entity: str, door: In, entity_kind: str = "customer") -> Any:
        """The audiences whose newest snapshot has them; why, tells /audiences/{name}/explain/{entity}."""
        return answer({"entity": entity, "audiences": people.audiences_of(door, entity, entity_kind)})

    @app.get("/api/v1/customers/{entity:path}")
    def customer(entity: str, door: In, entity_kind: str = "customer", language: Language = "en") -> Any:
        """Their tags as of the published build, and when they were first seen."""
        return answer(people.tags_of(door, entity, entity_kind, language))
