"""A model of the config: where it is, how it is asked, and what it may cost."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from seedbed.config.catalogue import shelf
from seedbed.config.reference import FAMILY, OnShelf, parse
from seedbed.config.sections import Section

Dialect = Literal["llama.cpp", "vllm"]
EMBEDDED_KEYS = ("context", "slots", "threads", "gpu_layers")


class ModelEntry(Section):
    """A model by alias."""

    model: str
    """`embedded/NAME` of the shelf (`seedbed models`), `embedded/PATH.gguf`,
    `embedded/hf:OWNER/REPO[@REV]:FILE_OR_QUANT`, `scripted/FILE.py`, a name on the server at `api_base`, or a provider
    string such as `openai/gpt-5-mini`."""
    api_base: str | None = None
    """An OpenAI-compatible server, up to and with `/v1`."""
    api_key: str | None = None
    """The environment variable with the key, as `$NAME`; a key itself is refused."""
    temperature: float = Field(0.0, ge=0, le=2)
    """Sampling temperature; every draw after the first from one source uses 0.7 at least."""
    max_tokens: int = Field(512, ge=1)
    """The longest reply; one that is cut off there rejects its row, unless all that is read of it was whole before the
    cut. Changed, it leaves the replies that ended by themselves within it as they are: they are not paid again."""
    concurrency: int = Field(32, ge=1)
    """Calls in flight."""
    timeout: float = Field(120, gt=0)
    """Seconds for one attempt."""
    completions: bool = False
    """The server has `/completions`: the compact format may continue plain text."""
    schema_enforced: bool = True
    """The server makes replies follow a JSON schema."""
    logprobs: int = Field(0, ge=0, le=20)
    """Alternatives a token whose log-probabilities the endpoint gives, 1 to 20: judges then score by the expected
    level; the embedded model gives them unasked."""
    scoring: Dialect | None = None
    """`llama.cpp` or `vllm`: how the server at `api_base` tells the likelihood of an answer that is given to it, which
    the metric reads as evidence; embedded models tell it unasked."""
    rpm: float | None = Field(None, gt=0)
    """Requests a minute at most; none is no limit of ours."""
    tpm: float | None = Field(None, gt=0)
    """Tokens a minute at most; none is no limit of ours."""
    patience: float = Field(600, ge=0)
    """Seconds that calls wait for an endpoint that was well before and is down now, and out of a quota that answers
    429."""
    context: int | None = Field(None, ge=256)
    """Of embedded models alone: tokens of the longest prompt and reply; none is 4096."""
    slots: int | None = Field(None, ge=1, le=64)
    """Of embedded models alone: calls at once; none is 1."""
    threads: int | None = Field(None, ge=1)
    """Of embedded models alone: threads; none is one a core."""
    gpu_layers: int | None = Field(None, ge=0)
    """Of embedded models alone: layers on a GPU; none is all that the build of llama.cpp can."""
    allows_training: bool | None = None
    """Whether the licence lets its output train other models; none is what the shelf says, else not stated, and the run
    warns unless true."""
    input_price: float | None = Field(None, ge=0)
    """Dollars per million tokens read; none is what DSPy knows of the model, and what nobody knows is said, never taken
    as 0."""
    output_price: float | None = Field(None, ge=0)
    """Dollars per million tokens written, as `input_price`."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further request keys that the server knows; no place for secrets. Under a cap in dollars only sampling keys,
    which cannot make a call dearer; none with `run.mode: batch`."""

    @property
    def is_embedded(self) -> bool:
        """Whether it runs on this machine, served by Seedbed."""
        return self.model.startswith(FAMILY) and self.api_base is None

    @property
    def may_train(self) -> bool | None:
        """Whether the licence lets its output train other models; None where nobody says."""
        if self.allows_training is None and self.is_embedded and isinstance(reference := parse(self.model), OnShelf):
            return shelf()[reference.name].allows_training
        return self.allows_training

    @model_validator(mode="after")
    def _is_one_model(self) -> "ModelEntry":
        if self.is_embedded:
            parse(self.model)
        elif misplaced := [key for key in EMBEDDED_KEYS if getattr(self, key) is not None]:
            raise ValueError(f"{', '.join(misplaced)}: of embedded models alone; a server has its own settings")
        return self

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
