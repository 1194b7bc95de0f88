"""The content library, and what providers tell of messages that they carried."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from coterie.api.answers import answer, page
from coterie.api.audiences import CopyRequest
from coterie.api.door import In, Language, Limit, Offset, Order, Search, shared
from coterie.api.masking import HIDDEN
from coterie.campaigns import events, records
from coterie.campaigns.journal import Hit
from coterie.destinations.http import verified
from coterie.destinations.service import KIND as DESTINATION
from coterie.errors import CoterieError, Refused
from coterie.kit.moments import parse_moment
from coterie.workspace import Workspace

Kind = Literal["template", "dynamic", "page"]
Version = Annotated[int | None, Query(ge=1, le=2**31)]
_NEED_MOMENT = (events.OPENED, events.CLICKED)  # of the same message there may be several


class ContentRequest(BaseModel):
    """Content to save. `base_version` is the version it was read at, 0 for new content; none: whatever is there."""

    kind: Kind
    body: dict[str, Any]
    base_version: int | None = Field(None, ge=0, le=2**31)


class VersionRequest(BaseModel):
    """A version; none: the newest."""

    version: int | None = Field(None, ge=1, le=2**31)


class ContentPreview(BaseModel):
    """Content to look at as one customer."""

    kind: Kind
    body: dict[str, Any]
    entity: str = Field(max_length=1000)
    language: str | None = Field(None, max_length=20)
    channel: str | None = Field(None, max_length=100)


class Receipt(BaseModel):
    """What became of one message, by its key. `at` is needed where it can happen more than once."""

    key: str = Field(pattern=r"^[0-9a-f]{16}\.[0-9a-f]{1,8}$")
    event: Literal["delivered", "opened", "clicked", "bounced", "unsubscribed", "dead"]
    at: str | None = Field(None, max_length=40)
    detail: str = Field("", max_length=500)
    permanent: bool = False


class Receipts(BaseModel):
    """What a provider sends."""

    receipts: list[Receipt] = Field(max_length=10_000)


def add_to(app: FastAPI) -> None:
    """Add these routes."""
    _looking(app)
    _changing(app)
    _receiving(app)


def _looking(app: FastAPI) -> None:
    @app.get("/api/v1/content")
    def content(
        door: In,
        kind: Kind | None = None,
        state: Literal["draft", "published", "withdrawn"] | None = None,
        search: Search = "",
        sort: str = "name",
        order: Order = "asc",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """Templates, dynamic copy and landing pages, with who uses them."""
        asked: dict[str, Any] = {"search": search, "sort": sort, "order": order, "limit": limit, "offset": offset}
        rows, total = page(door.ws.campaigns.library.rows(kind=kind, state=state), within=("name", "kind"), **asked)
        return answer({"content": rows, "total": total})

    @app.post("/api/v1/content/preview")
    def preview_content(body: ContentPreview, door: In, language: Language = "en") -> Any:
        """What a customer would see of content that need not be saved, and why they have this dynamic copy; what
        identifies people is masked. The query's `language` is that of sentences."""
        door.mask.refuse_keys()
        mask, library = door.mask, door.ws.campaigns.library
        found = library.preview(
            body.kind,
            body.body,
            body.entity,
            language=body.language,
            channel=body.channel,
            hide=lambda tag: HIDDEN if mask.hides(tag) else None,
            say=language,
        )
        return answer(found)

    @app.get("/api/v1/content/{name}")
    def one_content(name: str, door: In, version: Version = None) -> Any:
        """A version of content with its body, the tags and links that it names, and all versions."""
        return answer(door.ws.campaigns.library.show(name, version))

    @app.get("/api/v1/content/{name}/stats")
    def content_stats(name: str, door: In) -> Any:
        """Visits, visitors and conversions of a landing page, in all and by day."""
        return answer(door.ws.campaigns.library.stats(name))


