"""Prices of tokens: from the config, else from DSPy's price list."""

import functools
import os
from dataclasses import dataclass
from itertools import chain

from dspy import lm15

from seedbed.config.load import Config
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.models.engines.engine import is_implausible

FREE = ("embedded/", "scripted/")
BATCH_SHARE = 0.5  # of the online price, at all four providers: see the pages beside provider_jobs.LIMITS
FRAME = 32  # tokens that a chat template adds to a message, at most
ENFORCING = 512  # tokens a provider adds to a prompt whose reply must follow a schema, at most
_SAMPLING = (
    *("temperature", "top_p", "top_k", "top_a", "tfs", "min_p", "typical_p", "seed", "stop", "stop_token_ids"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "repeat_last_n", "logit_bias"),
    *("mirostat", "mirostat_tau", "mirostat_eta", "min_tokens", "ignore_eos", "length_penalty", "bad_words"),
    *("chat_template_kwargs", "reasoning_effort", "enable_thinking", "skip_special_tokens", "cache_prompt"),
    *("user", "metadata", "safety_identifier", "store"),
)
"""Keys of a request that do not change its highest cost, which its prompt's bytes and `max_tokens` set."""

_GUIDED = "guided_"  # vLLM's keys for a grammar, a choice, a pattern


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens read (`input`) and written (`output`)."""

    input: float
    output: float

    @property
    def is_free(self) -> bool:
        """Whether all calls cost nothing."""
        return not (self.input or self.output)

    def dollars(self, input_tokens: int, output_tokens: int) -> float:
        """The cost of these tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6

    def most(self, request: lm15.Request) -> float | None:
        """The highest cost of a call: no token is shorter than a byte, and a reply ends at `max_tokens`. None without
        `max_tokens`."""
        longest = request.config.max_tokens
        return None if longest is None else self.dollars(longest_prompt(request), longest)

    def paid(self, usage: lm15.Usage) -> float | None:
        """The cost of a call; None if the server reported no usage (such as 0 prompt tokens) or an impossible one.
        Gemini and xAI count reasoning tokens only in the total."""
        if not usage.input_tokens or usage.output_tokens is None or is_implausible(usage):
            return None
        unseen = (usage.total_tokens or 0) - usage.input_tokens
        return self.dollars(usage.input_tokens, max(usage.output_tokens, unseen))


def price(entry: ModelEntry) -> Price | None:
    """The price of a model; None if it is unknown, which is never 0. A model in this process costs nothing unless the
    config sets a price. For a model at `api_base` only the config can give one."""
    if entry.api_base:
        input_price, output_price = None, None
    else:
        input_price, output_price = (0.0, 0.0) if entry.model.startswith(FREE) else _listed(entry.model)
    input_price = input_price if entry.input_price is None else entry.input_price
    output_price = output_price if entry.output_price is None else entry.output_price
    return None if input_price is None or output_price is None else Price(input_price, output_price)


def check_prices(config: Config) -> None:
    """Raises UserError if a cap in dollars cannot be kept: the price of a model in use is unknown, or its `extra` may
    let a call cost more than its prompt and `max_tokens` allow."""
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
        if unpriced_keys := sorted(key for key in entry.extra if key not in _SAMPLING and not key.startswith(_GUIDED)):
            raise UserError(
                f"{key}: models.{alias}.extra sets {', '.join(unpriced_keys)}, so the most a call can cost is unknown.",
                hint="Leave it out; only sampling keys may stand there under a cap in dollars, and the longest reply "
                f"is models.{alias}.max_tokens.",
            )


def in_use(config: Config) -> list[str]:
    """The aliases that calls may go to, each once: of the cascade, of the other roles, and all fallbacks."""
    return list(dict.fromkeys(alias for _, alias in chain(config.roles.bound(), config.fallback) if alias))


def longest_prompt(request: lm15.Request) -> int:
    """The most tokens of a prompt: its bytes, those of the schema, and the additions of a chat template."""
    texts = [str(request.system or ""), *(message.text or "" for message in request.messages)]
    schema = request.config.response_format
    around = FRAME * len(texts) + (ENFORCING + len(repr(schema).encode()) if schema else 0)
    return around + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


@functools.cache
def _listed(model: str) -> tuple[float | None, float | None]:
    """DSPy's prices in dollars per million tokens read and written: the provider's ordinary rates. Long prompts
    (128,000 tokens and more) may cost more. A price of 0 mostly means that nobody looked it up, so it becomes None."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched over the network
    from dspy.clients.model_metadata import model_info, rate

    provider, slash, name = model.partition("/")
    info = model_info(provider, name) if slash else model_info("openai", model)
    input_price, output_price = (rate(info, f"{side}_cost_per_token") for side in ("input", "output"))
    return round(input_price * 1e6, 9) if input_price else None, round(output_price * 1e6, 9) if output_price else None
