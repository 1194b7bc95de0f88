"""What is kept in memory, bounded by bytes, and made once even if many ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Values by key; the least recently used are dropped beyond `most_bytes`.

    size : bytes of a value. A value under making is waited for by whoever asks for it.

    >>> cache = Cache(10, len)
    >>> cache.get("a", lambda: "12345"), cache.get("b", lambda: "123456"), "a" in cache, "b" in cache
    ('12345', '123456', False, True)
    """

    def __init__(self, most_bytes: int, size: Callable[[T], int]) -> None:
        self._most, self._size = most_bytes, size
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._making: dict[Hashable, Future[T]] = {}
        self.bytes = 0

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value, made where it is not held."""
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held[0]
            waiting = self._making.get(key)
            if waiting is None:
                mine = self._making[key] = Future()
        if waiting is not None:
            return waiting.result()
        try:
            value = make()
            size = self._size(value)
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        self._keep(key, value, size)
        mine.set_result(value)
        return value

    def drop(self, which: Callable[[Hashable], bool]) -> None:
        """Drop the values of some keys."""
        with self._lock:
            for key in [k for k in self._held if which(k)]:
                self.bytes -= self._held.pop(key)[1]

    def _keep(self, key: Hashable, value: T, size: int) -> None:
        with self._lock:
            del self._making[key]
            if size <= self._most:
                self._held[key] = (value, size)
                self.bytes += size
            while self.bytes > self._most:
                _, (_, dropped) = self._held.popitem(last=False)
                self.bytes -= dropped
