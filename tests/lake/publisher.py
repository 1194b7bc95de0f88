"""A process that publishes batch after batch until it is killed. Run as a script by the tests.

It imports everything once, and for each line `ROOT NAME FIRST LAST` on its input makes a fork that publishes batches
FIRST to LAST - 1 of NAME into the lake ROOT, telling `NAME begin N` and `NAME ack N VERSION` on its output. A line
`ROOT NAME` is only answered. A NAME that begins with `keeper` compacts all tables and makes a backup after each batch.
A batch is one file in each of three tables; its entities are numbered on from those that are there, as an import does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import deltalake
import deltalake.transaction
import pyarrow as pa
import pyarrow.parquet as pq

from coterie.lake import upkeep
from coterie.lake.service import Lake, Staged

ROWS = {"entities": 5, "data/orders": 30, "rejects": 3}


def stage(lake: Lake, folder: Path, name: str, number: int, base: int) -> Staged:
    """The files of one batch against the data version `base`."""
    there = sum(pq.read_metadata(p).num_rows for p in lake.files("entities", base).paths)
    appends = {}
    for table, rows in ROWS.items():
        columns = {"batch": [f"{name}-{number}"] * rows, "row": list(range(there, there + rows))}
        path = folder / f"{table.replace('/', '_')}-{base}.parquet"
        pq.write_table(pa.table(columns).append_column("_batch", pa.nulls(rows, pa.int64())), path)
        appends[table] = [path]
    return Staged(appends, {"accepted": ROWS["data/orders"]})


def publish_one(lake: Lake, name: str, number: int) -> int:
    """Publish one batch; returns its data version."""
    with lake.staging() as folder:
        done = lake.publish(f"{name}-{number}", lambda base: stage(lake, folder, name, number, base), dataset="orders")
    return done.data_version


def run(root: str, name: str, first: int, last: int = sys.maxsize) -> None:
    """Publish, tell, and look at what was published, without end."""
    lake = Lake.open(Path(root))
    for number in range(first, last):
        tell(f"{name} begin {number}")
        version = publish_one(lake, name, number)
        tell(f"{name} ack {number} {version}")
        if name.startswith("keeper"):
            for table in ROWS:
                upkeep.compact(lake, table)
            upkeep.backup(lake, lake.root.parent / f"copy-{name}-{number}")
            tell(f"{name} kept {number}")
        for table in ROWS:
            assert sum(pq.read_metadata(p).num_rows for p in lake.files(table, version).paths), table


def tell(line: str) -> None:
    """One line in one write, so that lines of several forks do not mix."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    assert deltalake.transaction.AddAction  # imported before the forks, used first within them
    for line in sys.stdin:
        root, name, *numbers = line.rstrip("\n").split("\t")
        if not numbers:
            tell(f"{name} heard")
            continue
        child = os.fork()
        if child == 0:
            tell(f"{name} pid {os.getpid()}")
            run(root, name, *map(int, numbers))
            os._exit(0)
        os.waitpid(child, os.WNOHANG)


if __name__ == "__main__":
    main()
