"""The blocks of seedbed.yaml, but for its models: every key, its range and its default."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

WITH_ACCOUNT = {"abfs", "abfss", "ftp", "hdfs", "sftp", "smb", "ssh", "webhdfs"}  # their URLs name an account


class Section(BaseModel):
    """A block of the config: unknown keys are errors, and numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Roles(Section):
    """Which alias writes, which scores, which rewrites prompts while compiling, and which others a program asks."""

    teacher: str | list[str]
    """The alias that writes; a list is a cascade: a source of which the gate let nothing through is tried once by the
    next."""
    judge: str | None = None
    """The alias that scores; none is the teacher's."""
    reflection: str | None = None
    """The alias for optimizers that rewrite prompts; none is the teacher's."""
    panel: list[str] = Field(default_factory=list)
    """The aliases that a program asks where it wants several models, as for pairs of answers; none is the teacher.
    `fallback.teacher` stands in for them too."""
    student: str | None = None
    """The alias of the model that is to be trained, where a program asks it; no other stands in for it."""
    weak: str | None = None
    """The alias of a weaker model, where a program learns from one (weak to strong); no other stands in for it."""

    @field_validator("teacher")
    @classmethod
    def _names_someone(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise ValueError("must name one alias at least, and each once")
        return value

    @field_validator("panel")
    @classmethod
    def _names_each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("must name each alias once")
        return value

    @property
    def cascade(self) -> list[str]:
        """The teachers in the order in which they are tried."""
        return [self.teacher] if isinstance(self.teacher, str) else self.teacher

    def named(self) -> dict[str, str]:
        """Role to alias; a role that is not bound falls to the first teacher's."""
        teacher = self.cascade[0]
        return {"teacher": teacher, "judge": self.judge or teacher, "reflection": self.reflection or teacher}

    def bound(self) -> list[tuple[str, str]]:
        """Every role with its alias; the teacher and the panel once for each of theirs."""
        named = [(role, alias) for role, alias in self.named().items() if role != "teacher"]
        others = [(role, alias) for role in ("student", "weak") if (alias := getattr(self, role))]
        cascade, panel = [("teacher", alias) for alias in self.cascade], [("panel", alias) for alias in self.panel]
        return [*cascade, *named, *panel, *others]


class Fallback(Section):
    """For each role the alias that is asked where a call to the role's own fails for good; None is no other."""

    teacher: str | None = None
    """The alias that is asked where a call to the role's own fails for good; what it answers is kept as its own, and
    `stood_in` in a row's lineage names it."""
    judge: str | None = None
    """Likewise for the judge."""
    reflection: str | None = None
    """Likewise for the model that rewrites prompts."""


class Budget(Section):
    """The most this project may take, over all its commands together: compile, judge and run."""

    max_usd: float | None = Field(None, gt=0)
    """Dollars that all commands of this project may take together; hard: what a call can cost at most is set aside
    before it is sent."""
    max_calls: int | None = Field(None, ge=1)
    """Calls that all commands of this project may take together; hard, as `max_usd`."""
    max_minutes: float | None = Field(None, gt=0)
    """Minutes of one invocation of any run at most."""


class Sources(Section):
    """Where rows start; which of these keys count depends on what the recipe reads (`seedbed recipes`)."""

    documents: str | list[str] | None = None
    """A folder, glob, file, list of them, or `hf://owner/name` ([what is read](sources.md)); what a run wrote is left
    out unless that folder or file is named."""
    text: str | list[str] | None = None
    """What makes the text of a table's row: a column, a list of columns, or a template such as `"{name}: {notes}"`;
    none is the column `text`."""
    rows: str | None = None
    """For recipes that read rows: a table (`.csv`, `.json`, `.jsonl`, `.parquet`, `.tsv`, `.xlsx`), `hf://owner/name`,
    or the folder of a finished run, whose accepted rows are read ([rows](sources.md#rows)); none takes the seeds as
    rows."""
    columns: dict[str, str] = Field(default_factory=dict)
    """The table's column for each input of such a recipe, such as `{prompt: question}`, and for `group`, whose equal
    values a split keeps together; an input that is not named here is the column of its own name."""
    labels: str | None = None
    """For recipes that read labels: a YAML or JSON file with the labels of a task, their definitions and examples
    ([labels](sources.md#labels))."""
    split: str = "train"
    """The split of a dataset."""
    chunk_tokens: int | None = Field(None, ge=16)
    """The longest passage; a token is estimated as 4 characters; none is what suits the teacher
    ([passages](sources.md#passages))."""
    shortest: int = Field(12, ge=1)
    """The words of the shortest passage; shorter pieces are joined with their heading and neighbours, and counted where
    that does not do."""
    headings: bool | None = None
    """Whether the headings above a passage stand before it in the prompt; none is what suits the teacher, or `false`
    with `chunk_tokens`."""


class Gates(Section):
    """What a row must clear."""

    threshold: float | None = Field(None, gt=0, le=1)
    """What a row must be worth; none is the one fitted to the verdicts, without any that of the shipped fit."""
    relevance: float = Field(0.2, ge=-1, le=1)
    """Cosine of question and document, at least."""
    support: float = Field(0.5, ge=0, le=1)
    """Share of the answer's content words found in the document, at least."""
    round_trip: float = Field(0.3, ge=0, le=1)
    """Word F1 with a second answer to the question in another wording; 0 is off."""
    near_duplicate: float = Field(0.9, gt=0, le=1)
    """ROUGE-L from which two prompts are one."""
    near_duplicate_cosine: float | None = Field(None, gt=0, le=1)
    """Likewise by embedding."""
    test_sets: list[str] = Field(default_factory=list)
    """Files of benchmark test sets: a row that shares a long run of words with one is rejected."""
    judges: list[str] | None = None
    """Which judges; each costs a call a row that it is asked about, `correct` of one token, `grounded` one a claim of
    the answer, `rules` one a rule; none is the recipe's."""
    likelihood: bool = False
    """Read how likely each answer is to the judge's model, where its endpoint tells: two more calls a row that it is
    asked about ([calibration](calibration.md#what-a-model-is-asked))."""
    cross_encoder: str | None = None
    """A model that sentence-transformers loads as a CrossEncoder, for evidence of entailment."""
    judge_samples: int = Field(1, ge=1)
    """How often each judge is asked; above 1 it is sampled and the mean counts."""
    rules: list[str] = Field(default_factory=list)
    """Sentences every row must keep, asked one by one of the judge `rules`."""
    checks: list[str] = Field(default_factory=list)
    """Your own rules in Python, each as `FILE.py:FUNCTION`: it takes a row, with the recipe's fields as attributes, and
    returns what is wrong with it, or None; it may be `async`."""


class CompileSettings(Section):
    """How prompts are searched."""

    optimizer: Literal["auto", "labeled", "bootstrap", "random-search", "mipro", "gepa", "simba", "copro"] = "bootstrap"
    """`labeled`, `bootstrap`, `random-search`: who chooses the demos; `mipro`, `gepa`, `simba`, `copro`: and rewrites
    the instruction; `auto`: one of them by step (mipro: `pip install "seedbed[mipro]"`)."""
    steps: list[str] | None = None
    """The steps whose prompts are searched; the others stay as written; none is every step that has examples."""
    budget: Literal["quick", "light", "medium", "heavy"] = "light"
    """`quick`, `light`, `medium`, `heavy`: variants and examples."""
    random_seed: int = 0
    """Which seeds stand in prompts, and which ones ways of asking are scored on."""
    known: list[str] = Field(default_factory=list)
    """Programs compiled elsewhere (`PATH.json`), tried beside the formats."""
    max_calls: int | None = Field(None, ge=1)
    """Calls that the search may take at most, replayed ones included, so that a repeat ends at the same place; each
    step has its part, the best so far is kept, the comparison at the end comes on top."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens that the search may take at most, likewise."""
    max_usd: float | None = Field(None, gt=0)
    """Dollars that the search may take at most, likewise."""
    max_minutes: float | None = Field(None, gt=0)
    """Minutes in which a model is at work for the search at most, likewise."""
    novelty: float = Field(0.0, ge=0, le=1)
    """How much of its score a row loses for being like a row before it, while steps without a right answer are
    compared; 0 to 1."""
    judge_checks: int = Field(30, ge=8)
    """Verdicts a judge is tried on before it is put to all of them."""
    held_out: float = Field(0.45, gt=0, lt=1)
    """Share of documents (or rows, or seeds) that no prompt sees: figures and the validation split are of them
    ([compiling](compiling.md#who-is-held-out))."""
    compare: int = Field(100, ge=1)
    """Sources of held-out documents (or rows, or seeds), in all and as evenly of each as there are, that programs are
    compared on."""
    folds: int | None = Field(None, ge=0)
    """Hold no seeds out and measure the procedure by k-fold; 0 holds seeds out; none is 3 with fewer than 20 seeds if
    there are documents without any, else 0."""
    ship: Literal["compiled", "uncompiled"] | None = None
    """`compiled` or `uncompiled`: which of the two a run uses; none is the compiled one if it proved itself."""

    @field_validator("folds")
    @classmethod
    def _leaves_something_to_compile_on(cls, value: int | None) -> int | None:
        if value == 1:
            raise ValueError("must be 2 at least, or 0 to hold seeds out instead")
        return value


class RunSettings(Section):
    """How a run works and when it ends."""

    rows: int = Field(100, ge=1)
    """Accepted rows wanted."""
    program: str | None = None
    """The alias whose compiled program every teacher runs ([teachers](teachers.md#compile-small-run-large)); none is
    each teacher's own."""
    max_candidates: int | None = Field(None, ge=1)
    """Candidates at most; none is ten times the rows, 1,000 at least."""
    max_usd: float | None = Field(None, gt=0)
    """Dollars that this run may take at most, earlier invocations included; hard, as `budget` is."""
    max_calls: int | None = Field(None, ge=1)
    """Calls that this run may take at most, likewise."""
    max_minutes: float | None = Field(None, gt=0)
    """Minutes of this invocation at most."""
    random_seed: int = 0
    """Of the order of sources."""
    keep_going: bool = False
    """Do not stop where so many sources in a row give no row ([running](running.md#a-run-of-which-nothing-comes))."""
    mode: Literal["online", "batch"] = "online"
    """`batch` sends calls through the provider's batch service: half the price, within a day."""
    engine: Literal["local", "ray"] = "local"
    """`ray` spreads the work over `run.workers` processes or machines ([scale](scale.md))."""
    workers: int = Field(2, ge=1)
    """How many, with `run.engine: ray`."""
    shards: str | None = None
    """The URL where `rows/` and `rejected/` are written, of any storage that fsspec knows. Keys and passwords stand in
    the storage's own settings: `ssh://user@host/data` is taken, `user:password@` is refused; none is the run's
    folder."""

    @field_validator("shards")
    @classmethod
    def _is_an_address_without_a_key(cls, value: str | None) -> str | None:
        if value is not None and (not re.match(r"\w[\w+.:-]*://", value) or "?" in value or _tells(value)):
            raise ValueError("must be a URL without a password, key or query in it, such as s3://bucket/folder")
        return value and value.rstrip("/")

    @property
    def candidates(self) -> int:
        """Candidates at most."""
        return self.max_candidates or max(1000, 10 * self.rows)


def _tells(url: str) -> bool:
    """Whether a URL may hold a secret: text between a colon and an @; or a name before the @ in a scheme without names,
    which may be a key. A later @ belongs to the path, unless the secret has a slash in it."""
    for scheme in re.finditer(r"([\w+.-]+)://", url):
        rest = url[scheme.end() :]
        name, before = rest.split("/")[0].rpartition("@")[0], rest.split("@")[0]
        if ":" in name or (":" in before and before != rest) or (name and scheme[1].lower() not in WITH_ACCOUNT):
            return True
    return False
