"""seedbed.yaml as data: every key checked, unknown keys named with the nearest known one."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from seedbed.errors import UserError

FILE = "seedbed.yaml"
_SECRETIVE = frozenset({"api_key", "api_base", "extra"})  # keys whose values no message shows


class Section(BaseModel):
    """A block of the config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelEntry(Section):
    """A model by alias.

    Attributes:
        model: `embedded/...`, `scripted/FILE.py`, a name on the server at `api_base`, or a provider string.
        api_key: the environment variable that holds the key, as `$NAME`; a key itself is refused.
        completions: the server has `/completions`, so that the compact format may continue plain text.
        schema_enforced: the server at `api_base` makes replies follow a JSON schema.
        logprobs: alternatives a token whose log-probabilities the endpoint gives, so that judges read expected scores;
        0 is none.
        trains: whether the licence lets its output train other models; None is not stated.
        input_price, output_price: dollars per million tokens; None is unknown.
        extra: further request keys that the server knows.
    """

    model: str
    api_base: str | None = None
    api_key: str | None = None
    temperature: float = Field(0.0, ge=0, le=2)
    max_tokens: int = Field(512, ge=1)
    concurrency: int = Field(32, ge=1)
    timeout: float = Field(120, gt=0)
    completions: bool = False
    schema_enforced: bool = True
    logprobs: int = Field(0, ge=0, le=20)
    trains: bool | None = None
    input_price: float | None = Field(None, ge=0)
    output_price: float | None = Field(None, ge=0)
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("api_key")
    @classmethod
    def _names_a_variable(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("$"):
            raise ValueError("must be the name of an environment variable, as $NAME; a key does not belong in a file")
        return value

    @field_validator("api_base")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and (not value.startswith(("http://", "https://")) or "@" in value or "?" in value):
            raise ValueError(
                "must be an http(s) address without a key or query in it, such as http://localhost:8000/v1"
            )
        return value

    def dollars(self, input_tokens: int, output_tokens: int) -> float | None:
        """What these tokens cost; None where the price is unknown. Embedded and scripted models cost nothing."""
        if self.model.startswith(("embedded/", "scripted/")):
            return 0.0
        if self.input_price is None or self.output_price is None:
            return None
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


class Roles(Section):
    """Which alias writes, which scores, and which rewrites prompts while compiling."""

    teacher: str
    judge: str | None = None
    reflection: str | None = None

    def named(self) -> dict[str, str]:
        """Role to alias; a role that is not bound falls to the teacher's."""
        return {
            "teacher": self.teacher,
            "judge": self.judge or self.teacher,
            "reflection": self.reflection or self.teacher,
        }


class Sources(Section):
    """Where rows start: documents, or `invent: true` to have the teacher write them.

    Attributes:
        documents: a folder, glob, file or list of them, or `hf://owner/name`. text: the column of tabular ones.
        chunk_tokens: the longest passage, a token estimated as 4 characters.
        unanswerable: the share of rows whose right answer is that the document does not say.
    """

    documents: str | list[str] | None = None
    text: str | None = None
    split: str = "train"
    chunk_tokens: int = Field(128, ge=16)
    unanswerable: float = Field(0.0, ge=0, le=1)
    invent: bool = False


class Gates(Section):
    """What a row must clear.

    Attributes:
        threshold: the metric, 0 to 1; None is the one fitted to the verdicts. relevance: cosine of question and
        document. support: share of the answer's words found in the document. round_trip: word F1 of a second answer;
        0 is off. near_duplicate: the cosine from which two prompts are one.
        judges: None takes the recipe's. judge_samples: how often each is asked; above 1 it is sampled, and the mean
        counts. rules: sentences a row must keep, each asked of the judge `rules`, which they bring in.
        cross_encoder: a model that sentence-transformers loads as a CrossEncoder, for further evidence.
    """

    threshold: float | None = Field(None, gt=0, le=1)
    relevance: float = Field(0.45, ge=-1, le=1)
    support: float = Field(0.7, ge=0, le=1)
    round_trip: float = Field(0.3, ge=0, le=1)
    near_duplicate: float = Field(0.9, gt=0, le=1)
    judges: list[str] | None = None
    cross_encoder: str | None = None
    judge_samples: int = Field(1, ge=1)
    rules: list[str] = Field(default_factory=list)


class CompileSettings(Section):
    """How prompts are searched.

    Attributes:
        optimizer: which of DSPy's; `auto` picks for each step (`optimize.optimizers.auto`). novelty: how much of its
        score a row loses for being like one before it, [0, 1]. budget: how many variants on how many examples.
        max_calls, max_tokens, max_usd, max_minutes: the most the search may take, replayed calls included; the
        comparison at the end is always made and comes on top. Minutes are those in which a model was at work.
        judge_checks: verdicts a judge is tried on before it is put to all of them.
        held_out: the share of documents that no prompt sees: figures are measured on them, and their rows are the
        dataset's validation split. compare: passages of held-out documents, about and in all, that programs are
        compared on. folds: hold no seeds out, and measure the procedure by k-fold; 0 holds seeds out; None is 3 with
        few seeds (`Project.folds`), else 0. ship: which program a run uses; None is the compiled one if it proved
        itself.
    """

    optimizer: Literal["auto", "labeled", "bootstrap", "random-search", "mipro", "gepa", "simba", "copro"] = "bootstrap"
    budget: Literal["light", "medium", "heavy"] = "light"
    max_calls: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    max_usd: float | None = Field(None, gt=0)
    max_minutes: float | None = Field(None, gt=0)
    novelty: float = Field(0.0, ge=0, le=1)
    judge_checks: int = Field(30, ge=8)
    held_out: float = Field(0.45, gt=0, lt=1)
    compare: int = Field(100, ge=1)
    folds: int | None = Field(None, ge=0)
    ship: Literal["compiled", "uncompiled"] | None = None

    @field_validator("folds")
    @classmethod
    def _leaves_something_to_compile_on(cls, value: int | None) -> int | None:
        if value == 1:
            raise ValueError("must be 2 at least, or 0 to hold seeds out instead")
        return value


class RunSettings(Section):
    """When a run ends. Draws: how often one source is asked at most; every draw after the first is sampled."""

    rows: int = Field(100, ge=1)
    max_candidates: int = Field(1000, ge=1)
    max_minutes: float | None = Field(None, gt=0)
    draws: int = Field(4, ge=1)
    seed: int = 0


class Config(Section):
    """A project's seedbed.yaml. `metric`: a METRIC.json that `seedbed calibrate` froze; None has compile make one."""

    recipe: str
    models: dict[str, ModelEntry]
    roles: Roles
    embedder: str = "embedded/all-minilm-l6-v2"
    sources: Sources = Sources()
    seeds: str
    verdicts: str | None = None
    metric: str | None = None
    gates: Gates = Gates()
    compile: CompileSettings = CompileSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _roles_are_aliases(self) -> "Config":
        for role, alias in self.roles.named().items():
            if alias not in self.models:
                raise ValueError(f"roles.{role}: {unknown('alias', alias, list(self.models))}")
        return self

    def entry(self, role: str) -> tuple[str, ModelEntry]:
        """The alias bound to a role, and its model entry."""
        alias = self.roles.named()[role]
        return alias, self.models[alias]

    def swap(self, alias: str | None) -> "Config":
        """The same project with another teacher (`--teacher ALIAS`). The other roles keep the models they had."""
        if alias is None:
            return self
        if alias not in self.models:
            raise UserError(
                f"models: {unknown('alias', alias, list(self.models))}",
                hint="Name one of them, or add it under models: in seedbed.yaml.",
            )
        return self.model_copy(update={"roles": Roles(**{**self.roles.named(), "teacher": alias})})


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a config file; `overrides` are `section.key=value`. Raises UserError naming every bad key."""
    if not path.is_file():
        raise UserError(f"There is no {path}.", hint="seedbed init DIR makes a project; or name a file with --config.")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise UserError(f"{path} holds no keys.", hint="seedbed init DIR writes one to start from.")
        for override in overrides:
            _override(raw, override)
        return Config.model_validate(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {_place(error)}", hint="Mend that line.") from error
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
        raise UserError(f"--set {key}: its value is not YAML: {_place(error)}", hint="Mend or quote it.") from error


def _place(error: Exception) -> str:
    """Where a text is not YAML and why; the text itself is not shown, for a key may stand in it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def describe(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line a problem: where it is, what was expected, what was there."""
    return [_describe(problem, model) for problem in error.errors(include_url=False, include_context=False)]


def _describe(problem: Any, model: type[BaseModel]) -> str:
    where = ".".join(map(str, problem["loc"])) or "the whole"
    if problem["type"] == "extra_forbidden":
        known = list(_section(model, problem["loc"][:-1]).model_fields)
        return f"{where}: {unknown('key', str(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{where}: is missing"
    message, got = problem["msg"].removeprefix("Value error, "), problem["input"]
    if not problem["loc"]:
        return message
    shown = not _SECRETIVE.intersection(problem["loc"]) and not isinstance(got, list | dict)
    return f"{where}: {message[0].lower() + message[1:]}{f' (got {got!r})' if shown else ''}"


def _section(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    if path[:1] == ("models",):
        return ModelEntry
    for key in path:
        found = model.model_fields[str(key)].annotation
        model = found if isinstance(found, type) and issubclass(found, BaseModel) else model
    return model


def unknown(kind: str, name: str, known: list[str]) -> str:
    """'there is no key "reciep"; did you mean "recipe"?' or the list of what there is."""
    near = difflib.get_close_matches(name, known, n=1)
    tail = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(sorted(known))}"
    return f'there is no {kind} "{name}"; {tail}'
