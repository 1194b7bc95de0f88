"""Handing messages over one by one, on several connections side by side.

One thread makes messages ahead, one claims them in the outbox and notes how others ended, many at a time, and one a
connection hands over what is claimed. So no connection waits for a disk: that a hand-over begins, and that the message
was taken, stands in `marks` at once. At most one message a connection is in doubt after a kill.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from coterie.campaigns import events, marks
from coterie.campaigns.channels.base import AGAIN, FAILED, SENT, Connection, Outcome, Parcel
from coterie.campaigns.outbox import DEAD, DONE, PENDING, UNSURE, Done, Entry
from coterie.errors import CoterieError

if TYPE_CHECKING:
    from coterie.campaigns.delivery import Run

MOST_TRIES, FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 5, 60.0, 3600.0
_AHEAD = 4  # claimed messages a connection: a commit is for many, and few are in doubt should the machine go down
_NOTE_SECONDS = 0.2  # after which what ended is written down though it is little


def ended(parcel: Parcel, outcome: Outcome, at: float) -> Done:
    """What an outcome makes of a row."""
    n, row, tries = parcel.n, parcel.row, parcel.tries
    if outcome.state == SENT:
        entries = [Entry(row, events.SENT, at), *(Entry(row, e, at + after, None, d) for e, after, d in outcome.events)]
        return Done(n, DONE, entries, tried=1)
    if outcome.state == AGAIN and tries + 1 < MOST_TRIES:
        wait = min(FIRST_WAIT_SECONDS * 2**tries, MOST_WAIT_SECONDS)
        return Done(n, PENDING, (), at + wait, tried=1)
    if outcome.state in (AGAIN, FAILED):
        return Done(n, DEAD, [Entry(row, events.FAILED, at, "channel", outcome.reason)], tried=1)
    return unsure(parcel, at, outcome.reason)


def unsure(parcel: Parcel, at: float, reason: str | None = None) -> Done:
    """A row of which nobody knows how it ended."""
    return Done(parcel.n, UNSURE, [Entry(parcel.row, events.UNCERTAIN, at, None, reason)], tried=1)


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


class Desk:
    """Where messages lie on their way: made, claimed, and ended.

    more : the next messages, at most `chunk`; none where there are no more or they shall not go out.
    wait : holds a hand-over back as the rate asks; stopped : whether what was made shall not go out either.
    """

    def __init__(
        self,
        run: Run,
        more: Callable[[], Sequence[Parcel]],
        wait: Callable[[int], None],
        stopped: Callable[[], bool],
        advance: Callable[[int], None],
        chunk: int,
    ) -> None:
        self.run, self._more, self._wait, self._stopped, self._advance = run, more, wait, stopped, advance
        self._low, self._ahead = chunk // 4, max(min(_AHEAD * run.connections, chunk // 2), 1)
        self._batch = uuid.uuid4().hex[:8]
        self._made, self._claimed, self._done = deque[Parcel](), deque[Parcel](), list[Done]()
        lock = threading.Lock()
        self._room, self._there, self._work = (threading.Condition(lock) for _ in range(3))
        self._last, self._over, self._closing = False, False, False
        self._error: BaseException | None = None
        self._marks = run.outbox.marks()

    def work(self) -> None:
        """Hand over everything there is. Raises what went wrong; what was not handed over waits."""
        threads = [threading.Thread(target=self._carry) for _ in range(self.run.connections)]
        clerk = threading.Thread(target=self._guarded, args=(self._write_down,))
        for thread in (clerk, *threads):
            thread.start()
        self._guarded(self._make)
        self._guarded(lambda: _join(threads))  # whoever interrupts this lets all stop
        _join(threads)
        with self._work:
            self._closing = True
            self._work.notify()
        clerk.join()
        self._guarded(self._finish)
        self._marks.close()
        if self._error is not None:
            raise self._error

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do a step; should it fail, all stop."""
        try:
            step()
        except BaseException as error:
            with self._work:
                self._error = self._error or error
                self._notify()

    def _notify(self) -> None:
        for condition in (self._room, self._there, self._work):
            condition.notify_all()

    def _make(self) -> None:
        """Make messages as long as there are more."""
        while self._error is None and (found := self._more()):
            with self._work:
                self._made.extend(found)
                self._work.notify()
                self._room.wait_for(lambda: len(self._made) <= self._low or self._error is not None)
        with self._work:
            if self._stopped():
                self._made.clear()
                self._over = True
            self._last = True
            self._notify()

    def _write_down(self) -> None:
        """Claim and note, until nobody is handing over any more."""
        while True:
            with self._work:
                self._work.wait_for(self._pressing, _NOTE_SECONDS)
                if self._closing or self._error is not None:
                    return
                room = 0 if self._over else self._ahead - len(self._claimed)
                taken = [self._made.popleft() for _ in range(min(room, len(self._made)))]
                done, self._done = self._done, []
                if len(self._made) <= self._low:
                    self._room.notify()
            self._commit(done, taken)
            with self._work:
                self._claimed.extend(taken)
                self._over = self._over or (self._last and not self._made)
                self._there.notify_all()

    def _pressing(self) -> bool:
        """Whether something is to be written at once; the caller holds the lock."""
        hungry = bool(self._made or self._last) and not self._over and len(self._claimed) <= self._ahead // 2
        return hungry or len(self._done) >= self._ahead or self._closing or self._error is not None

    def _commit(self, done: list[Done], taken: Sequence[Parcel]) -> None:
        if not done and not taken:
            return
        for parcel in taken:
            self._marks.clear(parcel.n)
        try:
            self.run.outbox.write(done, [parcel.n for parcel in taken], self._batch)
        except BaseException:
            with self._work:
                self._done += done  # for another try at the end
            raise

    def _finish(self) -> None:
        """What ended is noted, and what was claimed and not begun waits again."""
        self.run.outbox.write([*self._done, *(Done(parcel.n, PENDING) for parcel in self._claimed)])
        marks.forget(self.run.outbox.path)

    def _carry(self) -> None:
        """One connection."""
        self._guarded(self._hand_over_all)

    def _hand_over_all(self) -> None:
        done: Done | None = None
        with self.run.asked.channel.open(self.run.surroundings) as connection:
            while (parcel := self._next(done)) is not None:
                done = self._hand_over(connection, parcel)

    def _put(self, done: Done) -> None:
        with self._work:
            self._done.append(done)

    def _next(self, done: Done | None) -> Parcel | None:
        """The next claimed message, once there is one; None where all are taken, or something failed.

        done : how the last one ended.
        """
        with self._work:
            if done is not None:
                self._done.append(done)
            self._there.wait_for(lambda: bool(self._claimed) or self._over or self._error is not None)
            if self._error is not None or not self._claimed or self._stopped():
                return None
            parcel = self._claimed.popleft()
            if len(self._claimed) == self._ahead // 2:
                self._work.notify()
            self._advance(1)
        self._wait(1)
        return parcel

    def _hand_over(self, connection: Connection, parcel: Parcel) -> Done | None:
        """Hand one over; how it ended, where that is still to be noted."""
        self._marks.begin(parcel.n)
        try:
            (told,) = connection.send(self._batch, [parcel])
        except CoterieError:
            self._put(Done(parcel.n, PENDING))
            raise
        except BaseException:  # the channel failed in a way that nobody foresaw
            self._put(unsure(parcel, self.run.clock()))
            raise
        outcome, at = Outcome(*told), self.run.clock()
        done = ended(parcel, outcome, at)
        if outcome.state == SENT and not outcome.events:
            self._marks.take(parcel.n, at)
            return done
        try:
            self.run.outbox.write([done])  # marks cannot say it, and a kill must not leave two of a connection in doubt
        except BaseException:
            self._put(done)
            raise
        return None
