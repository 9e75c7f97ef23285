"""Where a dataset or a compiled program comes from, and the commands that make it again."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optimize.artefact import Manifest
from seedbed.config.models import ModelEntry
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.section import Section
from seedbed.reports.loading import loading_line

QUESTION = "Can it be made again?"
MAY = {True: "may train other models", False: "may not train other models", None: "not stated: ask its provider"}


def run_provenance(run: RunFolder, name: str) -> Section:
    """Of a finished run. `name`: the folder's, as commands name it."""
    report = run.report
    models = report["config"]["models"]
    states = [_state(entry) for entry in models.values()]
    free = sum(state.startswith(MAY[True]) for state in states)
    caption = (
        f"Rows {report['content']} were made by program {report['program']} under metric {report['metric']}. "
        f"By what is stated, the output of {free} of {len(models)} models may train other models."
    )
    table = Table(("what", "value"), [*_run_lines(report), *_commands(run, name)])
    return Section(
        "Provenance", QUESTION, [Figure(caption, table)], "provenance.html", _yaml(report["config"]), tables_open=True
    )


def compile_provenance(manifest: Manifest) -> Section:
    """Of a compile."""
    caption = f"The compiled program has the state {manifest.state}, and was searched under metric {manifest.metric}."
    seeds = {side: f"{len(ids)} seeds: {', '.join(ids)}" for side, ids in manifest.seeds.items()}
    lines = {
        "recipe": manifest.recipe,
        "model of the teacher": manifest.identity,
        "signatures": manifest.signatures,
        "seeds that prompts may show": seeds.get("train", "none"),
        "seeds held out": seeds.get("held_out", "none"),
        **{f"sha256 of {name}": value for name, value in manifest.files.items()},
        **{f"version of {name}": version for name, version in manifest.versions.items()},
        "made by": f"seedbed compile --teacher {manifest.teacher}",
        "its prompts": f"seedbed prompt --teacher {manifest.teacher}",
    }
    figure = Figure(caption, Table(("what", "value"), [*lines.items()]))
    return Section("Provenance", QUESTION, [figure], "provenance.html", _yaml(manifest.settings), tables_open=True)


def _run_lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = report["config"]
    yield "recipe", report["recipe"]
    yield "options of the recipe", json.dumps(report["options"]) if report["options"] else "none"
    yield "rows", report["content"]
    yield "program", report["program"]
    yield "metric", report["metric"]
    yield "judges", ", ".join(report["judges"]) or "none"
    yield "test sets", ", ".join(config["gates"]["test_sets"]) or "none: no row was compared with a benchmark"
    yield "random seed", str(config["run"]["random_seed"])
    for alias, entry in config["models"].items():
        yield f"model {alias}", "; ".join(filter(None, (entry["model"], _roles(config, alias), _state(entry))))
    for alias, record in report["embedded"].items():
        yield f"weights of {alias}", ", ".join(f"{key} {value}" for key, value in record.items())
    yield from ((f"version of {package}", version) for package, version in report["versions"].items())


def _roles(config: Mapping[str, Any], alias: str) -> str:
    roles = config["roles"].items()
    return ", ".join(role for role, bound in roles if alias in (bound if isinstance(bound, list) else [bound]))


def _state(entry: Mapping[str, Any]) -> str:
    """What the licence of a model says of training, by the config or the shelf."""
    model = ModelEntry.recorded(entry)
    return f"{MAY[model.may_train]} ({model.licence})" if model.licence else MAY[model.may_train]


def _commands(run: RunFolder, name: str) -> Iterator[tuple[str, str]]:
    report = run.report
    compiled = any(made.compiled for made in run.made_with) or not run.made_with
    how = "" if compiled else " --uncompiled"
    yield "made by", f"seedbed run --rows {report['rows']} --out {name}{how}"
    yield "made again without a model", f"seedbed run{how} --rows {report['rows']} --replay {name} --out {name}-again"
    yield "one row explained", f"seedbed explain {name} ROW_ID"
    if line := loading_line(Path(name), report):
        yield "loaded", line


def _yaml(settings: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
