"""A receiver ends up with exactly the members, whatever fails on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.destinations.receiver import Receiver, receiving

import coterie
from coterie.audiences import sync
from coterie.audiences.jobs import sync as jobs_sync
from coterie.destinations.http import Sender
from coterie.errors import Failed, Refused
from coterie.jobs.registry import find_job
from coterie.kit.progress import Progress
from coterie.workspace import Workspace

from .test_index import orders

assert jobs_sync is sync


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(sync, "BATCH", 100)
    monkeypatch.setenv("COTERIE_PRIVATE_ADDRESSES", "1")
    (tmp_path / "orders.csv").write_text(orders(random.Random(1), 900), encoding="utf-8")
    with coterie.init(tmp_path / "ws") as ws:
        ws.load(tmp_path / "orders.csv", kind="events", name="orders", entity="id", time="at")
        ws.tags.build("2024-06-01")
        ws.audiences.save("a", {"events": "orders", "at_least": 1})
        yield ws


def connected(ws: Workspace, receiver: Receiver) -> Sender:
    receiver.secret = ws.destinations.add("crm", receiver.url)["secret"]
    sender = ws.destinations.sender("crm")
    return Sender(sender.url, sender.secret, private=True, wait=lambda _: None)


def test_the_receiver_has_the_members_and_gets_only_changes(shop: Workspace, receiver: Receiver) -> None:
    sender = connected(shop, receiver)
    with pytest.raises(Refused, match='`no_snapshot` at `a`: "a" has no snapshot.'):
        sync.sync(shop.audiences, "a", sender)
    shop.audiences.refresh("a")
    first = sync.sync(shop.audiences, "a", sender)
    members = set(shop.audiences.keys_of("a"))
    assert receiver.entities == members and first["added"] == len(members) and first["removed"] == 0
    assert first["batches"] == -(-len(members) // 100)
    assert sync.sync(shop.audiences, "a", sender)["batches"] == 0
    shop.audiences.save("a", {"events": "orders", "at_least": 1, "within": "60d"})
    made = shop.audiences.refresh("a")
    second = sync.sync(shop.audiences, "a", sender)
    assert (second["added"], second["removed"]) == (made["entered"], made["left"])
    assert receiver.entities == set(shop.audiences.keys_of("a"))


def test_what_failed_goes_on_where_it_stopped(shop: Workspace, receiver: Receiver) -> None:
    sender = connected(shop, receiver)
    shop.audiences.refresh("a")
    receiver.answers = [200, 200, 410]
    with pytest.raises(Failed, match="not_delivered"):
        sync.sync(shop.audiences, "a", sender)
    sync.sync(shop.audiences, "a", sender)
    assert receiver.entities == set(shop.audiences.keys_of("a"))
    keys = [key for key, status in receiver.requests if status == 200]
    assert len(keys) == len(set(keys)) + 2  # the first two came twice, under their keys


def test_as_a_job_and_hashed(shop: Workspace, receiver: Receiver) -> None:
    connected(shop, receiver)
    shop.audiences.refresh("a")
    job = find_job(sync.JOB)
    stages = job.plan(shop, {"audience": "a", "destination": "crm", "hashed": True})
    done = job.close([job.run(shop, stage, Progress()) for stage in stages])
    assert done["added"] == len(receiver.entities) == len(shop.audiences.keys_of("a"))
    assert all(len(e) == 64 for e in receiver.entities)
    assert job.plan(shop, {"audience": "a", "destination": "crm", "hashed": True})[:-1] == []
