"""The blocks of seedbed.yaml, but for its models: every key, its range and its default."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

NAMING = {"abfs", "abfss", "ftp", "hdfs", "sftp", "smb", "ssh", "webhdfs"}  # whose URLs name an account or container


class Section(BaseModel):
    """A block of the config: unknown keys are errors, and numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Roles(Section):
    """Which alias writes, which scores, and which rewrites prompts while compiling.

    `teacher` may be a list, a cascade: a source of which the gate let nothing through is tried once by the next one.
    """

    teacher: str | list[str]
    judge: str | None = None
    reflection: str | None = None

    @field_validator("teacher")
    @classmethod
    def _names_someone(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise ValueError("must name one alias at least, and each once")
        return value

    @property
    def cascade(self) -> list[str]:
        """The teachers in the order in which they are tried."""
        return [self.teacher] if isinstance(self.teacher, str) else self.teacher

    def named(self) -> dict[str, str]:
        """Role to alias; a role that is not bound falls to the first teacher's."""
        teacher = self.cascade[0]
        return {"teacher": teacher, "judge": self.judge or teacher, "reflection": self.reflection or teacher}


class Fallback(Section):
    """For each role the alias that is asked where a call to the role's own fails for good; None is no other."""

    teacher: str | None = None
    judge: str | None = None
    reflection: str | None = None


class Budget(Section):
    """The most this project may take, over all its commands together: compile, judge and run. Hard: what a call can
    cost at most is set aside before it is sent. `max_minutes` is of each sitting of a run."""

    max_usd: float | None = Field(None, gt=0)
    max_calls: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0)


class Sources(Section):
    """Where rows start: documents, or `invent: true` to have the teacher write them.

    Attributes:
        documents: a folder, glob, file or list of them, or `hf://owner/name`. text: what makes the text of a table's
        row: a column, several, or a template such as `"{name}: {notes}"`; None is the column `text`.
        chunk_tokens: the longest passage, a token estimated as 4 characters. shortest: the words of the shortest.
        headings: whether the headings above a passage stand before it in the prompt.
        unanswerable: the share of rows whose right answer is that the document does not say.
    """

    documents: str | list[str] | None = None
    text: str | list[str] | None = None
    split: str = "train"
    chunk_tokens: int = Field(128, ge=16)
    shortest: int = Field(12, ge=1)
    headings: bool = False
    unanswerable: float = Field(0.0, ge=0, le=1)
    invent: bool = False


class Gates(Section):
    """What a row must clear.

    Attributes:
        threshold: the metric, 0 to 1; None is the one fitted to the verdicts. relevance: cosine of question and
        document. support: share of the answer's words found in the document. round_trip: word F1 of a second answer;
        0 is off. near_duplicate: the ROUGE-L from which two prompts are one. near_duplicate_cosine: likewise by
        embedding; None is off. test_sets: files of benchmark test sets no row may share a long run of words with.
        judges: None takes the recipe's. likelihood: read how likely each answer is to the judge's model, where its
        endpoint tells: two more calls a row. judge_samples: how often each is asked; above 1 it is sampled, and the
        mean counts. rules: sentences a row must keep, each asked of the judge `rules`, which they bring in.
        cross_encoder: a model that sentence-transformers loads as a CrossEncoder, for further evidence.
    """

    threshold: float | None = Field(None, gt=0, le=1)
    relevance: float = Field(0.2, ge=-1, le=1)
    support: float = Field(0.5, ge=0, le=1)
    round_trip: float = Field(0.3, ge=0, le=1)
    near_duplicate: float = Field(0.9, gt=0, le=1)
    near_duplicate_cosine: float | None = Field(None, gt=0, le=1)
    test_sets: list[str] = Field(default_factory=list)
    judges: list[str] | None = None
    likelihood: bool = False
    cross_encoder: str | None = None
    judge_samples: int = Field(1, ge=1)
    rules: list[str] = Field(default_factory=list)


class CompileSettings(Section):
    """How prompts are searched.

    Attributes:
        optimizer: which of DSPy's; `auto` picks for each step (`optimize.optimizers.auto`). novelty: how much of its
        score a row loses for being like one before it, [0, 1]. budget: how many variants on how many examples.
        random_seed: which seeds stand in prompts, and which ones ways of asking are scored on. known: programs that
        were compiled elsewhere, which the search tries too.
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
    budget: Literal["quick", "light", "medium", "heavy"] = "light"
    random_seed: int = 0
    known: list[str] = Field(default_factory=list)
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
    """How a run works and when it ends.

    Attributes:
        rows: accepted rows wanted. max_candidates: candidates at most; None is ten times the rows, 1,000 at least.
        max_usd, max_calls: the most calls of this run may take, those of earlier sittings included; hard, as in
        `Budget`. max_minutes: of this sitting. draws: how often one source is asked at most; every draw after the
        first is sampled. seed: of the order of sources. lag: positions after which a feed that listens (a pool) hears
        of a row, which is also how far ahead of it work may run. keep_going: do not stop where so many sources
        in a row give no row. mode: `batch` sends calls through the provider's batch service, at half the price and
        within a day. engine: `ray` spreads the work over `workers` processes or machines.
        shards: the URL where rows/ and rejected/ are written, of a storage fsspec knows; None is the run's folder.
    """

    rows: int = Field(100, ge=1)
    max_candidates: int | None = Field(None, ge=1)
    max_usd: float | None = Field(None, gt=0)
    max_calls: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0)
    draws: int = Field(4, ge=1)
    seed: int = 0
    lag: int = Field(64, ge=1)
    keep_going: bool = False
    mode: Literal["online", "batch"] = "online"
    engine: Literal["local", "ray"] = "local"
    workers: int = Field(2, ge=1)
    shards: str | None = None

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
    """Whether a URL may hold a secret: something behind a colon and before an @, or a name before the @ where the
    scheme has none, so that it may be a key. An @ further on is the path's, unless a secret has a slash in it."""
    for scheme in re.finditer(r"([\w+.-]+)://", url):
        rest = url[scheme.end() :]
        name, before = rest.split("/")[0].rpartition("@")[0], rest.split("@")[0]
        if ":" in name or (":" in before and before != rest) or (name and scheme[1].lower() not in NAMING):
            return True
    return False
