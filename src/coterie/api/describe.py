"""`python -m coterie.api.describe FILE`: the OpenAPI description, from which the console's types are made."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def description() -> dict[str, Any]:
    """The OpenAPI description of an application; it is the same for every workspace."""
    from coterie.api.app import make_app
    from coterie.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        Workspace.init(Path(folder) / "described").close()
        app = make_app(Path(folder) / "described")
        found = app.openapi()
        app.state.shared.close()
    return found


def main(file: str) -> None:
    """Write it, with sorted keys, so that only real changes differ."""
    text = json.dumps(description(), indent=1, sort_keys=True, ensure_ascii=False)
    Path(file).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
