"""The steps of a send, and the look for what is due, as the worker runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.campaigns.opening import Opened, adds_up, hello

from coterie.campaigns.jobs import LOOK, SEND
from coterie.jobs.registry import find_job
from coterie.kit.moments import now
from coterie.kit.progress import Progress


def test_a_send_goes_in_steps_and_more_steps_do_nothing(shop: Opened) -> None:
    shop.campaigns.create(hello())
    going = shop.campaigns.plan("hello").going
    shop.campaigns.approve("hello")
    job = find_job(SEND)
    steps = job.plan(shop, {"campaign": "hello"})
    results = [job.run(shop, step, Progress()) for step in [*steps, *steps]]
    assert job.close(results)["sent"] == going and results[-1]["state"] == "completed"


def test_what_is_due_is_found(shop: Opened) -> None:
    shop.campaigns.create(hello(schedule={"at": (now() + timedelta(hours=2)).isoformat()}))
    shop.campaigns.plan("hello")
    assert shop.campaigns.running.due() == []
    shop.campaigns.approve("hello")
    assert shop.campaigns.running.due() == []
    assert shop.campaigns.running.due(now() + timedelta(hours=3)) == ["hello"]
    shop.campaigns.run("hello", limit=5, anyway=True)  # cut off here, it is due at once
    job = find_job(LOOK)
    steps = job.plan(shop, {})
    assert steps == [{"campaign": "hello"}]
    (told,) = job.close([job.run(shop, step, Progress()) for step in steps])["campaigns"]
    assert told["state"] == "completed" and adds_up(shop.campaigns.status("hello"))
    assert shop.campaigns.running.due(now() + timedelta(days=9)) == []


def _command(shop: Opened, *words: str) -> subprocess.Popen[str]:
    main = "import sys; from coterie.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "-w", str(shop.ws.path), *words, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_send_whose_worker_is_killed_is_gone_on_with_by_the_next(shop: Opened, again: Callable[[], Opened]) -> None:
    channel = {"name": "file", "address": "email", "consent": "email", "batch": 10, "rate_per_second": 100}
    shop.campaigns.create(hello(channel=channel))
    going = shop.campaigns.plan("hello").going
    shop.campaigns.approve("hello")
    folder = shop.campaigns.run_folder("hello@1") / "outbox"
    with _command(shop, "campaign", "run", "hello", "--detach") as first:
        _until(lambda: len(list(folder.glob("*.jsonl"))) >= 3)
        os.kill(first.pid, signal.SIGKILL)
    with again() as looking:
        between = looking.campaigns.status("hello")
        (job,) = looking.ws.jobs.rows()
        assert adds_up(between) and between["state"] == "running" and 30 <= between["sent"] < going
        assert job.state == "running" and job.arguments["campaign"] == "hello"
    with _command(shop, "campaign", "run", "hello", "--detach") as second:  # it becomes the worker, and finds both jobs
        second.communicate(timeout=120)
        assert second.returncode == 0
    with again() as looking:
        status, jobs = looking.campaigns.status("hello"), looking.ws.jobs.rows()
    assert adds_up(status) and (status["state"], status["sent"]) == ("completed", going)
    assert {row.state for row in jobs if row.job == SEND} == {"completed"}
    lines = [json.loads(line) for file in _files(folder) for line in file.read_text().splitlines()]
    assert len(lines) == len({line["key"] for line in lines}) == going


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))
