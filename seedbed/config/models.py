"""A model of the config: where it is, how it is asked, and what it may cost."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from seedbed.config.catalogue import shelf
from seedbed.config.reference import FAMILY, OnShelf, parse
from seedbed.config.sections import Section

Dialect = Literal["llama.cpp", "vllm"]
EMBEDDED_KEYS = ("context", "slots", "threads", "gpu_layers")


class ModelEntry(Section):
    """A model by alias.

    Attributes:
        model: `embedded/NAME` of the shelf, `embedded/PATH.gguf`, `embedded/hf:OWNER/REPO[@REV]:FILE_OR_QUANT`,
        `scripted/FILE.py`, a name on the server at `api_base`, or a provider string.
        api_key: the environment variable that holds the key, as `$NAME`; a key itself is refused.
        completions: the server has `/completions`, so that the compact format may continue plain text.
        schema_enforced: the server at `api_base` makes replies follow a JSON schema.
        logprobs: alternatives a token whose log-probabilities the endpoint gives, so that judges read expected scores;
        0 is none.
        scoring: how the server at `api_base` tells the likelihood of an answer that is given to it, so that the metric
        reads it as evidence: as `llama.cpp` or as `vllm` does; None where it cannot.
        rpm, tpm: requests and tokens a minute at most; None is no limit of ours.
        patience: seconds that calls wait for an endpoint that was well before and is down now.
        context, slots, threads, gpu_layers: of embedded models alone: tokens of the longest prompt and reply, calls at
        once, threads, and layers on a GPU; None is 4096, 1, one a core, and all that the build of llama.cpp can.
        trains: whether the licence lets its output train other models; None is what the shelf says, else not stated.
        input_price, output_price: dollars per million tokens; None takes what DSPy knows of the model, if anything.
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
    scoring: Dialect | None = None
    rpm: float | None = Field(None, gt=0)
    tpm: float | None = Field(None, gt=0)
    patience: float = Field(600, ge=0)
    context: int | None = Field(None, ge=256)
    slots: int | None = Field(None, ge=1, le=64)
    threads: int | None = Field(None, ge=1)
    gpu_layers: int | None = Field(None, ge=0)
    trains: bool | None = None
    input_price: float | None = Field(None, ge=0)
    output_price: float | None = Field(None, ge=0)
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        """Whether it runs on this machine, served by Seedbed."""
        return self.model.startswith(FAMILY) and self.api_base is None

    @property
    def may_train(self) -> bool | None:
        """Whether the licence lets its output train other models; None where nobody says."""
        if self.trains is None and self.is_embedded and isinstance(reference := parse(self.model), OnShelf):
            return shelf()[reference.name].allows_training
        return self.trains

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
