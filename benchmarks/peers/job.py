"""The job that every peer does, and how it is timed. Needs Python alone, for it runs in each peer's own environment."""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Job:
    """Three calls a document, each made from the replies before it.

    Attributes:
        base: the model server's address with `/v1`. slots: calls in flight at most. documents: one a row.
        steps: by the column that a reply fills, in order, a prompt in which `{{ column }}` stands for a value.
        folder: for what the peer writes; it is removed.
    """

    base: str
    slots: int
    documents: list[str]
    steps: dict[str, str]
    folder: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """What each row starts from."""
        return [{"document": document} for document in self.documents]


def columns(prompt: str) -> list[str]:
    """The columns a prompt is made of."""
    return re.findall(r"{{ (\w+) }}", prompt)


def fill(prompt: str, row: dict[str, str]) -> str:
    """The prompt for one row."""
    for column in columns(prompt):
        prompt = prompt.replace(f"{{{{ {column} }}}}", row[column])
    return prompt


def measure(work: Callable[[Job], list[dict[str, Any]]]) -> None:
    """Do the job in the file that the command line names, and print the figures as one line of JSON.

    Timed without the imports, but with all that the peer does to set its pipeline up and to write its rows. CPU is
    that of this process and of its children that have ended.
    """
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    started, spent = time.monotonic(), _cpu()
    rows = work(job)
    wall, cpu = time.monotonic() - started, _cpu() - spent
    done = sum("yes" in str(row["verdict"]) for row in rows)
    if done != len(job.documents):
        raise SystemExit(f"{done} of {len(job.documents)} rows got their verdict")
    calls = len(job.steps) * done
    figures = {"rows_per_s": done / wall, "calls_per_s": calls / wall, "cpu_ms_per_call": 1000 * cpu / calls}
    print(json.dumps(figures | {"wall": wall, "calls": calls}))


def _cpu() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
