"""Progress bars on the terminal."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from coterie.kit.progress import Progress


class Bars(Progress):
    """One bar a stage: name, share, rate, time left."""

    def __init__(self) -> None:
        super().__init__()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = RichProgress(*columns, console=Console(stderr=True))
        self._task: TaskID | None = None
        self._stage: tuple[str, float] | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def shown(self) -> None:
        """Draw the stage; a new stage gets a new bar."""
        if self._stage != (self.name, self.started):
            self._stage = (self.name, self.started)
            self._task = self._bars.add_task(self.name, total=self.total, rate="")
        assert self._task is not None, "a stage has its bar"
        speed = self._bars.tasks[self._bars.task_ids.index(self._task)].speed
        rate = f"{speed:,.0f} {self.unit}/s" if speed and self.unit else ""
        self._bars.update(self._task, completed=self.done, total=self.total, rate=rate)
