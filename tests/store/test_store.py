"""The metadata store, on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from coterie.errors import Failed, NotFound, Refused
from coterie.kit.moments import now
from coterie.store.models import NAME_LENGTH, metadata
from coterie.store.service import HEAD, Store

if TYPE_CHECKING:
    from conftest import SmallDisk


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'meta é.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def run_at_once(code: str, url: str, count: int) -> list[str]:
    """Run `code` in several processes, all of them started before the first goes on; returns what each told."""
    script = f"""
import sys
from coterie.store.service import Store
url = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
{code}
"""
    command = [sys.executable, "-c", script, url]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(count)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate() for process in processes]
    assert [error for _, error in told] == [""] * count
    return [out for out, _ in told]


def test_versions(store: Store) -> None:
    started = now()
    assert [store.put("tag", "vip", {"of": n}) for n in (1, 1, 2, 1)] == [1, 1, 2, 3]
    assert [(d.version, d.body) for d in store.history("tag", "vip")] == [
        (1, {"of": 1}),
        (2, {"of": 2}),
        (3, {"of": 1}),
    ]
    assert store.get("tag", "vip").version == 3
    assert store.get("tag", "vip", 2).body == {"of": 2}
    created = store.get("tag", "vip").created_at
    assert created.utcoffset() == timedelta(0)
    assert started - timedelta(seconds=1) <= created <= now()
    assert store.find("audience", "vip") is None
    assert store.history("tag", "none") == []


def test_all_gives_the_newest_of_each_by_name(store: Store) -> None:
    for name, of in [("b", 1), ("a", 1), ("b", 2), ("c", 1)]:
        store.put("tag", name, {"of": of})
    store.put("audience", "x", {})
    store.delete("tag", "c")
    assert [(d.name, d.version, d.body) for d in store.all("tag")] == [("a", 1, {"of": 1}), ("b", 2, {"of": 2})]


def test_a_prefix_is_taken_letter_by_letter(store: Store) -> None:
    for name in ("a_b@1", "a_b@2", "axb@1", "a%@1", "A_b@1"):
        store.put("snapshot", name, {"is": name})
    assert [d.name for d in store.all("snapshot", prefix="a_b@") if d.body["is"] != "A_b@1"] == ["a_b@1", "a_b@2"]
    assert [d.name for d in store.all("snapshot", prefix="a%")] == ["a%@1"]
    assert [d.name for d in store.some("snapshot", ["axb@1", "a_b@1"])] == ["a_b@1", "axb@1"]
    with pytest.raises(NotFound, match="axb@2"):
        store.some("snapshot", ["axb@2", "a_b@1"])


def test_deleting_ends_a_name_and_keeps_its_history(store: Store) -> None:
    store.put("tag", "vip", {"of": 1})
    store.delete("tag", "vip")
    assert store.find("tag", "vip") is None
    assert store.find("tag", "vip", 2) is None
    assert store.get("tag", "vip", 1).body == {"of": 1}
    with pytest.raises(NotFound):
        store.delete("tag", "vip")
    assert store.put("tag", "vip", {"of": 1}) == 3
    assert [d.version for d in store.history("tag", "vip")] == [1, 3]


def test_missing_documents_are_told_with_near_names_and_versions(store: Store) -> None:
    store.put("tag", "last_buy_at", {})
    store.put("tag", "last_buy_at", {"of": 1})
    with pytest.raises(NotFound, match=r'There is no tag "last_buy"\. Did you mean "last_buy_at"\?'):
        store.get("tag", "last_buy")
    with pytest.raises(NotFound, match=r'The tag "last_buy_at" has no version 7\. It has: 1, 2\.'):
        store.get("tag", "last_buy_at", 7)


def test_bodies_come_back_as_json_has_them(store: Store) -> None:
    body = {"名": ["é", "\U0001f600", None, True, 1.5, 10**18], "b": {"z": 1, "a": 2}, "lone": "\ud800", "nul": "\0"}
    store.put("tag", "x", body)
    assert store.get("tag", "x").body == body
    assert list(store.get("tag", "x").body["b"]) == ["z", "a"]
    assert store.put("tag", "x", json.loads(json.dumps(body))) == 1
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.put("tag", "x", {"auc": math.nan})
    store.put("tag", "n" * NAME_LENGTH, {})
    for name in ("", "n" * (NAME_LENGTH + 1)):
        with pytest.raises(Refused, match="The name of a tag has 1 to 400 characters"):
            store.put("tag", name, {})


def test_processes_that_open_an_empty_store_and_put_the_same_name_at_once(url: str) -> None:
    """The tables are made once, and every put gets a version of its own."""
    code = """
