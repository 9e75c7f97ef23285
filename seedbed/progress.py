"""Progress for people: bars and lines on stderr, so that stdout is only for results."""

import collections
import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from seedbed.terminal import readable


class Task:
    """Moves one bar: a call advances it by one step; `note` sets the text behind it."""

    def __init__(self, bars: Bars, bar: TaskID) -> None:
        self._bars, self.bar = bars, bar

    def __call__(self) -> None:
        self._bars.advance(self.bar)

    def note(self, text: str) -> None:
        """Show a short text behind the bar."""
        self._bars.update(self.bar, note=text)


class Progress:
    """Bars that disappear when done. If stderr is not a terminal, only lines are printed."""

    def __init__(self) -> None:
        self._seconds = collections.defaultdict[str, float](float)  # seconds by task
        self.console = Console(file=sys.stderr, highlight=False)  # optimizers replace sys.stderr while they run
        self._bars = Bars(
            TextColumn("{task.description:<32}", markup=False),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Print a line."""
        self._bars.console.print(readable(line), markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def task(self, name: str, total: int) -> Iterator["Task"]:
        """Show a bar of `total` steps during the block, however many are made."""
        task, start = Task(self._bars, self.bar(name, total)), time.monotonic()
        try:
            yield task
        finally:
            self._bars.remove_task(task.bar)
            self._seconds[name] += time.monotonic() - start

    def times(self) -> str:
        """The seconds of each task, the longest first, without tasks of less than a second."""
        tasks = sorted(self._seconds.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in tasks if seconds >= 1)

    def bar(self, name: str, total: int) -> TaskID:
        """Add a bar that `show` moves."""
        return self._bars.add_task(name, total=total, note="")

    def show(self, bar: TaskID, done: int, note: str) -> None:
        """Set the position of a bar, and the short text behind it."""
        self._bars.update(bar, completed=done, note=note)
