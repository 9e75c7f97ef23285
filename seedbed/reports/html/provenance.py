"""How it can be made again: hashes, versions, models with their licences, test sets, the commands."""

from collections.abc import Sequence
from typing import Any

from optimize.artefact import Manifest
from seedbed.config.models import ModelEntry
from seedbed.reports.html.figure import Table


def run_tables(report: dict[str, Any]) -> list[Table]:
    """The facts of a run, and its models."""
    facts = [
        ["rows", report["content"]],
        ["program", report["program"]],
        ["metric", report["metric"]],
        ["judges", ", ".join(report["judges"]) or "none"],
        ["random seed", f"{report['config']['run'].get('random_seed', 0)}"],
        ["embedder", report["config"].get("embedder", "")],
        ["test sets", ", ".join(report["config"].get("gates", {}).get("test_sets", [])) or "none"],
        *([f"option {name}", f"{value}"] for name, value in report["options"].items()),
        *([f"version of {name}", version] for name, version in report["versions"].items()),
    ]
    return [Table(["what", "value"], facts), _models(report["config"]["models"])]


def compile_tables(manifest: Manifest) -> list[Table]:
    """The facts of a compile."""
    facts = [
        ["program", manifest.state],
        ["metric", manifest.metric],
        ["signatures", manifest.signatures],
        ["model", manifest.identity],
        ["seeds in prompts", f"{len(manifest.seeds['train'])}"],
        ["seeds held out", f"{len(manifest.seeds['held_out'])}"],
        *([f"version of {name}", version] for name, version in manifest.versions.items()),
    ]
    return [Table(["what", "value"], facts)]


def commands(report: dict[str, Any], folder: str) -> str:
    """The commands that make the run again, from the project's folder."""
    compiled = "" if "uncompiled" in report["stopped"] else "seedbed compile\n"
    return f"{compiled}seedbed run --rows {report['rows']} --out {folder}\nseedbed report {folder}"


def _models(models: dict[str, Any]) -> Table:
    rows: Sequence[Sequence[str]] = [
        [alias, entry["model"], _licence(ModelEntry.model_construct(**entry))] for alias, entry in models.items()
    ]
    return Table(["alias", "model", "licence, and whether its output may train others"], rows)


def _licence(entry: ModelEntry) -> str:
    state = {True: "may train others", False: "may not train others", None: "not stated"}[entry.may_train]
    return ", ".join(filter(None, [entry.licence, state]))
