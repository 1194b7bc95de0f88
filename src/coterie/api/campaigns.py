"""Campaigns: list, edit, plan, approve, run, and the funnel with the people behind it."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from coterie.api import masking
from coterie.api.answers import answer, language_of, notes_in
from coterie.api.audiences import made_file, sent
from coterie.api.door import Door, In, Language, Limit, Offset, Order, Search
from coterie.campaigns import messaging
from coterie.campaigns.jobs import SEND
from coterie.campaigns.showing import occurrence_row, occurrences
from coterie.kit.chinese import told_in

_SAVING = threading.Lock()  # between looking at the version and saving
Text = Annotated[str | None, Query(max_length=200)]
Version = Annotated[int | None, Query(ge=1, le=2**31)]


class DefinitionRequest(BaseModel):
    """A campaign as in a file."""

    definition: dict[str, Any]


class SaveCampaignRequest(DefinitionRequest):
    """`base_version` is the version it was read at, 0 for a new one; none at all: whatever is there."""

    base_version: int | None = Field(None, ge=0, le=2**31)


class CopyCampaignRequest(BaseModel):
    """The name of the copy; without one, NAME_copy."""

    to: str | None = Field(None, max_length=200)


class PlanRequest(BaseModel):
    """When it is to be sent, instead of what the schedule says."""

    at: str | None = None


class ApproveRequest(BaseModel):
    """Recipients up to which later occurrences run unasked, of a campaign that recurs."""

    most: int | None = Field(None, ge=0, le=2**31)


class RunRequest(BaseModel):
    """Whether those whose hand-over was cut off, and may have got it, are sent it again; and whether before its time."""

    resend_uncertain: bool = False
    anyway: bool = False


class RetryRequest(BaseModel):
    """Who waits again: those who ended `failed`, or `uncertain`."""

    event: str = "failed"


class BarRequest(BaseModel):
    """Of which run, and what to call the audience."""

    run: str | None = None
    name: str | None = Field(None, max_length=200)


class PreviewRequest(BaseModel):
    """Whose message; `definition` is one that need not be saved."""

    entity: str
    arm: str | None = None
    definition: dict[str, Any] | None = None


class TestRequest(BaseModel):
    """Where to send whose message; no address: those that are remembered."""

    __test__ = False  # no test, though its name begins so

    to: list[str] = Field([], max_length=20)
    entity: str
    arm: str | None = None


class AddressesRequest(BaseModel):
    """Addresses of test messages."""

    addresses: list[str] = Field(max_length=20)


class RulesRequest(BaseModel):
    """Caps, global holdout and costs of messages."""

    caps: list[dict[str, Any]]
    holdout: float = 0.0
    salt: str | None = None
    costs: dict[str, Any] = {}


def add_to(app: FastAPI) -> None:
    """Add these routes; those with names of their own stand before those of one campaign."""
    _list(app)
    _common(app)
    _saving(app)
    _states(app)
    _sending(app)
    _figures(app)
    _people(app)


def _asked(
    state: Text = None,
    search: Search = "",
    channel: Text = None,
    owner: Text = None,
    category: Text = None,
    brand: Text = None,
    sort: str = "changed_at",
    order: Order = "desc",
) -> dict[str, Any]:
    """What the list and its file can be asked for."""
    asked: dict[str, Any] = {"state": state, "text": search, "channel": channel, "owner": owner}
    return asked | {"category": category, "brand": brand, "sort": sort, "order": order}


Asked = Annotated[dict[str, Any], Depends(_asked)]


def _list(app: FastAPI) -> None:
    @app.get("/api/v1/campaigns")
    def campaigns(
        door: In,
        asked: Asked,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Any:
        """Campaigns with how they stand, and how many are in each state."""
        return answer(door.ws.campaigns.rows(limit=limit, offset=offset, **asked))

    @app.get("/api/v1/campaigns.csv")
    def export(
        door: In,
        asked: Asked,
    ) -> Any:
        """The same as a file; no cell runs as a formula."""
        rows = door.ws.campaigns.rows(limit=1_000_000, **asked)["campaigns"]
        path = made_file(door.ws, "campaigns.csv")
        door.ws.audiences.write_table(rows or [{"campaign": None}], path)
        door.note("export", "campaigns", None, {"rows": len(rows)})
        return sent(path, "campaigns.csv")


def _common(app: FastAPI) -> None:
    @app.get("/api/v1/campaigns/rules")
    def rules(door: In) -> Any:
        """Caps, global holdout and costs of messages, for all campaigns."""
        return answer(door.ws.campaigns.rules().as_dict())

    @app.put("/api/v1/campaigns/rules")
    def set_rules(body: RulesRequest, door: In) -> Any:
        """Set them."""
        before = door.ws.campaigns.rules().as_dict()
        made = door.ws.campaigns.set_rules(body.model_dump(exclude_none=True)).as_dict()
        door.note("campaign rules", "all", before, made)
        return answer(made)

    @app.get("/api/v1/exclusions")
    def exclusions(door: In) -> Any:
        """Groups of campaigns of which each customer is in at most one: who has which share, and what is free."""
        return answer({"groups": door.ws.campaigns.exclusions()})

    @app.get("/api/v1/campaigns/test-addresses")
    def addresses(door: In) -> Any:
        """Where test messages go unless somebody says otherwise."""
        return answer({"addresses": messaging.test_addresses(door.ws.campaigns)})

    @app.put("/api/v1/campaigns/test-addresses")
    def set_addresses(body: AddressesRequest, door: In) -> Any:
        """Remember them."""
        return answer({"addresses": messaging.set_test_addresses(door.ws.campaigns, body.addresses)})

    @app.get("/api/v1/campaigns/compare")
    def compare(door: In, names: Annotated[str, Query(max_length=2000)], language: Language = "en") -> Any:
        """The newest runs of several campaigns side by side; names with commas in between."""
        listed = [name.strip() for name in names.split(",") if name.strip()]
        return answer(door.ws.campaigns.compare(listed, language))

    @app.post("/api/v1/campaigns/check")
    def check(body: DefinitionRequest, door: In) -> Any:
        """Read a definition without saving it; refused with the place of the first mistake."""
        made = door.ws.campaigns.check({"name": "draft", **body.definition})
        return answer({**made, "notes": notes_in(made["notes"], language_of(door.request))})

    @app.get("/api/v1/channels")
    def channels(door: In, language: Language = "en") -> Any:
        """Ways to customers: parts of their messages, options, and what purposes must permit."""
        return answer({"channels": messaging.channel_rows(language)})


def _saving(app: FastAPI) -> None:
    @app.get("/api/v1/campaigns/{name}")
    def campaign(name: str, door: In, version: Version = None, language: Language = "en") -> Any:
        """One campaign: its definition, versions, approval, what blocks it, its steps and its newest run."""
        return answer(_page(door, name, version, language))

    @app.put("/api/v1/campaigns/{name}")
    def save(name: str, body: SaveCampaignRequest, door: In, language: Language = "en") -> Any:
        """Save a definition; an existing name gets a new version, unless a newer one than was read is there."""
        with _SAVING:
            known = door.ws.store.find("campaign", name)
            version = 0 if known is None else known.version
            if body.base_version is not None and body.base_version != version:
                return _conflict(door, name, body, language)
            given = {**body.definition, "name": name}
            if known is None:
                given.setdefault("owner", door.caller.account.name)
            made = door.ws.campaigns.create(given)
            return answer({**made, "notes": notes_in(made["notes"], language_of(door.request))})

    @app.post("/api/v1/campaigns/{name}/copy")
    def copy(name: str, body: CopyCampaignRequest, door: In) -> Any:
        """The same under another name: a draft that runs only when told."""
        made = door.ws.campaigns.copy(name, body.to)
        return answer(door.ws.campaigns.row(made["campaign"]))

    @app.delete("/api/v1/campaigns/{name}")
    def delete(name: str, door: In) -> Any:
        """Delete a draft that never ran."""
        return answer(door.ws.campaigns.delete(name))


def _page(door: Door, name: str, version: int | None, language: Any) -> dict[str, Any]:
    told = door.ws.campaigns.page(name, version, language)
    told["blocked"] = [{**error, **(told_in(error, language) or {})} for error in told["blocked"]]
    if told["occurrence"] is not None:
        told["occurrence"] = _masked_run(door, told["occurrence"])
    return told


def _masked_run(door: Door, row: dict[str, Any]) -> dict[str, Any]:
    """A run whose samples are shown to who may see keys, with notes in the reader's language."""
    plan = row["plan"]
    samples = {bucket: [door.mask.key(k) for k in keys] for bucket, keys in plan["samples"].items()}
    notes = notes_in(plan.get("notes", []), language_of(door.request))
    return {**row, "plan": {**plan, "samples": samples, "notes": notes}}


