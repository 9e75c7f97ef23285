"""What a person sees while work goes on: bars and lines on stderr, so that stdout stays for results."""

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
    """What moves one bar: a call, by one step; `note`, the few words behind it."""

    def __init__(self, bars: Bars, bar: TaskID) -> None:
        self._bars, self.bar = bars, bar

    def __call__(self) -> None:
        self._bars.advance(self.bar)

    def note(self, words: str) -> None:
        """Put these words behind the bar."""
        self._bars.update(self.bar, note=words)


class Progress:
    """Bars that come and go. Where stderr is no terminal, only the lines are printed."""

    def __init__(self) -> None:
        self._took = collections.defaultdict[str, float](float)  # seconds by task
        self.console = Console(file=sys.stderr, highlight=False)  # held on to: DSPy is silenced by swapping the stream
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
        """A line that stays."""
        self._bars.console.print(readable(line), markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def task(self, what: str, total: int) -> Iterator["Task"]:
        """A bar of `total` steps. It is done when the block is, however many came."""
        task, began = Task(self._bars, self.bar(what, total)), time.monotonic()
        try:
            yield task
        finally:
            self._bars.remove_task(task.bar)
            self._took[what] += time.monotonic() - began

    def times(self) -> str:
        """What the time went into, the longest first; what took less than a second is not named."""
        tasks = sorted(self._took.items(), key=lambda item: -item[1])
        return ", ".join(f"{what} {seconds:.0f} s" for what, seconds in tasks if seconds >= 1)

    def bar(self, what: str, total: int) -> TaskID:
        """A bar that `show` moves."""
        return self._bars.add_task(what, total=total, note="")

    def show(self, bar: TaskID, done: int, note: str) -> None:
        """Where a bar stands, with a few words behind it."""
        self._bars.update(bar, completed=done, note=note)
