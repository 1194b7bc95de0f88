"""Old snapshots lose their members and nothing else, and nobody who needs one loses it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyroaring import BitMap

import coterie
from coterie.audiences import retention, sync
from coterie.audiences.snapshots import KIND
from coterie.errors import Failed, Refused
from coterie.kit.moments import now, zone
from coterie.workspace import Workspace

RULE = {"tag": "age", "op": "gte", "value": 18}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "people.csv").write_text("id,age\na,20\nb,30\nc,10\n", encoding="utf-8")
    with coterie.init(tmp_path / "ws", zone="Asia/Shanghai") as ws:
        ws.load(tmp_path / "people.csv", kind="profiles", name="people", entity="id")
        ws.tags.build()
        ws.audiences.save("adults", RULE)
        yield ws


def made_on(ws: Workspace, day: str, audience: str = "adults") -> str:
    """A snapshot that was made at noon of a day."""
    facts = {"rule": RULE, "entity_kind": "customer", "as_of": f"{day}T12:00:00+08:00", "data_version": 1}
    made = ws.audiences.snapshots.add(audience, 1, BitMap([0, 1]), facts)
    ws.store.put(KIND, made.id, {**made.as_dict(), "created_at": f"{day}T12:00:00+08:00"})
    return made.id


def files(ws: Workspace) -> set[str]:
    return {p.stem for p in (ws.path / "snapshots").iterdir()}


def month(back: int) -> datetime:
    """The tenth, so many months ago."""
    today = now()
    months = today.year * 12 + today.month - 1 - back
    return datetime(months // 12, months % 12 + 1, 10)


def test_what_stays_and_what_goes(shop: Workspace) -> None:
    old = month(20)
    days = [f"{old + timedelta(days=n):%Y-%m-%d}" for n in range(5)]
    ids = [made_on(shop, day) for day in days]
    ancient = made_on(shop, f"{month(70):%Y-%m-%d}")
    shop.audiences.save("then", {"audience": "adults", "snapshot": "3"})
    sync.note(shop.audiences, "adults", "https://crm.example", ids[3])
    plan = shop.audiences.retain("adults", dry_run=True)
    assert plan.removed == (ids[1],)  # the newest stays however old it is
    assert {f.snapshot: f.because for f in plan.fates} == {
        ids[0]: f"first of {old:%Y-%m}",
        ids[1]: "older than 400 days",
        ids[2]: "used by the audience then",
        ids[3]: "synced to https://crm.example",
        ids[4]: f"last of {old:%Y-%m}",
        ancient: "newest",
    }
    assert len(files(shop)) == 6
    newest = shop.audiences.refresh("adults")["snapshot"]
    assert files(shop) == {ids[0], ids[2], ids[3], ids[4], newest}
    rows = {row["snapshot"]: row for row in shop.audiences.history("adults")}
    assert [rows[id_]["members"] for id_ in (ids[0], ids[1], ancient, newest)] == ["kept", "expired", "expired", "kept"]
    assert rows[ids[1]]["count"] == 2 and "expired_at" not in rows[ids[1]]
    again = shop.audiences.retain("adults")
    assert again.removed == () and {f.because for f in again.fates if not f.keep} == {"gone"}


def test_expired_members_are_told_as_such(shop: Workspace) -> None:
    old = month(20)
    first, gone, _ = (made_on(shop, f"{old + timedelta(days=n):%Y-%m-%d}") for n in range(3))
    shop.audiences.refresh("adults")
    with pytest.raises(Refused) as caught:
        shop.audiences.members("adults", snapshot=gone)
    told = (
        f'`snapshot_expired` at `{gone}`: The members of "{gone}" were removed on {now():%Y-%m-%d}; its size is known.'
    )
    assert str(caught.value).startswith(told) and first in str(caught.value)
    for asked in ({"audience": "adults", "snapshot": gone}, {"not": {"audience": "adults", "snapshot": "2"}}):
        with pytest.raises(Refused, match="snapshot_expired"):
            shop.audiences.count(asked)
    with pytest.raises(Refused, match="snapshot_expired"):
        shop.audiences.diff("adults", first, gone)
    assert shop.audiences.members("adults", snapshot=first)["count"] == 2
    (shop.path / "snapshots" / f"{first}.roaring").unlink()
    with pytest.raises(Failed, match="damaged"):
        shop.audiences.members("adults", snapshot=first)


def test_a_kill_between_note_and_file_is_made_good(shop: Workspace) -> None:
    old = month(20)
    ids = [made_on(shop, f"{old + timedelta(days=n):%Y-%m-%d}") for n in range(3)]
    document = shop.store.get(KIND, ids[1])
    shop.store.put(KIND, ids[1], {**document.body, "expired_at": now().isoformat()})
    assert ids[1] in files(shop)
    shop.audiences.retain("adults")
    assert ids[1] not in files(shop)


def test_all_are_kept_on_wish_and_months_are_of_the_zone(shop: Workspace) -> None:
    for n in range(3):
        made_on(shop, f"{month(70) + timedelta(days=n):%Y-%m-%d}")
    args = (shop.store, "adults", shop.audiences.snapshots.of("adults"))
    assert retention.plan(*args, 0, now(), zone("UTC")).removed == ()
    assert retention.plan(*args, 400, now(), zone("UTC")).removed == ("adults@1", "adults@2")
    assert retention.plan(shop.store, "nobody", [], 400, now(), zone("UTC")).fates == ()
    shop.audiences.save("edge", RULE)
    at, facts = (
        datetime(2026, 11, 1, tzinfo=UTC),
        {"rule": RULE, "entity_kind": "customer", "as_of": "2024-01-01T00:00:00+00:00", "data_version": 1},
    )
    for moment in ("2024-05-31T15:00:00+00:00", "2024-05-31T17:00:00+00:00", "2024-06-15T00:00:00+00:00"):
        made = shop.audiences.snapshots.add("edge", 1, BitMap(), facts)
        shop.store.put(KIND, made.id, {**made.as_dict(), "created_at": moment})
    made_on(shop, "2026-10-30", "edge")
    fates = retention.plan(shop.store, "edge", shop.audiences.snapshots.of("edge"), 400, at, shop.zone).fates
    assert [f.because for f in fates[:3]] == ["first of 2024-05", "first of 2024-06", "last of 2024-06"]


def test_long_names_have_files(shop: Workspace) -> None:
    name = "长" * 200
    shop.audiences.save(name, RULE)
    assert shop.audiences.refresh(name)["count"] == 2
    assert shop.audiences.members(name)["members"] == ["a", "b"]