def _changing(app: FastAPI) -> None:
    @app.put("/api/v1/content/{name}")
    def save_content(name: str, body: ContentRequest, door: In) -> Any:
        """Save content; an existing name gets a new version, which nobody uses before it is published."""
        saved = door.ws.campaigns.library.save(name, body.kind, body.body, base_version=body.base_version)
        door.note("content", name, None, {"kind": body.kind, "version": saved["version"]})
        return answer(saved)

    @app.post("/api/v1/content/{name}/publish")
    def publish_content(name: str, door: In, body: VersionRequest | None = None) -> Any:
        """Let a version be what is used from now on."""
        made = door.ws.campaigns.library.publish(name, None if body is None else body.version)
        door.note("content", name, None, {"published_version": made["published_version"]})
        return answer(made)

    @app.post("/api/v1/content/{name}/withdraw")
    def withdraw_content(name: str, door: In) -> Any:
        """Let nobody new use it; what runs keeps its version."""
        made = door.ws.campaigns.library.withdraw(name)
        door.note("content", name, None, {"state": made["state"]})
        return answer(made)

    @app.post("/api/v1/content/{name}/copy")
    def copy_content(name: str, body: CopyRequest, door: In) -> Any:
        """The same content under another name, as a draft."""
        return answer(door.ws.campaigns.library.copy(name, body.to))

    @app.delete("/api/v1/content/{name}")
    def delete_content(name: str, door: In) -> Any:
        """Delete a draft that nobody uses."""
        door.ws.campaigns.library.delete(name)
        door.note("content", name, {"name": name}, None)
        return answer({"name": name, "deleted": True})


def _receiving(app: FastAPI) -> None:
    @app.post("/api/v1/receipts/{channel}")
    async def receipts(channel: str, request: Request) -> Any:
        """What became of messages, told by the provider that carried them, and signed as our webhooks are.

        `Coterie-Signature: t=SECONDS,v1=HEX` with the secret of any destination, not older than five minutes. The same
        receipts again change nothing.
        """
        content = await request.body()
        signature = request.headers.get("Coterie-Signature", "")
        return answer(await run_in_threadpool(_received, request, channel, content, signature))


def _received(request: Request, channel: str, content: bytes, signature: str) -> dict[str, int]:
    ws = shared(request)
    if not any(verified(content, signature, str(d.body["secret"])) for d in ws.store.all(DESTINATION)):
        fix = "Sign SECONDS.BODY with the secret of the destination, and send it within five minutes."
        raise Refused("bad_signature", "The signature is wrong or too old.", place="Coterie-Signature", fix=fix)
    try:
        given = Receipts.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Refused("bad_argument", f"{first['msg']}.", place=place, fix="See /api/v1/openapi.json.") from None
    found = list(_hits(ws, channel, given.receipts))
    if found:
        request.app.state.journal.note(*found)
        request.app.state.journal.sync()
    return {"accepted": len(found), "unknown": len(given.receipts) - len(found)}


def _hits(ws: Workspace, channel: str, given: list[Receipt]) -> Iterator[Hit]:
    """Those of messages that went out by that channel."""
    known: dict[str, bool] = {}
    for n, receipt in enumerate(given):
        token, _, number = receipt.key.partition(".")
        if token not in known:
            known[token] = _carried(ws, token, channel)
        if receipt.event in _NEED_MOMENT and receipt.at is None:
            fix = "Say when it was, so that it can be told from another."
            raise Refused("bad_argument", "`at` is missing.", place=f"receipts[{n}].at", fix=fix)
        if known[token]:
            at = time.time() if receipt.at is None else _moment(ws, receipt.at, n)
            reason = "permanent" if receipt.permanent and receipt.event == events.BOUNCED else ""
            yield Hit(receipt.event, token, int(number, 16), at, 0, reason, receipt.detail, receipt=True)


def _moment(ws: Workspace, at: str, n: int) -> float:
    return parse_moment(at, ws.zone, place=f"receipts[{n}].at").timestamp()


def _carried(ws: Workspace, token: str, channel: str) -> bool:
    """Whether a run went out by that channel."""
    document = ws.store.find(records.TOKEN, token)
    if document is None:
        return False
    run: Mapping[str, Any] = document.body
    try:
        return ws.campaigns.get(str(run["run"]).rpartition("@")[0])[0].channel == channel
    except CoterieError:
        return False
