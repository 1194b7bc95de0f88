"""A mail server on 127.0.0.1 that hangs up where it is told to: each connection takes the next of its moods."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SHUT, BUSY, BEFORE, AFTER, PIPELINING = "shut", "busy", "before", "after", "pipelining"


class Moody:
    """moods : of the next connections, none of them after that.

    `shut` : closes at once; `busy` : says 421 to the first message; `before` : closes when a message is announced;
    `after` : takes the first message whole and closes before it says so; `pipelining` : says nothing to sender and
    recipient before it has the announcement too, and refuses every address whose local part ends in 7.
    """

    def __init__(self) -> None:
        self.port, self.connections = 0, 0
        self.moods: list[str] = []
        self.taken: list[str] = []


class _Talk(socketserver.StreamRequestHandler):
    moody: Moody

    def handle(self) -> None:
        moody = self.moody
        moody.connections += 1
        mood = moody.moods.pop(0) if moody.moods else ""
        if mood == SHUT:
            return
        self.kept = ""
        self._say("220 moody")
        for line in iter(self.rfile.readline, b""):
            if not self._answer(line.decode().strip(), mood):
                return

    def _answer(self, said: str, mood: str) -> bool:
        """Whether the talk goes on."""
        word = said.partition(" ")[0].upper()
        match word:
            case "EHLO":
                self._say("250-moody\r\n250 PIPELINING" if mood == PIPELINING else "250 moody")
            case "MAIL" if mood == BUSY:
                self._say("421 too busy")
                return False
            case "MAIL" | "RCPT" if mood == PIPELINING:
                self.kept += "550 nobody here\r\n" if "7@" in said else "250 fine\r\n"
            case "DATA" if mood == BEFORE:
                return False
            case "DATA":
                return self._message(mood)
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 fine")
        return True

    def _message(self, mood: str) -> bool:
        self._say(f"{self.kept}354 go on")
        self.kept = ""
        lines = list(iter(lambda: self.rfile.readline(), b".\r\n"))
        ids = [line.decode().partition("<")[2].strip(" >\r\n") for line in lines if line.startswith(b"Message-ID")]
        self.moody.taken += ids
        if mood == AFTER:
            return False
        self._say("250 taken" if ids else "554 nobody to send it to")
        return True

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def moody_server() -> Iterator[Moody]:
    """The server, for a block."""
    moody = Moody()
    handler = type("_Bound", (_Talk,), {"moody": moody})
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        moody.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield moody
        finally:
            server.shutdown()
            thread.join()
