"""What tokens cost: by the config, else by what DSPy knows of the provider's model."""

import functools
import os
from dataclasses import dataclass
from itertools import chain

from dspy import lm15

from seedbed.config.load import Config
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.models.engines.engine import beyond_belief

FREE = ("embedded/", "scripted/")
BATCH_SHARE = 0.5  # of the online price, at all four providers: see the pages beside provider_jobs.LIMITS
FRAME = 32  # tokens a chat template puts around a message, at most
ENFORCING = 512  # tokens a provider adds to a prompt whose reply must follow a schema, at most
_SAMPLING = (
    *("temperature", "top_p", "top_k", "top_a", "tfs", "min_p", "typical_p", "seed", "stop", "stop_token_ids"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "repeat_last_n", "logit_bias"),
    *("mirostat", "mirostat_tau", "mirostat_eta", "min_tokens", "ignore_eos", "length_penalty", "bad_words"),
    *("chat_template_kwargs", "reasoning_effort", "enable_thinking", "skip_special_tokens", "cache_prompt"),
    *("user", "metadata", "safety_identifier", "store"),
)
"""Keys of a request that leave the most it can cost as it is: a prompt's bytes, and `max_tokens`."""

_GUIDED = "guided_"  # vLLM's keys for a grammar, a choice, a pattern


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens read (`input`) and written (`output`)."""

    input: float
    output: float

    @property
    def is_free(self) -> bool:
        """Whether calls cost nothing, whatever they take."""
        return not (self.input or self.output)

    def dollars(self, input_tokens: int, output_tokens: int) -> float:
        """What these tokens cost."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6

    def most(self, request: lm15.Request) -> float | None:
        """The most a call can cost: no token is shorter than a byte, and a reply ends at `max_tokens`. None without
        that."""
        longest = request.config.max_tokens
        return None if longest is None else self.dollars(longest_prompt(request), longest)

    def paid(self, usage: lm15.Usage) -> float | None:
        """What a call cost; None where the server did not say what it used, as by a prompt of 0 tokens, or said
        what cannot be. Gemini and xAI count the tokens of their reasoning in the total alone."""
        if not usage.input_tokens or usage.output_tokens is None or beyond_belief(usage):
            return None
        unseen = (usage.total_tokens or 0) - usage.input_tokens
        return self.dollars(usage.input_tokens, max(usage.output_tokens, unseen))


def price(entry: ModelEntry) -> Price | None:
    """What a model costs; None where that is unknown, which is never 0. What runs in this process costs nothing
    unless the config says so, and of a name on a server at `api_base` only the config can tell."""
    if entry.api_base:
        read, written = None, None
    else:
        read, written = (0.0, 0.0) if entry.model.startswith(FREE) else _known(entry.model)
    read = read if entry.input_price is None else entry.input_price
    written = written if entry.output_price is None else entry.output_price
    return None if read is None or written is None else Price(read, written)


def check_prices(config: Config) -> None:
    """Raises UserError where a cap in dollars could not be kept: the price of a model in use is unknown, or its
    `extra` may let a call cost more than its prompt and `max_tokens` say."""
    key = "budget.max_usd" if config.budget.max_usd is not None else "run.max_usd"
    if config.budget.max_usd is None and config.run.max_usd is None:
        return
    for alias in in_use(config):
        entry = config.models[alias]
        if price(entry) is None:
            raise UserError(
                f"{key}: what {alias} ({entry.model}) costs is unknown.",
                hint=f"Set models.{alias}.input_price and output_price, in dollars per million tokens.",
            )
        if found := sorted(key for key in entry.extra if key not in _SAMPLING and not key.startswith(_GUIDED)):
            raise UserError(
                f"{key}: models.{alias}.extra sets {', '.join(found)}, so the most a call can cost is unknown.",
                hint="Leave it out; only sampling keys may stand there under a cap in dollars, and the longest reply "
                f"is models.{alias}.max_tokens.",
            )


def in_use(config: Config) -> list[str]:
    """The aliases that calls may go to, each once: the cascade's, those of the other roles, and all fallbacks."""
    fallbacks = (alias for _, alias in config.fallback if alias)
    return list(dict.fromkeys(chain(config.roles.cascade, config.roles.named().values(), fallbacks)))


def longest_prompt(request: lm15.Request) -> int:
    """Tokens of a prompt at most: its bytes, the schema's, and what a chat template adds."""
    texts = [str(request.system or ""), *(message.text or "" for message in request.messages)]
    schema = request.config.response_format
    around = FRAME * len(texts) + (ENFORCING + len(repr(schema).encode()) if schema else 0)
    return around + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


@functools.cache
def _known(model: str) -> tuple[float | None, float | None]:
    """DSPy's prices in dollars per million tokens read and written: the provider's ordinary rates, which long prompts
    (of 128,000 tokens and more) may go beyond. Its 0 says of most models that nobody looked it up, so it is None."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched over the network
    from dspy.clients.model_metadata import model_info, rate

    provider, slash, name = model.partition("/")
    info = model_info(provider, name) if slash else model_info("openai", model)
    read, written = (rate(info, f"{side}_cost_per_token") for side in ("input", "output"))
    return round(read * 1e6, 9) if read else None, round(written * 1e6, 9) if written else None
