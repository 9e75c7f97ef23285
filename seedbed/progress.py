"""What a person sees while work goes on: bars and lines on stderr, so that stdout stays for results."""

import contextlib
from collections.abc import Callable, Iterator

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


class Progress:
    """Bars that come and go. Where stderr is no terminal, only the lines are printed."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            TextColumn("{task.description:<32}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
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
        self._bars.console.print(line, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def task(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar of `total` steps; yields what moves it by one. It is done when the block is, however many came."""
        bar = self.bar(what, total)
        try:
            yield lambda: self._bars.advance(bar)
        finally:
            self._bars.remove_task(bar)

    def bar(self, what: str, total: int) -> TaskID:
        """A bar that `show` moves."""
        return self._bars.add_task(what, total=total, note="")

    def show(self, bar: TaskID, done: int, note: str) -> None:
        """Where a bar stands, with a few words behind it."""
        self._bars.update(bar, completed=done, note=note)
