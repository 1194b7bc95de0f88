"""Campaigns and journeys in `coterie.yaml`, and what becomes of the snapshots of journeys' steps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyroaring import BitMap
from tests.campaigns.opening import Opened, hello

from coterie.campaigns.journeys import messages
from coterie.campaigns.journeys.jobs import PRUNE
from coterie.campaigns.journeys.messages import own_name
from coterie.errors import CoterieError, Refused
from coterie.jobs.registry import find_job
from coterie.kit import moments
from coterie.kit.progress import Progress

CHANNEL = {"name": "file", "address": "email", "consent": "email"}
WAY: dict[str, Any] = {
    "entry": {"audience": "everyone"},
    "steps": [
        {"id": "first", "send": {"channel": CHANNEL, "content": {"text": "Hi {{ name }}"}}},
        {"id": "pause", "wait": {"for": "1d"}},
        {"id": "then", "send": {"campaign": "hello"}},
        {"id": "done", "end": True},
    ],
}
HELLO = {k: v for k, v in hello(experiment={"arms": ["a", "b"], "adjust": False}).items() if k != "name"}


def _prepared(ws: Any) -> None:
    """What starting the journey makes: an audience and a campaign for each step that sends."""
    made, _ = ws.journeys.get("way")
    for step in made.sends:
        messages.prepare(ws.campaigns, made, step)


def test_a_file_holds_campaigns_and_journeys(shop: Opened, tmp_path: Path) -> None:
    """All or nothing; the same again changes nothing; what the steps of a journey made is not in it."""
    ws, file = shop.ws, tmp_path / "coterie.yaml"
    file.write_text(yaml.safe_dump({"journeys": {"way": WAY}, "campaigns": {"hello": HELLO}}))
    assert ws.apply(file, dry_run=True) == ws.apply(file) == [
        {"what": "campaign", "name": "hello", "change": "new"}, {"what": "journey", "name": "way", "change": "new"},
    ]  # fmt: skip
    assert ws.apply(file) == [] and ws.journeys.document("way").version == 1
    _prepared(ws)
    ws.export(file)
    body = yaml.safe_load(file.read_text())
    assert list(body["campaigns"]) == ["hello"] and body["journeys"] == {"way": WAY}
    assert body["campaigns"]["hello"]["experiment"]["adjust"] is False and list(body["audiences"]) == ["everyone"]
    assert ws.apply(file) == []
    changed = {**WAY, "steps": [*WAY["steps"][:1], *WAY["steps"][2:]]}
    file.write_text(yaml.safe_dump({"journeys": {"way": changed, "other": WAY}}))
    assert {row["name"]: row["change"] for row in ws.apply(file)} == {"way": "changed", "other": "new"}
    assert ws.journeys.document("way").version == 2 and ws.campaigns.get("hello")[1] == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"campaigns": ["hello"]}, "campaigns"),
        ({"journeys": {"way": {**WAY, "name": "way"}}}, "journeys.way"),
        ({"campaigns": {"x": {**HELLO, "goal": 1}}}, "campaigns.x.campaign.goal"),
        ({"campaigns": {"x": {**HELLO, "audience": "nobody"}}}, "campaigns.x"),
        ({"journeys": {"x": {**WAY, "entry": {"audience": "nobody"}}}}, "journeys.x.entry.audience"),
    ],
)
def test_a_mistake_has_its_place_and_changes_nothing(shop: Opened, tmp_path: Path, body: Any, place: str) -> None:
    given = body.get("campaigns", {})
    fine = {**body, "campaigns": {"hello": HELLO, **given} if isinstance(given, dict) else given}
    (tmp_path / "coterie.yaml").write_text(yaml.safe_dump(fine))
    with pytest.raises(CoterieError) as told:
        shop.ws.apply(tmp_path / "coterie.yaml")
    assert str(told.value.place).startswith(place)
    assert shop.campaigns.rows()["total"] == 0 and shop.ws.journeys.rows() == []


def test_old_snapshots_of_steps_are_removed_when_nobody_uses_them(
    shop: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As audiences': the newest and the first and last of a month stay; a step that sends just now is left alone."""
    ws = shop.ws
    shop.campaigns.create({**HELLO, "name": "hello"})
    ws.journeys.create({**WAY, "name": "way"})
    _prepared(ws)
    own, start = own_name("way", "first"), moments.now()
    facts = {"rule": {"all": []}, "entity_kind": "customer", "as_of": start.isoformat(), "data_version": 1}
    for n in range(6):
        ws.audiences.snapshots.add(own, 1, BitMap(range(n + 1)), facts)
    job = find_job(PRUNE)
    (stage,) = job.plan(ws, {})
    assert job.run(ws, stage, Progress()) == {"removed": {}}
    later = start + timedelta(days=401)
    monkeypatch.setattr("coterie.audiences.service.now", lambda: later)
    monkeypatch.setattr(type(ws.journeys), "_under_way", lambda _, name: [own])
    assert ws.journeys.prune() == {}
    monkeypatch.undo()
    monkeypatch.setattr("coterie.audiences.service.now", lambda: later)
    assert ws.journeys.prune() == {own: [f"{own}@{n}" for n in range(2, 6)]} and ws.journeys.prune() == {}
    kept = ws.audiences.snapshots.of(own)
    assert [s.number for s in kept if s.expired_at is None] == [1, 6] and len(kept) == 6
    with pytest.raises(Refused, match="were removed"):
        ws.audiences.snapshots.members(kept[2])
