"""Why a job that asks models ended, and its exit code; and the cap on its time."""

from typing import Protocol

from programs.core.background import run_sync
from seedbed.config.load import Config
from seedbed.errors import FELL_SHORT, INTERRUPTED, TeacherDown, exit_code
from seedbed.runs.gc_tuning import calm


class Job(Protocol):
    """Work that ends by itself or at a limit."""

    @property
    def reached(self) -> bool:
        """Whether it made all that was asked for."""
        ...

    async def work(self) -> str:
        """Work until it ends; returns why."""
        ...


class Ending:
    """Why a job ended, and its exit code. Both are in its report, also after an error."""

    def __init__(self) -> None:
        self.stopped, self.code = "an error ended it", FELL_SHORT

    def work(self, job: Job) -> None:
        """Work until the job ends. Errors are raised; only an interrupt counts as a normal end."""
        try:
            with calm():
                self.stopped = run_sync(job.work())
            self.code = int(not job.reached)
        except KeyboardInterrupt:
            self.stopped, self.code = "interrupted", INTERRUPTED
        except TeacherDown as error:
            self.stopped, self.code = f"a model failed: {error}", exit_code(error)
            raise
        except Exception as error:
            self.code = exit_code(error)
            raise


def time_cap(config: Config) -> tuple[float, str] | None:
    """The shorter of the caps on time, in minutes, and the sentence for a person when it is reached; None: no cap."""
    caps = [(config.run.max_minutes, "run"), (config.budget.max_minutes, "budget")]
    shortest = min(((minutes, section) for minutes, section in caps if minutes), default=None)
    return shortest and (shortest[0], f"{shortest[1]}.max_minutes: {shortest[0]:g} is reached")
