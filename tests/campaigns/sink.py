"""A mail server in a process of its own: writes down every Message-ID it has taken, and may kill the sender right after.

`python -m tests.campaigns.sink FOLDER`: port in FOLDER/port, Message-IDs in FOLDER/taken, one a line. Where
FOLDER/kill_after holds a number, the process whose id is in FOLDER/sender is killed when so many more have been taken:
after the reply 250 has left, and before the sender can have written it down.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

_ID = re.compile(rb"(?im)^message-id:\s*<([^>]+)>")


class Sink:
    """Takes everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken = (folder / "taken").open("a", buffering=1)
        self._left = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        found = _ID.search(envelope.content)
        assert found is not None
        self._taken.write(found[1].decode() + "\n")
        order = self._folder / "kill_after"
        if order.exists():
            self._left = int(order.read_text())
            order.unlink()
        if self._left:
            self._left -= 1
            if not self._left:
                sender = int((self._folder / "sender").read_text())
                # a turn of the loop later, when the reply has been written to the socket
                asyncio.get_running_loop().call_soon(os.kill, sender, signal.SIGKILL)
        return "250 taken"


async def main(folder: Path) -> None:
    """Serve until killed."""
    sink = Sink(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink", enable_SMTPUTF8=True), "127.0.0.1", 0)
    (folder / "port.part").write_text(str(server.sockets[0].getsockname()[1]))
    (folder / "port.part").rename(folder / "port")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
