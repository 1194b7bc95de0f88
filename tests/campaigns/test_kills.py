"""The sender is killed again and again; what a real mail server in a process of its own has is compared."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.campaigns.opening import adds_up, opened

import coterie
from coterie.campaigns.outbox import Outbox

CONNECTIONS = 2


def _workspace(folder: Path, people: int) -> Path:
    lines = ["id,email,agrees", *(f"{i:06},p{i}@example.com,true" for i in range(people))]
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    with coterie.init(folder / "ws") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.audiences.refresh("everyone")
    with opened(folder / "ws") as made:
        made.consent.adopt("email", "agrees")
        channel = {"name": "email", "connections": CONNECTIONS}
        content = {"subject": "Hi {{ entity }}", "text": "A few words."}
        made.campaigns.create({"name": "mail", "audience": "everyone", "channel": channel, "content": content})
        made.campaigns.plan("mail")
        made.campaigns.approve("mail")
    return folder / "ws"


@contextmanager
def _process(module: str, *words: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.campaigns.{module}", *map(str, words)], text=True, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _kill_again_and_again(ws: Path, folder: Path, sender: Any, kills: int, messages: int) -> tuple[int, int]:
    """Kills, of them those between the sink's 250 and our record. Three in five at any moment, the rest by the sink."""
    draw, done, between = random.Random(5), 0, 0
    each = max(messages // (kills + 2), 1)
    while done < kills:
        if done % 5 >= 3:
            (folder / "kill_after").write_text(str(draw.randint(1, each)))
        sender.stdin.write("go\n")
        sender.stdin.flush()
        pid = int(sender.stdout.readline())
        if done % 5 < 3:
            taken = _taken_count(folder)
            _wait_for(lambda t=taken: _taken_count(folder) > t or not _alive(pid))
            time.sleep(draw.random() * each / 800)
            if _alive(pid):
                os.kill(pid, signal.SIGKILL)
        code = int(sender.stdout.readline())
        if code == 0:
            break
        assert code == -signal.SIGKILL
        done += 1
        between += _sent_but_not_noted(ws, folder)
    return done, between


def _sent_but_not_noted(ws: Path, folder: Path) -> bool:
    (box,) = (ws / "campaigns").glob("*/*/outbox.sqlite")
    outbox = Outbox(box)
    cut = {f"{outbox.token}.{row.n:x}" for rows in outbox.cut_off().values() for row in rows}
    outbox.close()
    return bool(cut & {key.partition("@")[0] for key in _taken(folder)})


def _taken(folder: Path) -> list[str]:
    return (folder / "taken").read_text().split()


def _taken_count(folder: Path) -> int:
    return (folder / "taken").stat().st_size


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("kills", "messages"), [(8, 240), pytest.param(200, 100_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_no_message_comes_twice_and_every_missing_one_is_uncertain(tmp_path: Path, kills: int, messages: int) -> None:
    ws = _workspace(tmp_path, messages)
    (tmp_path / "taken").touch()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with _process("sink", tmp_path), _process("sender", ws, "mail", tmp_path, **pipes) as sender:
        _wait_for((tmp_path / "port").exists)
        done, between = _kill_again_and_again(ws, tmp_path, sender, kills, messages)
        assert done == kills and between >= kills / 10
        sender.stdin.write("go\n")  # type: ignore[union-attr]
        sender.stdin.flush()  # type: ignore[union-attr]
        sender.stdout.readline()  # type: ignore[union-attr]
        assert int(sender.stdout.readline()) == 0  # type: ignore[union-attr]
        with opened(ws) as made:
            status = made.campaigns.status("mail")
            assert adds_up(status) and status["state"] == "completed"
            taken = Counter(_taken(tmp_path))
            assert max(taken.values()) == 1, "a message came twice"
            assert messages - len(taken) <= status["uncertain"] <= kills * CONNECTIONS
            assert status["sent"] + status["uncertain"] == messages and status["pending"] == 0
            _missing_are_uncertain(made, set(taken))
            print(
                f"{kills} kills, {between} between 250 and record, {messages - len(taken)} missing, "
                f"{status['uncertain']} uncertain"
            )
            assert made.campaigns.running.retry("mail", "uncertain")["requeued"] == status["uncertain"]
        sender.stdin.write("go\n")  # type: ignore[union-attr]
        sender.stdin.flush()  # type: ignore[union-attr]
        sender.stdout.readline()  # type: ignore[union-attr]
        assert int(sender.stdout.readline()) == 0  # type: ignore[union-attr]
        with opened(ws) as made:
            status = made.campaigns.status("mail")
        assert adds_up(status) and status["sent"] == messages and status["uncertain"] == 0
        assert len(Counter(_taken(tmp_path))) == messages


def _missing_are_uncertain(made: Any, taken: set[str]) -> None:
    """Each customer's own path says so."""
    (box,) = made.campaigns.folder.glob("*/*/outbox.sqlite")
    outbox = Outbox(box)
    token = outbox.token
    unsure = {f"{token}.{n:x}@example.com" for (n,) in outbox._all("SELECT n FROM recipient WHERE state = 4")}
    everyone = {f"{token}.{n:x}@example.com" for (n,) in outbox._all("SELECT n FROM recipient")}
    outbox.close()
    assert everyone - taken <= unsure
