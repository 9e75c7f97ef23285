"""data-designer: three LLM text columns over a seed data set."""

import json
from pathlib import Path
from typing import Any

import data_designer.config as dd
from data_designer.interface import DataDesigner
from job import Job, measure


def work(job: Job) -> list[dict[str, Any]]:
    """All three columns in one creation, each with as many requests in parallel as calls may be in flight."""
    seeds = Path(job.folder) / "seeds.jsonl"
    seeds.write_text("".join(f"{json.dumps(row)}\n" for row in job.rows), encoding="utf-8")
    model = dd.ModelConfig(
        alias="mock",
        model="mock",
        provider="mock",
        skip_health_check=True,
        inference_parameters=dd.ChatCompletionInferenceParams(
            temperature=0.0, max_tokens=256, max_parallel_requests=job.slots
        ),
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(seeds)))
    for name, prompt in job.steps.items():
        builder.add_column(dd.LLMTextColumnConfig(name=name, prompt=prompt, model_alias="mock"))
    provider = dd.ModelProvider(name="mock", endpoint=job.base, api_key="none")
    designer = DataDesigner(artifact_path=job.folder, model_providers=[provider])
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None))
    return designer.create(builder, num_records=len(job.documents)).load_dataset().to_dict("records")


if __name__ == "__main__":
    measure(work)
