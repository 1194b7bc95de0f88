"""Engines go from hand to hand, whoever gives them back and whenever."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import coterie


class Asked:
    """Stands for a question that only the garbage collector ends, since it holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_the_garbage_collector_gives_engines_back_in_the_middle_of_a_borrow(tmp_path: Path) -> None:
    """It may run at any allocation: with a lock around the engines, one thread would wait for itself."""
    with coterie.init(str(tmp_path / "ws")) as ws:
        index, engine = ws.index, ws.index.borrow()

        def work() -> None:
            for _ in range(300):
                weakref.finalize(Asked(), index.give, engine)
                for _ in range(3):  # the last time there is none, and it makes one
                    index.borrow()

        before = gc.get_threshold()
        gc.set_threshold(2)
        try:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            thread.join(120)
        finally:
            gc.set_threshold(*before)
        assert not thread.is_alive()
