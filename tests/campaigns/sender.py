"""Runs the campaign that a line names, each in a fresh process: `python -m tests.campaigns.sender WORKSPACE FOLDER`.

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
import coterie.campaigns.channels.webhook
import coterie.campaigns.jobs
import coterie.campaigns.preview
import coterie.campaigns.running
import coterie.experiments.assignment
import coterie.tags.run

assert coterie.campaigns.running


def main(workspace: Path, folder: Path) -> None:
    """One process a line."""
    settings = {"smtp_host": "127.0.0.1", "smtp_security": "none", "mail_from": "shop@example.com", "threads": 1}
    settings["private_addresses"] = 1
    for name in sys.stdin:
        child = os.fork()
        if not child:
            (folder / "sender").write_text(str(os.getpid()))
            settings["smtp_port"] = int((folder / "port").read_text())
            with opened(workspace, **settings) as made:
                made.campaigns.run(name.strip())
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
