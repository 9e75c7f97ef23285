"""curator: three LLM objects on its openai backend, one after the other over the whole data set."""

import os
from pathlib import Path
from typing import Any

import litellm
from bespokelabs import curator
from job import Job, fill, measure


class Step(curator.LLM):
    """One call a row; the reply fills the column `name`."""

    def __init__(self, name: str, template: str, job: Job) -> None:
        self.name, self.template = name, template
        unlimited = {"max_requests_per_minute": 10**8, "max_tokens_per_minute": 10**11}
        super().__init__(
            "mock",
            backend="openai",
            generation_params={"max_tokens": 256, "temperature": 0.0},
            backend_params={
                "base_url": job.base,
                "api_key": "none",
                "max_concurrent_requests": job.slots,
                **unlimited,
            },
        )

    def prompt(self, input: dict[str, Any]) -> str:
        """The prompt for one row."""
        return fill(self.template, input)

    def parse(self, input: dict[str, Any], response: str) -> dict[str, Any]:
        """The row with one column more."""
        return {**input, self.name: response}


def work(job: Job) -> list[dict[str, Any]]:
    """Each step reads the data set that the one before has written.

    It counts tokens by an encoding that it would download, of which litellm has a copy.
    """
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")
    rows: Any = job.rows
    for name, template in job.steps.items():
        rows = Step(name, template, job)(rows, working_dir=job.folder).dataset
    return list(rows)


if __name__ == "__main__":
    measure(work)
