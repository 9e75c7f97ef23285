"""The dataset card: the rows, their diversity, and the header with which `load_dataset` finds them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from metrics.diversity import Variety
from metrics.extrinsic import Extrinsic
from metrics.pairs import PairFigures
from programs.core.kinds import Labelled, Preference, kind_of
from programs.core.recipe import Recipe, recipes
from programs.core.row import Candidate
from programs.core.whole import write_whole
from seedbed.runs.record.cost_lines import bill_lines
from seedbed.runs.rows import row_type

TASKS: dict[type[Candidate], str] = {Labelled: "text-classification", Preference: "reinforcement-learning"}
"""The Hub's task for a kind of rows; text-generation for the others."""

Body = Callable[[dict[str, Any]], str]
"""The text of a card, from run.json's content."""


def write_card(out: Path, report: dict[str, Any], body: Body | None = None) -> None:
    """Write OUT/README.md; None: with the text of a run's card. Splits without rows are omitted, because `datasets`
    cannot load an empty glob."""
    head = _head(report, has_rejected=any(out.glob("rejected/*.parquet")))
    text = f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n{(body or _run_body)(report)}"
    write_whole(out / "README.md", lambda aside: aside.write_text(text, encoding="utf-8"))


def _head(report: dict[str, Any], *, has_rejected: bool) -> dict[str, Any]:
    url, counts = report["config"]["run"]["shards"], report["counts"]
    base = f"{url}/" if url else ""
    files = [{"split": split, "path": f"{base}rows/{split}-*.parquet"} for split in counts["splits"]]
    # `datasets` keys its cache by this header and not by the files: without the digest, the second of two runs into
    # folders of the same name would load as the first
    configs: list[dict[str, Any]] = [
        {"config_name": "default", "default": True, "description": f"rows {report['content']}", "data_files": files}
    ]
    if has_rejected:  # why rows fell, for whoever looks at the dataset on the Hub
        rejected = [{"split": "rejected", "path": "rejected/*.parquet"}]
        configs.append({"config_name": "rejected", "data_files": rejected})
    kind = kind_of(row_type(report["recipe"], report.get("options")))
    return {
        "pretty_name": recipes()[report["recipe"]].gives if report["recipe"] in recipes() else report["recipe"],
        **({"language": ["en"]} if report["config"].get("language") == "english" else {}),
        "task_categories": [TASKS.get(kind, "text-generation")],
        "size_categories": [_size(counts["accepted"])],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"],
        "tags": ["synthetic", "seedbed", report["recipe"]],
        "configs": configs,
    }


def _size(rows: int) -> str:
    """The Hub's word for a number of rows."""
    sizes = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
    return next((name for size, name in zip(sizes, names, strict=True) if rows < size), "10M<n<100M")


def _run_body(report: dict[str, Any]) -> str:
    counts, recipe = report["counts"], recipes()[report["recipe"]]
    splits = ", ".join(f"{name} {count}" for name, count in counts["splits"].items()) or "none"
    reasons = "\n".join(f"| {reason} | {count} |" for reason, count in counts["rejected"].items())
    judges = ", ".join(report["judges"]) or "none: none was configured, or none was useful on the labels"
    models = "\n".join(
        f"- {role}: {report['config']['models'][alias]['model']}"
        for role, bound in report["config"]["roles"].items()
        for alias in (bound if isinstance(bound, list) else [bound])
        if alias
    )
    stood_in = "".join(
        f"- stood in for calls that failed: {report['config']['models'][alias]['model']}, in {count} of "
        f"{counts['accepted']} rows\n"
        for alias, count in report["stood_in"].items()
    )
    options = ", ".join(f"{name}: {json.dumps(value)}" for name, value in report["options"].items()) or "none"
    made = "; ".join(f"compiled for {alias}" if alias else "prompts as written" for alias in report["compiled_for"])
    bill = "".join(f"- {line}\n" for line in bill_lines(report))
    pairs = "".join(f"\n- {line}\n" for line in PairFigures.model_validate(report["pairs"]).lines)
    warnings = "".join(f"\n**Note:** {warning}.\n" for warning in report["warnings"])
    return f"""# {recipe.gives.capitalize()}

Made by Seedbed with the recipe `{recipe.name}` ({recipe.paper}).
{warnings}
## Rows

{_kind(recipe, report)}

{counts["accepted"]} accepted of {counts["candidates"]} candidates; splits: {splits}. The validation split holds the
documents, rows or leaves whose human labels no compiled prompt and no judge shows (invented rows, rows for labels and
pools: a tenth, by hash).
The run stopped because {report["stopped"]}.

| rejected because | candidates |
|---|---|
{reasons}
{pairs}
{_variety(report)}{_extrinsic(report)}## How they were made

{models}
{stood_in}- options of the recipe: {options}
- judges: {judges}
- program: `{report["program"]}` ({made}), metric: `{report["metric"]}`
- calls {report["calls"]}, tokens in {report["input_tokens"]:,}, tokens out {report["output_tokens"]:,}
{bill}
Human involvement: labelled seeds and verdicts; rows were generated and checked by machine, none was read by a person.
Every row has its `score`, with `scores` and their reasons; its `lineage` names the source (of a document: the
character span), the models that wrote it and the hash of the program. `seedbed explain DIR ID` shows the prompts and
replies behind it.
"""


def _kind(recipe: Recipe, report: dict[str, Any]) -> str:
    """What kind of rows these are, and the columns that a trainer reads."""
    kind = kind_of(row_type(recipe.name, report["options"]))
    columns = ", ".join(f"`{name}`" for name in kind.Base.model_fields)
    return f"{kind.__name__} rows, for {kind.purpose}: a trainer reads {columns}."


def _variety(report: dict[str, Any]) -> str:
    """The table of the rows' diversity; empty if the run did not measure it."""
    if not report["variety"]:
        return ""
    variety = Variety.model_validate(report["variety"])
    distinct = ((n, getattr(variety, f"distinct_{n}")) for n in (1, 2, 3))
    lines = [(f"distinct-{n}", f"{share:.2f}") for n, share in distinct if share is not None]
    lines += [
        ("self-ROUGE-L", f"{variety.self_rouge_l:.2f}"),
        ("Vendi score", f"{variety.vendi:.1f} of {variety.sampled}"),
    ]
    lines += [(f"{kind} questions", f"{share:.0%}") for kind, share in variety.kinds.items()]
    for name, words in (("prompt", variety.prompt_words), ("response", variety.response_words)):
        lines.append((f"words of a {name}: 10%, 50%, 90%", f"{words.low:g}, {words.median:g}, {words.high:g}"))
    lines += [("sources with a row", str(variety.chunks))] if variety.chunks else []
    lines += [("groups of sources with a row", str(variety.topics))] if variety.topics else []
    lines += [("distance of the least covered passage", f"{variety.radius:.2f}")] if variety.radius is not None else []
    table = "\n".join(f"| {name} | {value} |" for name, value in lines)
    return f"## Variety\n\nMeasured on {variety.sampled} rows.\n\n| measure | value |\n|---|---|\n{table}\n\n"


def _extrinsic(report: dict[str, Any]) -> str:
    """What the rows are worth to a classifier; empty if the run did not measure it."""
    if not report["extrinsic"]:
        return ""
    figures = str(Extrinsic.model_validate(report["extrinsic"]))
    return f"## Use\n\n{figures[0].upper()}{figures[1:]}.\n\n"
