"""The dataset card: what the rows are, what they are worth, and the head by which `load_dataset` finds them."""

from pathlib import Path
from typing import Any

import yaml

from programs.recipe import recipes
from seedbed.rows import write_whole


def write_card(out: Path, report: dict[str, Any]) -> None:
    """Write OUT/README.md. Splits without rows are left out: `datasets` cannot load an empty glob."""
    text = f"---\n{yaml.safe_dump(_head(report), sort_keys=False)}---\n\n{_body(report)}"
    write_whole(out / "README.md", lambda aside: aside.write_text(text, encoding="utf-8"))


def _head(report: dict[str, Any]) -> dict[str, Any]:
    files = [{"split": split, "path": f"rows/{split}-*.parquet"} for split in report["counts"]["splits"]]
    return {
        "tags": ["synthetic", "seedbed", report["recipe"]],
        # `datasets` keys its cache by this head and not by the files: without the digest, two runs into folders of one
        # name would load as the first of them
        "configs": [{"config_name": "default", "description": f"rows {report['content']}", "data_files": files}],
    }


def _body(report: dict[str, Any]) -> str:
    counts, recipe = report["counts"], recipes()[report["recipe"]]
    splits = ", ".join(f"{name} {count}" for name, count in counts["splits"].items()) or "none"
    reasons = "\n".join(f"| {reason} | {count} |" for reason, count in counts["rejected"].items())
    judges = ", ".join(report["judges"]) or "none: the labels showed none to be of use, or none was asked for"
    models = "\n".join(
        f"- {role}: {report['config']['models'][alias]['model']}"
        for role, alias in report["config"]["roles"].items()
        if alias
    )
    warnings = "".join(f"\n**Note:** {warning}.\n" for warning in report["warnings"])
    return f"""# {recipe.gives.capitalize()}

Made by Seedbed with the recipe `{recipe.name}` ({recipe.paper}).
{warnings}
## Rows

{counts["accepted"]} accepted of {counts["candidates"]} candidates; splits: {splits}. The validation split holds the
documents or leaves that no prompt was compiled on (invented rows and pools: a tenth, by hash).
The run stopped because {report["stopped"]}.

| rejected because | candidates |
|---|---|
{reasons}

## How they were made

{models}
- judges: {judges}
- compiled program: `{report["program"]}`, metric: `{report["metric"]}`
- calls {report["calls"]}, tokens in {report["input_tokens"]:,}, tokens out {report["output_tokens"]:,}

Human involvement: labelled seeds and verdicts; rows were generated and checked by machine, none was read by a person.
Every row carries its source (of a document: its character span), its scores with their reasons,
and the hash of the program.
"""
