"""Reads seedbed.yaml: checks every key, and suggests the nearest key for an unknown one."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema, model_validator

from seedbed.config.catalogue import PassageForm
from seedbed.config.models import ModelEntry
from seedbed.config.sections import Budget, CompileSettings, Fallback, Gates, Roles, RunSettings, Section, Sources
from seedbed.encodings import decode
from seedbed.errors import Unreadable, UserError

FILE = "seedbed.yaml"
_SECRET_KEYS = frozenset({"api_key", "api_base", "extra", "shards"})  # keys whose values no message shows

RENAMED = {
    ("run", "seed"): "random_seed",
    ("models", "trains"): "allows_training",
    ("sources", "unanswerable"): "options.unanswerable",
    ("sources", "invent"): "options.invent",
    ("run", "draws"): "options.draws",
    ("run", "lag"): "options.lag",
}
"""The section and the old name of a key -> its name now, with its section if that is another."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else [] if value is None else value


_FILE_OR_FILES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Files = Annotated[list[str], BeforeValidator(_listed), WithJsonSchema(_FILE_OR_FILES)]
"""Paths and globs from the config's folder; one alone needs no list."""


class Config(Section):
    """A project's seedbed.yaml."""

    recipe: str
    """The kind of rows; `seedbed recipes` lists them."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The recipe's own options by name; `seedbed recipes NAME` lists them ([recipes](recipes.md))."""
    models: dict[str, ModelEntry]
    """The models by alias."""
    roles: Roles
    """The alias for each role."""
    fallback: Fallback = Fallback()
    """The aliases that stand in when a call fails for good."""
    budget: Budget = Budget()
    """The limits of this project's cost."""
    embedder: str = "embedded/all-minilm-l6-v2"
    """The embedder: a model of the shelf, or any model that sentence-transformers can load. `scripted/hashed-words` is
    for tests and dry runs: it knows words, but no meaning."""
    sources: Sources = Sources()
    """The sources of the rows."""
    seeds: Files
    """Labelled examples: a file with one JSON object per line, or a JSON array; or a list of files and globs. Keys that
    the recipe's seeds do not have are refused."""
    language: Literal["english", "other"] | None = None
    """`english` or `other`: whether rules for English words apply ([languages](languages.md)); with none, the seeds
    decide."""
    verdicts: Files = Field(default_factory=list)
    """JSONL of people's verdicts on rows, a file or a list of files and globs: the metric is fitted to them, and judges
    are checked against them ([calibration](calibration.md))."""
    metric: str | None = None
    """A METRIC.json that `seedbed calibrate` froze; with none, compile fits a metric to the verdicts."""
    gates: Gates = Gates()
    """The conditions that a row must meet."""
    compile: CompileSettings = CompileSettings()
    """How prompts are searched."""
    run: RunSettings = RunSettings()
    """How a run works and when it ends."""
    report: bool = True
    """Write a page about each run and compile at its end ([the report](report.md); `pip install "seedbed[report]"`)."""

    @model_validator(mode="after")
    def _roles_are_aliases(self) -> "Config":
        aliases = [(f"roles.{role}", alias) for role, alias in self.roles.bound()]
        aliases += [(f"fallback.{role}", alias) for role, alias in self.fallback if alias]
        aliases += [("run.program", self.run.program)] if self.run.program else []
        for key, alias in aliases:
            if alias not in self.models:
                raise ValueError(f"{key}: {unknown('alias', alias, list(self.models))}")
        return self

    @property
    def teacher(self) -> str:
        """The alias of the teacher, the first one of a cascade."""
        return self.roles.cascade[0]

    @property
    def passages(self) -> PassageForm:
        """How documents are cut: as `sources` says, else as the shelf says for the first teacher, else as by default.

        A length in `sources` without `headings` is one without headings, as it was before models set them.
        """
        tokens, headings = self.sources.chunk_tokens, self.sources.headings
        form = self.models[self.teacher].passages or PassageForm()
        if tokens is not None:
            form = PassageForm(tokens=tokens, headings=False)
        return form if headings is None else form.model_copy(update={"headings": headings})

    def entry(self, role: str) -> tuple[str, ModelEntry]:
        """The alias bound to a role, and its model entry."""
        alias = self.roles.named()[role]
        return alias, self.models[alias]

    def swap(self, alias: str | None) -> "Config":
        """The same config with another teacher (`--teacher ALIAS`). The other roles keep their models."""
        if alias is None:
            return self
        if alias not in self.models:
            raise UserError(
                f"models: {unknown('alias', alias, list(self.models))}",
                hint="Name one of them, or add it under models: in seedbed.yaml.",
            )
        return self.model_copy(update={"roles": self.roles.model_copy(update={**self.roles.named(), "teacher": alias})})


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a config file; `overrides` are `section.key=value`. Raises UserError naming every bad key."""
    if not path.is_file():
        raise UserError(f"There is no {path}.", hint="seedbed init DIR makes a project; or name a file with --config.")
    try:
        raw = yaml.safe_load(decode(path.read_bytes())[0])
        if not isinstance(raw, dict):
            raise UserError(f"{path} holds no keys.", hint="seedbed init DIR writes one to start from.")
        for override in overrides:
            _override(raw, override)
        return Config.model_validate(raw)
    except (yaml.YAMLError, Unreadable) as error:
        raise UserError(f"{path} is not YAML: {_place(error)}", hint="Fix that line.") from error
    except ValidationError as error:
        problems = "\n".join(f"  {problem}" for problem in describe(error, Config))
        raise UserError(f"{path} has mistakes:\n{problems}", hint="docs/config.md lists every key.") from error


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise UserError(f"--set {override} has no value.", hint="Write it as --set section.key=value.")
    *sections, last = key.split(".")
    for section in sections:
        if raw.get(section) is None:
            raw[section] = {}
        raw = raw[section]
        if not isinstance(raw, dict):
            raise UserError(f"--set {key}: {section} has no keys.", hint="docs/config.md lists every key.")
    try:
        raw[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {key}: its value is not YAML: {_place(error)}", hint="Fix or quote it.") from error


def _place(error: Exception) -> str:
    """Where and why a text is not YAML. The text itself is not shown, because it may contain a key."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def describe(error: ValidationError, model: type[BaseModel], section: str = "") -> list[str]:
    """One line per problem: its place, below `section` if that is given, the expected value, and the actual one."""
    return [_describe(problem, model, section) for problem in error.errors(include_url=False, include_context=False)]


