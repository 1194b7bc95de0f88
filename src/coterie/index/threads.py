"""Two threads that all counting shares: NumPy lets go of the interpreter while it works on an array."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

POOL = ThreadPoolExecutor(2, "index")
_MOST_AHEAD = 4  # answers that wait to be taken; all of them at once might not fit into memory


def ahead(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """The answer of `work` for each item, in order; while one is used, the threads make the next ones.

    work : must not wait for another answer of the threads.

    >>> list(ahead(abs, [-3, 2]))
    [3, 2]
    """
    waiting: deque[Future[B]] = deque()
    try:
        for item in items:
            waiting.append(POOL.submit(work, item))
            if len(waiting) > _MOST_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for left in waiting:
            left.cancel()
