"""The sender is killed again and again; what a real mail server in a process of its own has is compared."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.campaigns.opening import adds_up, opened
from tests.destinations.receiver import Receiver, receiving

import coterie
from coterie.campaigns.marks import Marks
from coterie.campaigns.outbox import UNSURE, Outbox

CONNECTIONS = 2


@dataclass(frozen=True)
class World:
    """A workspace whose campaigns a process of its own sends, and the real servers that take what it sends."""

    folder: Path
    sender: Any
    receiver: Receiver
    kills: int
    messages: int

    @property
    def ws(self) -> Path:
        """The workspace."""
        return self.folder / "ws"

    def status(self, name: str) -> dict[str, Any]:
        """How a campaign stands."""
        with opened(self.ws) as made:
            return made.campaigns.status(name)

    def run_folder(self, name: str) -> Path:
        """Where its plan and its outbox lie."""
        with opened(self.ws) as made:
            return made.campaigns.run_folder(f"{name}@1")


MANY = pytest.param((200, 100_000), marks=pytest.mark.slow, id="many")


@pytest.fixture(scope="module", params=[pytest.param((12, 240), id="some"), MANY])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests of a size."""
    kills, messages = request.param
    folder = tmp_path_factory.mktemp("kills")
    (folder / "taken").touch()
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with receiving() as receiver:
        _make(folder, kills, messages, receiver)
        with _process("sink", folder), _process("sender", folder / "ws", folder, **pipes) as sender:
            _wait_for((folder / "port").exists)
            yield World(folder, sender, receiver, kills, messages)


