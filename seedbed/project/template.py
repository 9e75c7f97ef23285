"""`seedbed init`: writes a config with comments, and the shipped data of one recipe."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from programs.core.options import Options
from programs.core.recipe import Reads, recipes
from programs.judges.judge import aspects_of
from seedbed.config.load import FILE, Config, unknown
from seedbed.errors import UserError
from seedbed.storage.shipped import data_folder

SCHEMA = ".seedbed/schema.json"  # with it an editor completes and checks the config
_VERDICTS = "verdicts: verdicts.jsonl                   # people's yes and no: the metric is fitted to them\n"
_CONFIG = """\
# yaml-language-server: $schema={schema}
# A Seedbed project. Every key is explained in docs/config.md; an unknown key is an error.
recipe: {recipe}
{options}
# Models by alias; only those that a role names are brought here. Swap the teacher with --teacher ALIAS, or under roles.
models:
  {small:<61} # 491 MB, brought here when first needed: no key
  {large:<61} # 1.1 GB: writes better rows and judges better
  # tiny:   {{model: embedded/smollm2-135m, max_tokens: 48}}       # 98 MB, for a quick look at the machinery
  # local:  {{model: Qwen3-8B, api_base: "http://localhost:8000/v1", completions: true}}  # any OpenAI-compatible server
  # strong: {{model: openai/gpt-5-mini, api_key: $OPENAI_API_KEY, temperature: 1.0, max_tokens: 16000}}

roles: {{teacher: small, judge: small}}     # who writes, and who scores what was written
embedder: embedded/all-minilm-l6-v2        # reads English; seedbed doctor says how it does on other languages
{sources}
seeds: seeds.jsonl                         # labelled examples: what prompts are compiled against
{verdicts}
{gates}
compile: {{optimizer: bootstrap, budget: light, compare: {compare}}}  # sources the two programs are compared on
run: {{rows: 100, max_candidates: 2000}}
"""
_DOCUMENTS = """
sources:
  documents: documents                     # a folder, a glob, a file, or hf://owner/name with text: COLUMN
"""
_ROWS = """
# sources:                                 # without it the seeds are the rows
#   rows: rows.jsonl                       # a table, hf://owner/name, or the folder of a finished run
#   columns: {{{columns}}}
"""
_PROMPTS = """
sources:
  rows: prompts.jsonl                      # a table, hf://owner/name, or the folder of a finished run
"""
_LABELS = """
sources:
  labels: labels.yaml                      # the labels of a task, each with its definition and examples
"""
_SOURCES: dict[Reads, str] = {"passages": _DOCUMENTS, "windows": _DOCUMENTS, "rows": _ROWS, "labels": _LABELS}
_DOCUMENT_GATES = """
gates:
{judges:<43}# also answerable, relevant, question, and grounded for long answers: one
                                           # that adds nothing to the evidence is not called. threshold: is fitted too
"""


def write_project(folder: Path, recipe: str) -> list[Path]:
    """Write a project into a new or empty folder. Returns its files. Raises UserError rather than overwrite."""
    if recipe not in recipes():
        raise UserError(f"{unknown('recipe', recipe, list(recipes()))}.", hint="seedbed recipes lists them.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already and not empty.", hint="Name a new folder.")
    data = data_folder()
    kind, shipped = recipes()[recipe], data / recipes()[recipe].folder
    documents = _SOURCES.get(kind.reads) == _DOCUMENTS
    verdicts = shipped / "verdicts.jsonl"
    sources = _PROMPTS if (shipped / "prompts.jsonl").is_file() else _SOURCES.get(kind.reads, "")
    columns = ", ".join(f"{name}: {name}" for name in (*kind.inputs, *kind.optional_inputs))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("seeds.jsonl", "verdicts.jsonl", "labels.yaml", "prompts.jsonl"):
            if (shipped / name).is_file():
                shutil.copyfile(shipped / name, folder / name)
        if documents:
            shutil.copytree(data / "documents", folder / "documents")
        (folder / ".gitignore").write_text(".seedbed/\n", encoding="utf-8")
        (folder / SCHEMA).parent.mkdir()
        (folder / SCHEMA).write_text(json.dumps(Config.model_json_schema(), indent=1), encoding="utf-8")
        (folder / FILE).write_text(
            _CONFIG.format(
                schema=SCHEMA,
                recipe=recipe,
                small=_entry("small", "qwen2.5-coder-0.5b", kind.reply_tokens),
                large=_entry("large", "qwen2.5-coder-1.5b", kind.reply_tokens),
                options=_options_line(recipe, recipes()[recipe].options),
                sources=sources.format(columns=columns),
                gates=_gates(aspects_of(kind)) if documents else "",
                compare=36 if documents else 24,
                verdicts=_VERDICTS if verdicts.is_file() else "",
            ),
            encoding="utf-8",
        )
    except OSError as error:
        raise UserError(
            f"Cannot write {folder}: {error.strerror}.", hint="Choose a folder you can write to."
        ) from error
    return sorted(path for path in folder.iterdir())


def _entry(alias: str, name: str, reply_tokens: int) -> str:
    """A model of the shelf under its alias."""
    return f"{alias}: {{model: embedded/{name}, max_tokens: {reply_tokens}}}"


def _gates(aspects: Sequence[str]) -> str:
    """The section `gates` of a recipe on documents; empty for one without the judge whom it explains."""
    return _DOCUMENT_GATES.format(judges=f"  judges: [{', '.join(aspects)}]") if "correct" in aspects else ""


def _options_line(recipe: str, options: type[Options]) -> str:
    """A commented line that shows the first option of the recipe's own, or of those that it shares with others."""
    shared = [name for base in options.__bases__ for name in getattr(base, "model_fields", {})]
    names = [*(name for name in options.model_fields if name not in shared), *shared]
    if not names:
        return ""
    default = options.model_fields[names[0]].get_default(call_default_factory=True)
    example = yaml.safe_dump({names[0]: default}, default_flow_style=True).strip()
    return f"{f'# options: {example}':<43}# of this recipe alone; seedbed recipes {recipe} lists all\n"