def _describe(problem: Any, model: type[BaseModel], section: str) -> str:
    where = ".".join([*([section] if section else []), *map(str, problem["loc"])]) or "the whole"
    if problem["type"] == "extra_forbidden":
        if new_name := RENAMED.get((*problem["loc"][:1], problem["loc"][-1])):
            return f"{where}: is called {new_name} now"
        keys = list(_section(model, problem["loc"][:-1]).model_fields)
        return f"{where}: {unknown('key', str(problem['loc'][-1]), keys)}"
    if problem["type"] == "missing":
        return f"{where}: is missing"
    message, value = problem["msg"].removeprefix("Value error, "), problem["input"]
    if not problem["loc"]:
        return message
    is_shown = not _SECRET_KEYS.intersection(problem["loc"]) and not isinstance(value, list | dict)
    return f"{where}: {message[0].lower() + message[1:]}{f' (got {value!r})' if is_shown else ''}"


def _section(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    if path[:1] == ("models",):
        return ModelEntry
    for key in path:
        kind = model.model_fields[str(key)].annotation
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else model
    return model


def unknown(kind: str, name: str, names: list[str]) -> str:
    """'there is no key "reciep"; did you mean "recipe"?', or the same with all names instead of a near one."""
    near = difflib.get_close_matches(name, names, n=1)
    tail = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(sorted(names)) or 'none'}"
    return f'there is no {kind} "{name}"; {tail}'
