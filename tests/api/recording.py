"""A plugin of pytest that notes which routes answered well: `-p tests.api.recording`, into the file COTERIE_RECORD names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx


def pytest_configure() -> None:
    """From here on every good answer to an httpx client is noted, whichever test asked."""
    file, send = Path(os.environ["COTERIE_RECORD"]), httpx.Client.send

    def noting(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = send(client, request, **options)
        if answer.status_code < 400:
            with file.open("a", encoding="utf-8") as handle:
                handle.write(f"{answer.status_code} {request.method} {unquote(request.url.path)}\n")
        return answer

    httpx.Client.send = noting  # type: ignore[method-assign]