def _conflict(door: Door, name: str, body: SaveCampaignRequest, language: Any) -> JSONResponse:
    """What is there now and what was to be saved, side by side."""
    gone = door.ws.store.find("campaign", name) is None
    theirs = None if gone else _page(door, name, None, language)
    said = f'"{name}" was deleted.' if gone else f'"{name}" was saved by somebody else since you opened it.'
    error = {"code": "newer_version", "message": said, "place": "base_version"}
    fix = "Look at both, and save again at the newest version."
    return answer({**error, "fix": fix, "theirs": theirs, "yours": body.model_dump()}, 409)


def _states(app: FastAPI) -> None:
    @app.post("/api/v1/campaigns/{name}/enable")
    def enable(name: str, door: In) -> Any:
        """Let it run."""
        door.ws.campaigns.enable(name)
        return answer(door.ws.campaigns.row(name))

    @app.post("/api/v1/campaigns/{name}/disable")
    def disable(name: str, door: In) -> Any:
        """Do not let it run; how far it is stays as it is."""
        door.ws.campaigns.enable(name, False)
        return answer(door.ws.campaigns.row(name))

    @app.post("/api/v1/campaigns/{name}/pause")
    def pause(name: str, door: In) -> Any:
        """Stop handing over; what waits goes on waiting."""
        door.ws.campaigns.pause(name)
        return answer(door.ws.campaigns.row(name))

    @app.post("/api/v1/campaigns/{name}/resume")
    def resume(name: str, door: In) -> Any:
        """Let a paused one go on."""
        door.ws.campaigns.resume(name)
        return answer(door.ws.campaigns.row(name))

    @app.post("/api/v1/campaigns/{name}/cancel")
    def cancel(name: str, door: In) -> Any:
        """End it; who waits gets nothing."""
        door.ws.campaigns.cancel(name)
        return answer(door.ws.campaigns.row(name))


