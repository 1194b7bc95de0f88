"""`python -m coterie.cli.stage DIR`: the program in which the worker runs a stage of a job apart; see `coterie.jobs.apart`."""

from __future__ import annotations

import sys

from coterie.jobs.apart import serve_stage
from coterie.workspace import Workspace


def main(folder: str) -> None:
    """Do the stage that standard input names, in the workspace of that folder."""

    def _opened() -> Workspace:
        ws = Workspace.open(folder)
        assert ws.jobs, "asking for it registers all jobs"
        return ws

    with Workspace.open(folder) as ws:
        niceness = ws.settings.number("job_niceness")
    serve_stage(_opened, max(0, min(niceness, 19)))


if __name__ == "__main__":
    main(sys.argv[1])
