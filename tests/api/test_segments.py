"""Segmentations over HTTP: figures, map and outlines, versions over time, people's labels and marks, new rows assigned."""

from __future__ import annotations

import csv
import io
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.conftest import bearer, running
from tests.api.test_routes import ok

from coterie.api import accounts
from coterie.api.app import make_app
from coterie.jobs.registry import JOBS
from coterie.kit.progress import Progress
from coterie.workspace import Workspace

AT = "/api/v1/segments/groups"


def write_people(file: Path, n: int, shift: float = 0.0) -> Path:
    """Two groups that nobody could miss; every ninth of the small one a manager calls small."""
    draw = random.Random(1)
    rows = [
        (
            i,
            draw.gauss(20 if i % 3 else 60, 3) + shift,
            draw.gauss(5 if i % 3 else 90, 4),
            "small" if i % 9 else "large",
        )
        for i in range(n)
    ]
    lines = [f"{i:04},{a:.2f},{b:.2f},{size}\n" for i, a, b, size in rows]
    file.write_text("id,visits,spent,size\n" + "".join(lines))
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with 300 people in two groups, fitted."""
    made = tmp_path_factory.mktemp("segments") / "ws"
    Workspace.init(made).close()
    file = write_people(made.parent / "many.csv", 300)
    with Workspace.open(made) as ws:
        ws.load(file, kind="profiles", name="many", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.segments.fit("groups", ["visits", "spent"], k=2, starts=1)
    return made


@pytest.fixture(scope="module")
def clients(folder: Path) -> Iterator[dict[str, httpx.Client]]:
    """Its application, without a worker, by tokens of an admin and a viewer who sees no keys."""
    app = make_app(folder)
    store = app.state.shared.store
    opened: dict[str, httpx.Client] = {}
    with running(app) as url:
        for role in ("admin", "viewer"):
            token, _ = accounts.make_token(store, accounts.add_user(store, role, role), "tests", None, None)
            opened[role] = bearer(url, token)
        ok(opened["admin"].put("/api/v1/settings/identifying_keys", json={"value": 1}))
        yield opened
        for client in opened.values():
            client.close()


@pytest.fixture
def admin(clients: dict[str, httpx.Client]) -> httpx.Client:
    """The admin."""
    return clients["admin"]


def run_job(folder: Path, client: httpx.Client, id_: str) -> dict[str, Any]:
    """Do a waiting job as the worker would, in line, and take it off the queue."""
    row = ok(client.get(f"/api/v1/jobs/{id_}"))
    job = JOBS[row["job"]]
    with Workspace.open(folder) as ws:
        given = row["arguments"]
        results = [job.run(ws, stage, Progress()) for stage in job.plan(ws, given)]
    ok(client.post(f"/api/v1/jobs/{id_}/cancel"))
    return job.close(results)


def test_a_page_with_its_segments(admin: httpx.Client) -> None:
    """Sizes, the word of the stability, what to do, both names; the list searched, with the methods there are."""
    told = ok(admin.get(AT))
    assert sorted(s["size"] for s in told["segments"]) == [100, 200] and told["k"] == 2
    assert all(s["word"] == "highly stable" and s["suggested_action"] and s["names"]["zh"] for s in told["segments"])
    listed = ok(admin.get("/api/v1/segments", params={"search": "gro"}))
    assert listed["total"] == 1 and {"method": "kmeans", "number": "asked", "plain": False} in listed["methods"]
    assert ok(admin.get("/api/v1/segments", params={"search": "zz"}))["segmentations"] == []
    assert admin.get("/api/v1/segments/nope/profile").status_code == 404


def test_figures_of_the_fit(admin: httpx.Client) -> None:
    """Profile with intervals round the difference, the panel with its recommendation, stability, preparation."""
    profile = ok(admin.get(f"{AT}/profile"))
    assert {t["tag"] for t in profile["traits"]} == {"visits", "spent"}
    for trait in profile["traits"]:
        for one in trait["by_segment"].values():
            assert one["low"] < one["difference"] < one["high"] and one["low_quartile"] <= one["value"]
    panel = ok(admin.get(f"{AT}/panel", params={"language": "zh"}))
    assert [row["k"] for row in panel["panel"]] == [2] and "2 群" in panel["recommended"]["text"]
    assert panel["structure"]["nature"] == "types" and panel["structure"]["text"].startswith("存在")
    stable = ok(admin.get(f"{AT}/stability"))
    assert {s["band"] for s in stable["segments"]} == {"high"} and stable["ambiguous"] < 0.1
    steps = ok(admin.get(f"{AT}/preparation"))["columns"]
    assert {s["tag"]: s["kind"] for s in steps} == {"visits": "number", "spent": "number"}


def test_a_fit_is_looked_at_before_it_begins(admin: httpx.Client) -> None:
    """What would be done to each tag, and which are left out and why; a slip is told."""
    given = {"name": "new", "tags": ["visits", "size"]}
    made = ok(admin.post("/api/v1/segments/check", json=given, params={"language": "zh"}))
    assert made["entities"] == 300 and {c["kind"] for c in made["columns"]} == {"number", "category"}
    assert (
        admin.post("/api/v1/segments/check", json={**given, "method": "kmens"}).json()["fix"].startswith("Did you mean")
    )
    assert admin.post("/api/v1/segments/check", json={**given, "name": "a/b"}).status_code == 422


def test_the_map_and_an_outline_on_it(clients: dict[str, httpx.Client]) -> None:
    """A float of x and y and a byte a point; whom an outline holds, counted, masked, and saved as list and audience."""
    admin = clients["admin"]
    told = ok(admin.get(f"{AT}/map"))
    assert told["points"] == told["of"] == 300 and sum(told["sizes"].values()) == 300 and told["axes"][0]["share"] > 0.5
    answer = admin.get(f"{AT}/map/points", params={"map": told["map"]})
    assert answer.headers["Content-Encoding"] == "gzip" and len(answer.content) == 300 * 9
    xs = struct.unpack("<600f", answer.content[:2400])[::2]
    one = told["ids"][0]
    middle = told["middles"][str(one)][0]
    between = sum(m[0] for m in told["middles"].values()) / 2
    low, high = (told["bounds"][0] - 1, between) if middle < between else (between, told["bounds"][1] + 1)
    corners = [[low, -99.0], [high, -99.0], [high, 99.0], [low, 99.0]]
    asked = {"map": told["map"], "corners": corners}
    inside = ok(admin.post(f"{AT}/map/selection", json=asked))
    assert inside["count"] == sum(low < x < high for x in xs) == inside["sizes"][str(one)] > 0
    seen = ok(clients["viewer"].post(f"{AT}/map/selection", json=asked))["entities"]
    assert len(seen) == 10 and all(key.startswith("c-") for key in seen)
    other = {**asked, "segments": [i for i in told["ids"] if i != one]}
    assert ok(admin.post(f"{AT}/map/selection", json=other))["count"] == 0
    assert admin.post(f"{AT}/map/audience", json={**other, "name": "none"}).json()["code"] == "nobody"
    assert ok(admin.post(f"{AT}/map/audience", json={**asked, "name": "drawn"}))["matched"] == inside["count"]
    counted = ok(admin.post("/api/v1/audiences/count", json={"rule": {"audience": "drawn"}}))
    assert counted["count"] == inside["count"]
    assert admin.post(f"{AT}/map/audience", json={**asked, "name": "drawn"}).json()["place"] == "name"
    assert admin.post(f"{AT}/map/selection", json={**asked, "map": "old"}).json()["code"] == "newer_version"
    assert admin.get(f"{AT}/map/points", params={"map": "../../x"}).status_code == 409


def test_marks_names_and_strategy(clients: dict[str, httpx.Client]) -> None:
    """A name given is what the segment is called, also in the tag, until the mark is taken back; viewers see no key."""
    admin = clients["admin"]
    given = {"segment": 1, "what": "name", "name_en": "The calm ones", "name_zh": "安静的"}
    made = ok(admin.post(f"{AT}/marks", json=given))
    assert made["by"] == "admin"
    assert ok(admin.get(AT))["segments"][0]["name"] == "The calm ones"
    assert ok(admin.get(AT, params={"language": "zh"}))["segments"][0]["name"] == "安静的"
    wrong = {"segment": 1, "what": "customer", "entity": "0007", "note": "He is my uncle."}
    ok(admin.post(f"{AT}/marks", json=wrong))
    shown = ok(clients["viewer"].get(f"{AT}/marks"))["marks"]
    assert shown[0]["note"] == "He is my uncle." and shown[0]["entity"].startswith("c-")
    assert clients["viewer"].post(f"{AT}/marks", json=wrong).status_code == 403
    ok(admin.delete(f"{AT}/marks/{made['id']}"))
    assert ok(admin.get(AT))["segments"][0]["name"] != "The calm ones" and ok(admin.get(f"{AT}/marks"))["total"] == 1
    assert admin.delete(f"{AT}/marks/{made['id']}").status_code == 404
    assert admin.post(f"{AT}/marks", json={"segment": 1, "what": "reason"}).status_code == 422
    told = ok(admin.put(f"{AT}/strategy", json={"segment": 2, "owner": "Ann", "action": "Call them"}))
    assert (told["owner"], told["action"], told["policy"]) == ("Ann", "Call them", "")
    assert ok(admin.get(AT))["segments"][1]["owner"] == "Ann"
    reached = ok(admin.post(f"{AT}/audience", json={"segment": 2, "name": "hers"}))
    assert reached["rule"]["tag"] == "segment.groups"
    assert admin.post(f"{AT}/audience", json={"segment": 2, "name": "hers"}).status_code == 422
    assert ok(admin.get(f"{AT}/sql/2"))["sql"].startswith("SELECT entity")


def test_people_s_labels(admin: httpx.Client) -> None:
    """A manager's sizes against the segments, and the large ones that he overlooked."""
    assert ok(admin.get(f"{AT}/labels"))["labels"] is None
    asked = {"tag": "size", "amount": "spent"}
    found = ok(admin.post(f"{AT}/labels", json=asked, params={"limit": 5}))["labels"]
    assert found["matched"] == 300 and found["table"]["small"] and found["top_label"] == "large"
    assert found["overlooked_total"] == 66 and len(found["overlooked"]) == 5
    assert ok(admin.get(f"{AT}/labels"))["labels"]["overlooked_total"] == 66
    assert admin.post(f"{AT}/labels", json={}).status_code == 422


