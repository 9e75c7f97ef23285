"""distilabel: three TextGeneration steps over OpenAILLM, each with batches as large as the calls in flight."""

from typing import Any

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration
from job import Job, columns, measure


def work(job: Job) -> list[dict[str, Any]]:
    """Every step is a process of its own; a batch waits for its slowest call."""
    with Pipeline("three-calls", cache_dir=job.folder) as pipeline:
        last = LoadDataFromDicts(data=job.rows, batch_size=job.slots)
        for name, prompt in job.steps.items():
            last = last >> _step(name, prompt, job)
    return list(pipeline.run(use_cache=False)["default"]["train"])


def _step(name: str, prompt: str, job: Job) -> TextGeneration:
    return TextGeneration(
        name=name,
        llm=OpenAILLM(
            model="mock",
            base_url=job.base,
            api_key="none",
            generation_kwargs={"max_new_tokens": 256, "temperature": 0.0},
        ),
        template=prompt,
        columns=columns(prompt),
        input_batch_size=job.slots,
        output_mappings={"generation": name, "model_name": f"{name}_model"},
        add_raw_input=False,
        add_raw_output=False,
    )


if __name__ == "__main__":
    measure(work)
