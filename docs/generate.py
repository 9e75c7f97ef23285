"""Writes what the pages of docs/ say of the code: the tree, the config's keys, the commands and the recipes.

    python docs/generate.py            # writes them
    python docs/generate.py --check    # names the pages that differ; exits 1 where one does

A page keeps its own text: only what stands between `<!-- generated: NAME -->` and `<!-- end -->` is written.
"""

import ast
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.cli import get_docs_for_click

from programs.core.kinds import kind_of
from programs.core.recipe import Recipe, recipes
from programs.judges.judge import aspects_of
from seedbed.cli.main import app
from seedbed.config.load import FILE, Config, load_config
from seedbed.config.models import ModelEntry
from seedbed.project.project import Project
from seedbed.project.template import write_project
from seedbed.sources.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("signatures", "programs", "metrics", "optimize", "seedbed")
REGION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tree() -> str:
    """Every folder and file of the five rooms, with the first sentence of what it says of itself."""
    return "```text\n" + "\n".join(line for room in ROOMS for line in _branch(ROOT / room, 0)) + "\n```"


def _branch(folder: Path, depth: int) -> Iterator[str]:
    yield _leaf(folder.name + "/", folder / "__init__.py", depth)
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            yield _leaf(file.name, file, depth + 1)
    for below in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
        yield from _branch(below, depth + 1)


def _leaf(name: str, file: Path, depth: int) -> str:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    sentence = " ".join(said.split("\n\n")[0].split())
    return f"{'  ' * depth + name:<32}{re.split(r'[.;] (?=[A-Z])', sentence)[0].rstrip('.')}"


def keys() -> str:
    """Every key of seedbed.yaml, with its default and what it means."""
    rows = ["| key | default | meaning |", "|---|---|---|", *(_row(*key) for key in _keys(Config, ""))]
    return "\n".join(rows)


def _keys(section: type[BaseModel], before: str) -> Iterator[tuple[str, Any]]:
    for name, field in section.model_fields.items():
        below = ModelEntry if name == "models" else field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _keys(below, f"{name}.ALIAS." if name == "models" else f"{name}.")
        else:
            yield before + name, field


def _row(key: str, field: Any) -> str:
    default = field.get_default(call_default_factory=True)
    shown = {PydanticUndefined: "required", None: "none", True: "true", False: "false", "": '""'}.get(
        _hashable(default), default
    )
    meaning = (field.description or "").replace("\n", " ").replace("|", "\\|")
    return f"| `{key}` | {shown if shown in ('required', 'none') else f'`{shown}`'} | {meaning} |"


def _hashable(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) or value is PydanticUndefined else str(value)


def commands() -> str:
    """Every command with its options, as `--help` has them."""
    command = typer.main.get_command(app)
    hidden = [name for name, one in command.commands.items() if one.hidden]  # type: ignore[attr-defined]
    page = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="seedbed"), name="seedbed")
    for name in hidden:
        page = re.sub(rf"\* `{name}`:.*\n", "", page)
        page = re.sub(rf"## `seedbed {name}`\n.*?(?=\n## |\Z)", "", page, flags=re.DOTALL)
    return re.sub(r"^```console$", "```text", page, flags=re.MULTILINE).strip()


def makes() -> str:
    """What every recipe makes, from what, by which paper, and the fields of its seeds."""
    return "\n\n".join(_recipe(recipe) for recipe in recipes().values())


def _recipe(recipe: Recipe) -> str:
    fields = [f"`{name}`" for name in recipe.seed.model_fields]
    options = [_row(*key) for key in _keys(recipe.options, "options.")]
    kind = kind_of(recipe.program.row)
    return "\n".join(
        [
            f"### {recipe.name}",
            "",
            f"{recipe.gives}. From {KINDS[recipe.reads].words}; {recipe.paper}.",
            "",
            f"- its rows are of the kind {kind.__name__}, for {kind.purpose}",
            f"- a seed: {', '.join(fields)}",
            f"- compiled: {', '.join(_compiled(recipe))}",
            f"- what its metric sees: {'; '.join(_seen(recipe))}",
            *(["", "| option | default | meaning |", "|---|---|---|", *options] if options else []),
        ]
    )


def _compiled(recipe: Recipe) -> list[str]:
    """The steps that a compile searches, each with what its replies are compared with or scored by."""
    labels = {name: f"likeness to its label, `{comparator}`" for name, comparator in recipe.labelled.items()}
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), recipe.name)
        project = Project(load_config(Path(folder) / FILE), Path(folder))
        examples = project.examples(project.inputs.seeds)
    return [f"`{step}` (by {labels.get(step, 'the metric')})" for step in examples if examples[step]]


def _seen(recipe: Recipe) -> list[str]:
    """What the metric of a recipe looks at: checks, evidence, judges."""
    checks = [check if isinstance(check, str) else check.__name__.replace("_", " ") for check in recipe.checks]
    judges = [f"{name}{' (must say yes)' if name in recipe.required else ''}" for name in aspects_of(recipe)]
    return [
        f"checks: {', '.join(checks)}",
        *(["evidence: how well the document supports the row"] if recipe.on_documents else []),
        *([f"a second answer of `{recipe.round_trip}`"] if recipe.round_trip else []),
        f"judges: {', '.join(judges) or 'none'}",
    ]


PARTS: dict[str, Callable[[], str]] = {"tree": tree, "keys": keys, "commands": commands, "recipes": makes}


def written(page: str) -> str:
    """The page with its generated parts as the code has them now."""
    return REGION.sub(lambda region: f"{region[1]}{PARTS[region[2]]()}\n{region[3]}", page)


def main() -> int:
    """Write the pages, or say which differ."""
    dspy.configure(lm=None)
    stale = []
    for path in sorted((ROOT / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (now := written(page)) != page:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(now, encoding="utf-8")
    print(f"{'differ' if '--check' in sys.argv else 'written'}: {', '.join(stale) or 'none'}")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
