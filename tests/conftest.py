"""What all tests share: where the real data sets lie, small workspaces, an engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from coterie.engines.duckdb import Engine
from coterie.lake.service import Lake
from coterie.settings import Settings

# No test fails because the machine was busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent
# Jobs of servers under test do not wait until all other tests are done.
os.environ.setdefault("COTERIE_JOB_NICENESS", "0")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The public data sets beside the project; without them the test is skipped, unless COTERIE_DATA=required."""
    folder = ROOT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    message = "the public data sets (shared/data beside the project) are not here"
    if os.environ.get("COTERIE_DATA") == "required":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A DuckDB engine with two threads."""
    with Engine.open(Settings({"threads": 2, "memory_limit_mb": 1024})) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a workspace folder of its own."""
    (tmp_path / "ws").mkdir()
    return Lake.create(tmp_path / "ws" / "lake")


class SmallDisk:
    """A file system of its own that can be filled and made read-only."""

    def __init__(self, path: Path, size_kb: int) -> None:
        self.path = path
        self._ballast = path / "ballast"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(path)], check=True)

    def fill(self, free_bytes: int = 0) -> None:
        """Leave only so much room."""
        status = os.statvfs(self.path)
        with self._ballast.open("wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, max(4096, status.f_bavail * status.f_frsize - free_bytes))

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink()

    def remount(self, options: str) -> None:
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Makes a disk of so many KiB; skips where the tests do not run as root."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    disks: list[SmallDisk] = []

    def make(size_kb: int) -> SmallDisk:
        disks.append(SmallDisk(tmp_path / f"disk{len(disks)}", size_kb))
        return disks[-1]

    yield make
    for disk in disks:
        disk.unmount()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """A PostgreSQL server of this test run on a socket in the folder given; skips where none is installed."""
    if not all(map(shutil.which, ("initdb", "pg_ctl", "psql"))):
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a short path: sockets allow 107 bytes
    user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data, log = folder / "data", folder / "log"
    quiet = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
    options = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories={folder} -c max_connections=50"
    subprocess.run([*user, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], **quiet)
    subprocess.run([*user, "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start"], **quiet)
    yield folder
    subprocess.run([*user, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], **quiet)
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: Path) -> str:
    """The SQLAlchemy URL of an empty PostgreSQL database of this test."""
    name = f"t{uuid.uuid4().hex}"
    command = ["psql", "-h", str(postgres_server), "-U", "postgres", "-qc", f"CREATE DATABASE {name}"]
    subprocess.run(command, check=True)
    return f"postgresql+psycopg://postgres@/{name}?host={postgres_server}"
