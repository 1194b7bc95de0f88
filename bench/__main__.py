"""Run every bench in a process of its own; exit 1 if one fails."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "build_tags",
    "increments",
    "command_line",
    "import_csv",
    "audiences",
    "segments",
    "experiments",
    "campaigns",
    "redirect",
    "console",
)


def main() -> int:
    """The number of benches that failed, at most 1."""
    failed = [name for name in NAMES if subprocess.run([sys.executable, "-m", f"bench.{name}"]).returncode]
    print("PASS: all benches" if not failed else f"FAIL: {', '.join(failed)}")
    return min(len(failed), 1)


if __name__ == "__main__":
    sys.exit(main())
