"""Blocks: groups of conditions saved to be used again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel

from coterie.api.answers import answer, page
from coterie.api.audiences import CopyRequest
from coterie.api.door import In, Language
from coterie.api.listing import listed_by


class BlockRequest(BaseModel):
    """Conditions to save as a block."""

    rule: dict[str, Any]
    description: str | None = None
    entity_kind: str = "customer"
    language: Literal["en", "zh"] = "en"


def add_to(app: FastAPI) -> None:
    """Add these routes."""

    @app.get("/api/v1/blocks")
    def blocks(door: In, asked: Annotated[dict[str, Any], listed_by("block")], language: Language = "en") -> Any:
        """Groups of conditions saved to be used again, with who uses them."""
        rows, total = page(door.ws.audiences.blocks.rows(language), within=("block", "description"), **asked)
        return answer({"blocks": rows, "total": total})

    @app.put("/api/v1/blocks/{name}")
    def save_block(name: str, body: BlockRequest, door: In) -> Any:
        """Save conditions under a name; an existing name gets a new version."""
        return answer(door.ws.audiences.blocks.save(name, body.rule, **body.model_dump(exclude={"rule"})))

    @app.get("/api/v1/blocks/{name}")
    def block(name: str, door: In, language: Language = "en") -> Any:
        """A block with its rule and its versions."""
        return answer(door.ws.audiences.blocks.show(name, language))

    @app.post("/api/v1/blocks/{name}/copy")
    def copy_block(name: str, body: CopyRequest, door: In) -> Any:
        """The same conditions under another name."""
        return answer(door.ws.audiences.blocks.copy(name, body.to))

    @app.delete("/api/v1/blocks/{name}")
    def delete_block(name: str, door: In) -> Any:
        """Delete a block that nobody uses."""
        door.ws.audiences.blocks.delete(name)
        return answer({"block": name, "deleted": True})
