"""Builds the console into the wheel: what `make console` made is taken as it is, else npm makes it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_UNBUILT = (
    "The console is not built and npm is missing. Run `make console` where Node 20.19 or newer is, or set COTERIE_WITHOUT_CONSOLE=1 "
    "to build a wheel that serves the API alone."
)


class ConsoleHook(BuildHookInterface[Any]):
    """Runs before sdist and wheel are packed; an editable install needs no console."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console unless it is there."""
        if version == "editable" or os.environ.get("COTERIE_WITHOUT_CONSOLE") == "1":
            return
        root = Path(self.root)
        if (root / "src/coterie/static/index.html").is_file():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(_UNBUILT)
        for command in ([npm, "ci"], [npm, "run", "build"]):
            subprocess.run(command, cwd=root / "console", check=True)
