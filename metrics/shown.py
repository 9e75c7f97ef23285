"""The texts that a program's prompts show, which no row may repeat."""

from typing import Any

from programs.core.program import Program


def demo_texts(program: Program, name: str, step: Any) -> list[str]:
    """The new parts of the rows in a step's demos, without those in its inputs."""
    texts = []
    for demo in step.demos:
        inputs = {field: demo[field] for field in step.signature.input_fields if field in demo}
        outputs = {field: demo[field] for field in step.signature.output_fields if field in demo}
        rows = program.read(name, inputs, outputs)
        texts += [row.novelty_key for row in rows if row.novelty_key not in inputs.values()]
    return [text for text in texts if text]
