"""A model of the config: its address, the settings of its calls, and its prices."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from seedbed.config.catalogue import PassageForm, ShelfModel, shelf
from seedbed.config.reference import FAMILY, parse
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
    """Sampling temperature; every draw after the first from one source, and each of several replies to one call, uses
    0.7 at least, unless the recipe sets another."""
    sampling: bool = True
    """Whether it takes `temperature` and `top_p`; some reasoning models refuse them, and sample as they like."""
    max_tokens: int = Field(512, ge=1)
    """Tokens of the longest reply. A reply that is cut off rejects its row, unless everything read of it was whole
    before the cut. After a change, replies that ended by themselves within the limit are not paid again."""
    concurrency: int = Field(32, ge=1)
    """Calls in flight at once."""
    timeout: float = Field(120, gt=0)
    """Seconds for one attempt."""
    completions: bool = False
    """The server has `/completions`: the compact format may continue plain text."""
    schema_enforced: bool = True
    """The server makes replies follow a JSON schema."""
    logprobs: int = Field(0, ge=0, le=20)
    """Alternatives per token whose log-probabilities the endpoint returns, 1 to 20: judges then score by the expected
    level. Embedded models need no setting."""
    scoring: Dialect | None = None
    """`llama.cpp` or `vllm`: the way in which the server at `api_base` returns the likelihood of a given answer, which
    the metric reads as evidence. Embedded models need no setting."""
    rpm: float | None = Field(None, gt=0)
    """Requests a minute at most; with none, Seedbed sets no limit."""
    tpm: float | None = Field(None, gt=0)
    """Tokens a minute at most; with none, Seedbed sets no limit."""
    patience: float = Field(600, ge=0)
    """Seconds that calls wait for an endpoint that has worked before and is down now, or that answers 429 (quota)."""
    context: int | None = Field(None, ge=256)
    """For embedded models only: tokens of prompt and reply at most; none is 4096."""
    slots: int | None = Field(None, ge=1, le=64)
    """For embedded models only: calls at once; none is 1."""
    threads: int | None = Field(None, ge=1)
    """For embedded models only: threads; none is one per core."""
    gpu_layers: int | None = Field(None, ge=0)
    """For embedded models only: layers on a GPU; none is as many as the build of llama.cpp can put there."""
    allows_training: bool | None = None
    """Whether the licence lets its output train other models; none is what the shelf says, else not stated. The run
    warns unless it is true."""
    input_price: float | None = Field(None, ge=0)
    """Dollars per million input tokens; none is the price that DSPy knows. An unknown price is reported as unknown,
    never counted as 0."""
    output_price: float | None = Field(None, ge=0)
    """Dollars per million output tokens, as `input_price`."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further request keys that the server knows; not for secrets. Under a cap in dollars only sampling keys are
    allowed, which cannot raise the cost of a call; with `run.mode: batch`, none are."""

    @property
    def is_embedded(self) -> bool:
        """Whether Seedbed serves it on this machine."""
        return self.model.startswith(FAMILY) and self.api_base is None

    @classmethod
    def recorded(cls, entry: Mapping[str, Any]) -> "ModelEntry":
        """An entry as run.json has it, where addresses and extra keys are cut short: not to be opened."""
        return cls.model_construct(**entry)

    @property
    def may_train(self) -> bool | None:
        """Whether the licence lets its output train other models; None where neither the config nor the shelf says."""
        if self.allows_training is None and (model := self._on_shelf):
            return model.allows_training
        return self.allows_training

    @property
    def licence(self) -> str | None:
        """The licence of a model of the shelf, as SPDX names it; None for other models."""
        return self._on_shelf.licence if self._on_shelf else None

    @property
    def passages(self) -> PassageForm | None:
        """How documents are cut for it; None where the shelf does not say."""
        return self._on_shelf.passages if self._on_shelf else None

    @property
    def _on_shelf(self) -> ShelfModel | None:
        return shelf().get(self.model.removeprefix(FAMILY)) if self.is_embedded else None

    @model_validator(mode="after")
    def _is_one_model(self) -> "ModelEntry":
        if self.is_embedded:
            parse(self.model)
        elif misplaced := [key for key in EMBEDDED_KEYS if getattr(self, key) is not None]:
            raise ValueError(f"{', '.join(misplaced)}: for embedded models only; a server has its own settings")
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
