"""A workspace with people of all sorts, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.campaigns.opening import Opened, opened

PEOPLE = 240
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Nowhere/Else", "")


def make_people(path: Path, people: int = PEOPLE) -> None:
    """Keys with leading zeros, some without an address, with a bad one, or with another's; five zones."""
    lines = ["id,name,email,zone,lang,agrees"]
    for i in range(people):
        email = {7: "", 11: "no address", 14: "P000@Example.com"}.get(i % 40, f"p{i:03}@example.com")
        name = "" if i % 10 == 3 else f"Person {i}"
        lines.append(
            f"{i:06},{name},{email},{ZONES[i % 5]},{'zh' if i % 3 == 0 else 'en'},{i % 8 != 5}".replace(
                "True", "true"
            ).replace("False", "false")
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def campaign_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that tests copy."""
    import coterie

    folder = tmp_path_factory.mktemp("campaigns")
    make_people(folder / "people.csv")
    with coterie.init(folder / "ws", zone="Europe/Berlin") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.audiences.refresh("everyone")
    with opened(folder / "ws") as made:
        made.consent.adopt("email", "agrees")
    return folder / "ws"


@pytest.fixture
def shop(campaign_base: Path, tmp_path: Path) -> Iterator[Opened]:
    """The workspace, open, for one test to change."""
    shutil.copytree(campaign_base, tmp_path / "ws")
    with opened(tmp_path / "ws") as made:
        yield made


@pytest.fixture
def again(tmp_path: Path, shop: Opened) -> Callable[[], Opened]:
    """Opens the same workspace a second time, as another process would."""
    assert shop
    return lambda: opened(tmp_path / "ws")
