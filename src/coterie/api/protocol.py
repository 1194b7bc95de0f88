"""How connections are read: whoever opens one and does not say what they want is let go.

uvicorn waits for ever for the head of a request, so that a stranger could hold thousands of connections open by sending
a byte now and then (https://en.wikipedia.org/wiki/Slowloris_(cyber_attack)). Slow bodies are cut off in `limits`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def patient(seconds: float, quick: Callable[[bytes], bytes | None] | None = None) -> type[H11Protocol]:
    """A protocol that closes connections on which the head of a request takes longer than that.

    quick : answers some whole requests from their bytes, and gives None for all others; see `public.Front.quick`.
    """

    class Patient(H11Protocol):
        """Counts from when the connection opens, or from the first byte of a later request."""

        _letting_go: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Begin to wait."""
            super().connection_made(transport)
            self._letting_go = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            """Wait on while the head is not whole."""
            if quick is not None and self._is_between() and (answer := quick(data)) is not None:
                self._stop_waiting()
                self._unset_keepalive_if_required()
                self.transport.write(answer)
                wait, over = self.timeout_keep_alive, self.timeout_keep_alive_handler
                self.timeout_keep_alive_task = self.loop.call_later(wait, over)
                return
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._stop_waiting()
            elif self._letting_go is None:
                self._letting_go = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            """Wait no more."""
            self._stop_waiting()
            super().connection_lost(exc)

        def _is_between(self) -> bool:
            """Whether no request is under way, and no part of one has come."""
            return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

        def _stop_waiting(self) -> None:
            if self._letting_go is not None:
                self._letting_go.cancel()
                self._letting_go = None

    return Patient