def _make(folder: Path, kills: int, people: int, gate: Receiver) -> None:
    """Campaigns to everyone, approved: two by mail, one to files, one to a webhook; the last two in many batches."""
    lines = ["id,email,agrees", *(f"{i:06},p{i}@example.com,true" for i in range(people))]
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    with coterie.init(folder / "ws") as ws:
        ws.load(folder / "people.csv", kind="profiles", name="people", entity="id", types={"id": "text"})
        ws.tags.build()
        ws.audiences.save("everyone", {"all": []})
        ws.audiences.refresh("everyone")
    mail, each = {"name": "email", "connections": CONNECTIONS}, max(people // (4 * kills), 5)
    batches = {"consent": "email", "batch": each, "rate_per_second": 20 * each}
    text = {"text": "A few words."}
    with opened(folder / "ws", private_addresses=1) as made:
        made.consent.adopt("email", "agrees")
        gate.secret = made.ws.destinations.add("gate", gate.url)["secret"]
        for name, channel, content in (
            ("mail", mail, {"subject": "Hi {{ entity }}", **text}),
            ("again", {**mail, "resend_uncertain": True}, {"subject": "Hi {{ entity }}", **text}),
            ("files", {"name": "file", **batches}, text),
            ("hook", {"name": "webhook", "to": "gate", **batches}, text),
        ):
            made.campaigns.create({"name": name, "audience": "everyone", "channel": channel, "content": content})
            made.campaigns.plan(name)
            made.campaigns.approve(name)


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


def _go(world: World, name: str) -> int:
    """Start to send in a process of its own; its id."""
    world.sender.stdin.write(f"{name}\n")
    world.sender.stdin.flush()
    return int(world.sender.stdout.readline())


def _to_the_end(world: World, name: str) -> int:
    """Send what is left; the exit status."""
    _go(world, name)
    return int(world.sender.stdout.readline())


def _killed(world: World, name: str, progress: Callable[[], int], pause: float) -> bool:
    """Kill a sender a while after it got on with its work; False where it was done before."""
    pid, before = _go(world, name), progress()
    _wait_for(lambda: progress() > before or not _alive(pid))
    time.sleep(pause)
    if _alive(pid):
        os.kill(pid, signal.SIGKILL)
    return int(world.sender.stdout.readline()) == -signal.SIGKILL


def _kill_again_and_again(world: World, name: str, kills: int) -> tuple[int, int]:
    """Kills, of them those between the sink's 250 and our record. Three in five at any moment, the rest by the sink."""
    draw, done, between = random.Random(5), 0, 0
    each = max(world.messages // (kills + 2), 1)
    while done < kills:
        if done % 5 >= 3:
            (world.folder / "kill_after").write_text(str(draw.randint(1, each)))
            killed = _to_the_end(world, name) == -signal.SIGKILL
        else:
            killed = _killed(world, name, lambda: _taken_count(world.folder), draw.random() * each / 800)
        if not killed:
            break
        done += 1
        between += _sent_but_not_noted(world, name)
    return done, between


def _sent_but_not_noted(world: World, name: str) -> bool:
    """Whether the sink has a message whose hand-over had begun and of which nothing on our side says that it was taken."""
    outbox = Outbox(world.run_folder(name) / "outbox.sqlite")
    token, cut = outbox.token, [row.n for rows in outbox.cut_off().values() for row in rows]
    outbox.close()
    marks = Marks.left(outbox.path, token)
    if marks is None:  # killed before it began, or after all was noted
        return False
    unsure = {f"{token}.{n:x}" for n in cut if marks.begun(n) and marks.taken(n) is None}
    marks.close()
    return bool(unsure & {key.partition("@")[0] for key in _taken(world.folder)})


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


def test_no_message_comes_twice_and_every_missing_one_is_uncertain(world: World) -> None:
    kills, messages = world.kills, world.messages
    done, between = _kill_again_and_again(world, "mail", kills)
    assert done == kills and between >= kills / 10
    assert _to_the_end(world, "mail") == 0
    with opened(world.ws) as made:
        status = made.campaigns.status("mail")
        assert adds_up(status) and status["state"] == "completed"
        taken = Counter(_taken(world.folder))
        assert max(taken.values()) == 1, "a message came twice"
        assert messages - len(taken) <= status["uncertain"] <= kills * CONNECTIONS
        assert status["sent"] + status["uncertain"] == messages and status["pending"] == 0
        everyone, unsure = _ids(world, "mail")
        assert len(everyone) == messages and everyone - set(taken) <= unsure
        print(
            f"{kills} kills, {between} between 250 and record, {messages - len(taken)} missing, "
            f"{status['uncertain']} uncertain"
        )
        assert made.campaigns.running.retry("mail", "uncertain")["requeued"] == status["uncertain"]
    assert _to_the_end(world, "mail") == 0
    status = world.status("mail")
    assert adds_up(status) and status["sent"] == messages and status["uncertain"] == 0
    assert set(_taken(world.folder)) == everyone


def test_where_it_shall_be_sent_again_none_is_missing(world: World) -> None:
    kills = world.kills if world.messages > 240 else 3
    done, between = _kill_again_and_again(world, "again", kills)
    assert _to_the_end(world, "again") == 0
    status, (everyone, _) = world.status("again"), _ids(world, "again")
    taken = Counter(key for key in _taken(world.folder) if key in everyone)
    assert done == kills and adds_up(status) and status["sent"] == world.messages == len(taken)
    twice = sum(taken.values()) - world.messages
    assert status["uncertain"] == 0 and twice <= kills * CONNECTIONS, "only what was being handed over comes again"
    print(f"{kills} kills, {between} between 250 and record, {twice} came twice under the same Message-ID")


def test_of_files_none_is_lost_and_none_comes_twice(world: World) -> None:
    folder, draw = world.run_folder("files") / "outbox", random.Random(7)
    for _ in range(world.kills if world.messages > 240 else 3):
        assert _killed(world, "files", lambda: len(list(folder.glob("*.jsonl"))), draw.random() / 8)
    assert _to_the_end(world, "files") == 0
    status = world.status("files")
    keys = [json.loads(line)["key"] for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == world.messages == status["sent"] and adds_up(status)


def test_of_a_webhook_none_is_lost_and_none_comes_twice(world: World) -> None:
    receiver, draw = world.receiver, random.Random(8)
    for _ in range(world.kills if world.messages > 240 else 3):
        assert _killed(world, "hook", lambda: len(receiver.requests), draw.random() / 8)
    assert _to_the_end(world, "hook") == 0
    keys = [message["key"] for body in receiver.bodies.values() for message in body["messages"]]
    status = world.status("hook")
    assert len(keys) == len(set(keys)) == world.messages == status["sent"] and adds_up(status)
    print(f"{len(receiver.requests) - len(receiver.bodies)} batches came again under their key")


def _ids(world: World, name: str) -> tuple[set[str], set[str]]:
    """Message-IDs of everyone, and of those whose outcome nobody knows."""
    outbox = Outbox(world.run_folder(name) / "outbox.sqlite")
    token, rows = outbox.token, outbox._all("SELECT n, state FROM recipient")
    outbox.close()
    ids = {f"{token}.{n:x}@example.com": state for n, state in rows}
    return set(ids), {key for key, state in ids.items() if state == UNSURE}
