"""Runs a campaign in a fresh process each time a line comes in: `python -m tests.campaigns.sender WORKSPACE NAME FOLDER`.

Everything is imported once, so that a process begins to send half a second after it was asked to. For each line: prints
the process' id, and when it has ended its exit status.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.campaigns.opening import opened

import coterie.audiences.jobs
import coterie.campaigns.channels.email
import coterie.campaigns.channels.file
import coterie.campaigns.jobs
import coterie.campaigns.preview
import coterie.campaigns.running
import coterie.experiments.assignment
import coterie.tags.run

assert coterie.campaigns.running


def main(workspace: Path, name: str, folder: Path) -> None:
    """One process a line."""
    settings = {"smtp_host": "127.0.0.1", "smtp_security": "none", "mail_from": "shop@example.com", "threads": 1}
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            (folder / "sender").write_text(str(os.getpid()))
            settings["smtp_port"] = int((folder / "port").read_text())
            with opened(workspace, **settings) as made:
                made.campaigns.run(name)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