def _sending(app: FastAPI) -> None:
    @app.post("/api/v1/campaigns/{name}/plan")
    def plan(name: str, body: PlanRequest, door: In) -> Any:
        """Who gets it, who does not and why; nothing is sent."""
        moment = None if body.at is None else door.ws.moment(body.at, place="at")
        return answer(_masked_run(door, occurrence_row(door.ws.campaigns.plan(name, at=moment))))

    @app.post("/api/v1/campaigns/{name}/approve")
    def approve(name: str, body: ApproveRequest, door: In) -> Any:
        """Accept the newest plan."""
        return answer(door.ws.campaigns.approve(name, by=door.caller.account.name, most=body.most))

    @app.post("/api/v1/campaigns/{name}/run")
    def run(name: str, body: RunRequest, door: In) -> Any:
        """Send what was approved, or go on where it stopped, as a job."""
        door.ws.campaigns.refuse_run(name)
        if body.resend_uncertain:
            door.ws.campaigns.running.retry(name, "uncertain")
        given = {"campaign": name, "anyway": body.anyway}
        return answer({"job": door.ws.jobs.enqueue(SEND, given, key=f"campaign {name}")})

    @app.post("/api/v1/campaigns/{name}/retry")
    def retry(name: str, body: RetryRequest, door: In) -> Any:
        """Let those who failed wait again; `run` sends them."""
        return answer(door.ws.campaigns.running.retry(name, body.event))

    @app.post("/api/v1/campaigns/{name}/preview")
    def preview(name: str, body: PreviewRequest, door: In, language: Language = "en") -> Any:
        """What a customer would get, and why they have this dynamic copy; values of hidden tags are masked."""
        door.mask.refuse_keys()
        asked: dict[str, Any] = {"arm": body.arm, "draft": body.definition, "mask": door.mask.row}
        found = door.ws.campaigns.preview(name, body.entity, **asked, language=language)
        address = masking.HIDDEN if found["address"] and not door.caller.sees_personal else found["address"]
        return answer({**found, "address": address, "missing": found["empty"]})

    @app.post("/api/v1/campaigns/{name}/test")
    def test(name: str, body: TestRequest, door: In) -> Any:
        """Send a customer's message to test addresses; the funnel does not count it."""
        return answer(door.ws.campaigns.test(name, body.to, entity=body.entity, arm=body.arm))


