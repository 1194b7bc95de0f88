"""A real receiver on 127.0.0.1 that checks signatures, knows repeats, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from coterie.destinations.http import verified


class Receiver:
    """What arrived; `answers` are the next status codes to give, 200 after them."""

    def __init__(self, url: str) -> None:
        self.url, self.secret = url, ""
        self.answers: list[int] = []
        self.bodies: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, int]] = []
        self.headers: dict[str, str] = {}
        self.retry_after: str | None = None
        self.lose_next = False

    @property
    def entities(self) -> set[str]:
        """Who is in the audience by what arrived."""
        held: set[str] = set()
        for body in self.bodies.values():
            held = held | set(body["entities"]) if body["change"] == "add" else held - set(body["entities"])
        return held


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            status = receiver.answers.pop(0) if receiver.answers else 200
            if not verified(content, self.headers["Coterie-Signature"], receiver.secret):
                status = 401
            receiver.requests.append((key, status))
            if status == 200:
                receiver.bodies.setdefault(key, json.loads(content))
                if receiver.lose_next:  # taken, but the answer is lost
                    receiver.lose_next = False
                    self.connection.close()
                    return
            self.send_response(status)
            if receiver.retry_after is not None:
                self.send_header("Retry-After", receiver.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()