def test_new_rows_are_assigned(admin: httpx.Client) -> None:
    """A file goes up, its rows get segments, what was assumed is told; the file that comes back runs no formula."""
    text = "visits,key,spent\n60,=cmd(),90\n20,0002,\n"
    kept = ok(admin.post("/api/v1/uploads", files={"file": ("new.csv", text, "text/csv")}))
    made = ok(admin.post(f"{AT}/predict", json={"upload": kept["upload"], "entity": "key"}))
    assert (
        made["rows"] == 2
        and sum(made["sizes"].values()) == 2
        and "spent is missing in 1 rows" in made["notes"][0]["text"]
    )
    answer = admin.get(f"{AT}/predict/{made['prediction']}")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert list(rows[0]) == ["entity", "segment", "second", "margin"]
    assert [r["entity"] for r in rows] == ["'=cmd()", "0002"] and rows[0]["segment"] != rows[1]["segment"]
    assert admin.get(f"{AT}/predict/{kept['upload']}").status_code == 404
    assert admin.post(f"{AT}/predict", json={"upload": kept["upload"], "entity": "kee"}).status_code == 404


@pytest.mark.slow
def test_versions_over_time(admin: httpx.Client, folder: Path) -> None:
    """Refit on new people, who moved since, back to the version before, made again; drift says what to do."""
    drift = ok(admin.get(f"{AT}/drift", params={"language": "zh"}))
    assert drift["verdict"] == "no" and drift["sentence"].startswith("无需")
    file = write_people(folder.parent / "more.csv", 330, shift=2.0)
    with Workspace.open(folder) as ws:
        ws.load(file, kind="profiles", name="many", entity="id", types={"id": "text"})
        ws.tags.build()
    told = run_job(folder, admin, ok(admin.post(f"{AT}/refit", json={"seed": 3}))["job"])
    assert told["version"] == 2 and told["promoted"] is True
    (drawn,) = (folder / "reports").glob("groups@map.*.bin.gz")  # before anybody asks
    assert ok(admin.get(f"{AT}/map"))["map"] in drawn.name
    moved = ok(admin.get(f"{AT}/migration", params={"from": 1, "to": 2}))
    assert moved["entities"] >= 300 and moved["came"] == 30 and moved["matrix"]
    assert admin.get(f"{AT}/migration", params={"from": 1}).status_code == 422
    assert run_job(folder, admin, ok(admin.post(f"{AT}/rollback"))["job"])["version"] == 1
    versions = ok(admin.get(f"{AT}/versions"))
    assert [v["promoted"] for v in versions["versions"]] == [True, False]
    assert [p["why"] for p in versions["promotions"]] == ["fit", "refit", "rollback"]
    assert run_job(folder, admin, ok(admin.post(f"{AT}/promote", json={"version": 2}))["job"])["was"] == 1
    assert run_job(folder, admin, ok(admin.post(f"{AT}/update", json={}))["job"])["of"] == 330
    again = run_job(folder, admin, ok(admin.post(f"{AT}/rebuild", json={"version": 1}))["job"])
    assert again["same"] is True
    assert admin.post(f"{AT}/promote", json={"version": 99}).status_code == 404


@pytest.mark.slow
def test_the_report(admin: httpx.Client, folder: Path) -> None:
    """Drawn by a job with margins given, then there at once; its figures are the fifteen parts."""
    asked = {"days": 0}
    run_job(folder, admin, ok(admin.post(f"{AT}/report", json=asked))["job"])
    started = time.perf_counter()
    page = admin.get(f"{AT}/report", params={**asked, "language": "zh"})
    assert page.status_code == 200 and time.perf_counter() - started < 5
    assert page.headers["Content-Security-Policy"].startswith("sandbox;")
    assert len(ok(admin.get(f"{AT}/figures", params=asked))) == 15


def test_points_are_whole() -> None:
    """The even-odd rule on an outline with a notch, and more people than are drawn."""
    import numpy as np

    from coterie.learn.segments.plane import inside

    notched = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    assert inside([2, 1, 3.5, 5], [3, 0.5, 2, 2], notched).tolist() == [False, True, True, False]
