"""Moves a journey on in a fresh process for each moment that comes in: `python -m tests.campaigns.walker WORKSPACE NAME`.

Everything is imported once, so that a process begins at once. For each line, a moment: prints the process' id, and when it
has ended its exit status.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import coterie
import coterie.audiences.jobs
import coterie.campaigns.channels.file
import coterie.campaigns.jobs
import coterie.campaigns.journeys.service
import coterie.campaigns.preview
import coterie.campaigns.running
import coterie.experiments.assignment
import coterie.tags.run

assert coterie.campaigns.journeys.service


def main(workspace: Path, name: str) -> None:
    """One process a line."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            with coterie.open(workspace) as ws:
                ws.journeys.advance(name, at=datetime.fromisoformat(line.strip()))
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