store = Store.open(url)
print([store.put("tag", "same", {"by": [id(sys), n]}) for n in range(15)])
"""
    told = [version for out in run_at_once(code, url, 2) for version in json.loads(out)]
    assert sorted(told) == list(range(1, 31))
    store = Store.open(url)
    assert [d.version for d in store.history("tag", "same")] == list(range(1, 31))
    assert store.get("tag", "same").version == 30
    store.close()


def test_migrations_make_the_tables_of_the_models(url: str, store: Store) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_server_default": True}), metadata
        )
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD
    engine.dispose()
    assert found == []


def test_a_store_of_a_newer_version_is_refused_and_untouched(url: str, store: Store) -> None:
    store.put("tag", "x", {"of": 1})
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        Refused, match=r"`newer_workspace`: The metadata is of version 9999; this Coterie knows \d+\. Upgrade"
    ):
        Store.open(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
        assert connection.execute(text("SELECT count(*) FROM document")).scalar_one() == 1
    engine.dispose()


def test_opening_again_finds_what_was_put(url: str, store: Store) -> None:
    store.put("tag", "x", {"of": 1})
    store.close()
    again = Store.open(url)
    assert again.get("tag", "x").created_at.tzinfo is UTC
    again.close()


def test_postgresql_that_was_restarted_is_connected_to_again(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    store.put("tag", "x", {})
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    engine.dispose()
    assert store.get("tag", "x").version == 1
    store.close()


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("no url", "no_database", "This is no SQLAlchemy URL"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/x", "no_database", "connection failed"),
        ("sqlite:////no/such/folder/x.sqlite", "read_only", "cannot be written"),
        ("mssql+pyodbc://x/y", "missing_extra", "The driver pyodbc is missing"),
        ("postgresql+pg8000://x/y", "missing_extra", "The driver pg8000 is missing"),
    ],
)
def test_urls_that_lead_nowhere(url: str, code: str, words: str) -> None:
    with pytest.raises((Failed, Refused), match=words) as caught:
        Store.open(url)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "meta.sqlite").write_bytes(b"surely not a database, however long it may be" * 100)
    with pytest.raises(Failed, match="`damaged`: A database file is unreadable"):
        Store.open(f"sqlite:///{tmp_path / 'meta.sqlite'}")


def test_full_and_read_only_disks_are_told(small_disk: Callable[[int], SmallDisk]) -> None:
    disk = small_disk(1_000)
    store = Store.open(f"sqlite:///{disk.path / 'meta.sqlite'}")
    store.put("tag", "x", {"of": 1})
    disk.fill()
    with pytest.raises(Failed, match="`disk_full`"):
        store.put("tag", "x", {"of": "much" * 10_000})
    disk.empty()
    store.close()
    disk.remount("ro")
    with pytest.raises(Failed, match="`read_only`"):
        store.put("tag", "x", {"of": 2})
    assert store.get("tag", "x").body == {"of": 1}
    store.close()
    disk.remount("rw")
    assert store.put("tag", "x", {"of": 2}) == 2
    store.close()


def test_a_migration_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    """SQLite makes tables within the transaction here, so there is no table without its version."""
    path = tmp_path / "meta.sqlite"
    code = f"""
import os, signal, sqlalchemy.event, sqlalchemy.engine
from coterie.store.service import Store
@sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "after_cursor_execute")
def kill(conn, cursor, statement, parameters, context, executemany):
    if "CREATE INDEX" in statement:
        os.kill(os.getpid(), signal.SIGKILL)
Store.open("sqlite:///{path}")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with sqlite3.connect(path) as left:
        assert left.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    left.close()
    store = Store.open(f"sqlite:///{path}")
    assert store.put("tag", "x", {}) == 1
    store.close()