def _figures(app: FastAPI) -> None:
    @app.get("/api/v1/campaigns/{name}/occurrences")
    def runs(name: str, door: In) -> Any:
        """All runs, the newest first."""
        return answer({"campaign": name, "occurrences": occurrences(door.ws.campaigns, name)})

    @app.get("/api/v1/campaigns/{name}/funnel")
    def funnel(name: str, door: In, run: Text = None, by: Text = None) -> Any:
        """Where everyone is, rates with intervals, time to goal, money, by day; by arm, channel, day, segment:NAME, tag:NAME."""
        return answer(door.ws.campaigns.funnel(name, run, by))

    @app.get("/api/v1/campaigns/{name}/results")
    def results(name: str, door: In, run: Text = None, segments: str = "", language: Language = "en") -> Any:
        """Whether it worked; with `segments`, tags with commas in between, also by their values."""
        tags = [t.strip() for t in segments.split(",") if t.strip()]
        door.mask.refuse_tags(tags)
        return answer(door.ws.campaigns.results(name, run, language=language, segments=tags))

    @app.get("/api/v1/campaigns/{name}/allocation")
    def allocation(name: str, door: In) -> Any:
        """How the arms' shares followed the results, and those that come next."""
        return answer(door.ws.campaigns.allocation(name))


def _people(app: FastAPI) -> None:
    @app.get("/api/v1/campaigns/{name}/people")
    def people(
        name: str,
        door: In,
        bar: Annotated[str, Query(max_length=200)],
        run: Text = None,
        search: Search = "",
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Any:
        """Who is in a bar of the funnel, such as `clicked` or `suppressed:no_consent`."""
        if search:
            door.mask.refuse_keys()
        found = door.ws.campaigns.people(name, bar, run=run, search=search, limit=limit, offset=offset)
        hidden = not door.caller.sees_personal
        for row in found["people"]:
            row["entity"] = None if row["entity"] is None else door.mask.key(row["entity"])
            row["address"] = masking.HIDDEN if hidden and row["address"] is not None else row["address"]
        return answer(found)

    @app.get("/api/v1/campaigns/{name}/people/{entity:path}")
    def path(name: str, entity: str, door: In, run: Text = None) -> Any:
        """One customer's way through a run."""
        door.mask.refuse_keys()
        found = door.ws.campaigns.running.path(name, entity, run)
        planned = found.get("planned")
        if planned is not None and planned["address"] is not None and not door.caller.sees_personal:
            planned["address"] = masking.HIDDEN
        return answer(found)

    @app.post("/api/v1/campaigns/{name}/bars/{bar}/audience")
    def audience(name: str, bar: str, body: BarRequest, door: In) -> Any:
        """Save the customers in a bar as an audience."""
        owner = door.caller.account.name
        return answer(door.ws.campaigns.make_audience(name, bar, run=body.run, save_as=body.name, owner=owner))
