"""What tokens cost, what a call can cost at most, and that a cap in dollars wants to know both."""

import subprocess
import sys
from typing import Any

import pytest
from dspy import lm15
from hypothesis import given
from hypothesis import strategies as st

from seedbed.config.load import Config
from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.models.prices import Price, check_prices, longest_prompt, price


def config(models: dict[str, Any], **more: Any) -> Config:
    given = {"recipe": "grounded-qa", "seeds": "seeds.jsonl", "roles": {"teacher": next(iter(models))}} | more
    return Config.model_validate(given | {"models": {name: {"model": "m"} | entry for name, entry in models.items()}})


def asked(text: str, **config: Any) -> lm15.Request:
    return lm15.Request(model="m", messages=(lm15.Message.user(text),), config=lm15.Config(**config))


@pytest.mark.parametrize(
    ("entry", "dollars"),
    [
        ({"model": "openai/gpt-4o-mini"}, Price(0.15, 0.6)),
        ({"model": "anthropic/claude-haiku-4-5"}, Price(1.0, 5.0)),
        ({"model": "openrouter/openai/gpt-4o-mini"}, Price(0.15, 0.6)),
        ({"model": "gpt-4o-mini"}, Price(0.15, 0.6)),
        ({"model": "openai/gpt-4o-mini", "input_price": 2}, Price(2, 0.6)),
        ({"model": "embedded/smollm2-135m"}, Price(0, 0)),
        ({"model": "scripted/teacher.py"}, Price(0, 0)),
        ({"model": "scripted/teacher.py", "input_price": 1, "output_price": 2}, Price(1, 2)),  # for dry runs
        ({"model": "gpt-4o-mini", "api_base": "http://localhost/v1"}, None),
        ({"model": "scripted/x", "api_base": "http://localhost/v1"}, None),
        ({"model": "own", "api_base": "http://localhost/v1", "input_price": 0.1}, None),
        ({"model": "own", "api_base": "http://localhost/v1", "input_price": 0, "output_price": 0}, Price(0, 0)),
        ({"model": "openai/no-such-model"}, None),
        ({"model": "ollama/llama3"}, None),  # listed at 0, as hosted models are that nobody looked up
    ],
)
def test_a_price_is_the_configs_else_what_dspy_knows_else_unknown(entry: dict[str, Any], dollars: Price | None) -> None:
    assert price(ModelEntry(**entry)) == dollars


def test_prices_are_looked_up_without_network_or_litellm() -> None:
    script = (
        "import socket, sys\n"
        "def no(*a, **k): raise SystemExit('the network was asked')\n"
        "socket.getaddrinfo = socket.socket.connect = no\n"
        "from seedbed.config.models import ModelEntry\n"
        "from seedbed.models.prices import price\n"
        "assert price(ModelEntry(model='openai/gpt-4o-mini')) and 'litellm' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_tokens_cost_their_price() -> None:
    assert Price(2, 10).dollars(1_000_000, 500_000) == 7


@given(st.text())
def test_a_prompt_has_fewer_tokens_than_bytes(text: str) -> None:
    assert longest_prompt(asked(text)) > len(text.encode("utf-8", "surrogatepass"))


def test_the_most_a_call_costs_counts_system_schema_and_the_longest_reply() -> None:
    schema = {"type": "json_schema", "name": "reply", "schema": {"type": "object", "description": "x" * 500}}
    plain, cost = asked("hello", max_tokens=100), Price(1, 10)
    bare, longer = cost.most(plain), cost.most(asked("hello", max_tokens=200))
    assert bare is not None
    assert longer == pytest.approx(bare + 100 * 10 / 1e6)
    assert (cost.most(asked("hello", max_tokens=100, response_format=schema)) or 0) > bare + 500 / 1e6
    told = lm15.Request(model="m", messages=plain.messages, system="s" * 50, config=plain.config)
    assert (cost.most(told) or 0) == pytest.approx(bare + 50 / 1e6)
    assert cost.most(asked("hello")) is None


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (lm15.Usage(input_tokens=100, output_tokens=20), 300e-6),
        (lm15.Usage(input_tokens=100, output_tokens=20, total_tokens=170), 800e-6),  # 50 of reasoning beside them
        (lm15.Usage(input_tokens=100), None),
        (lm15.Usage(), None),
        (lm15.Usage(input_tokens=10**9 + 1, output_tokens=20), None),
        (lm15.Usage(input_tokens=100, output_tokens=10**9 + 1), None),
        (lm15.Usage(input_tokens=100, output_tokens=20, total_tokens=10**12), None),
    ],
)
def test_a_reply_costs_what_the_server_says_it_used(usage: lm15.Usage, dollars: float | None) -> None:
    assert Price(1, 10).paid(usage) == (None if dollars is None else pytest.approx(dollars))


LOCAL = {"api_base": "http://localhost/v1"}
PRICED = LOCAL | {"input_price": 1, "output_price": 1}


@pytest.mark.parametrize("cap", ["budget", "run"])
@pytest.mark.parametrize(
    ("models", "more", "named"),
    [
        ({"a": LOCAL}, {}, "a"),
        ({"a": PRICED, "b": LOCAL}, {"roles": {"teacher": "a", "judge": "b"}}, "b"),
        ({"a": PRICED, "b": LOCAL}, {"roles": {"teacher": ["a", "b"]}}, "b"),
        ({"a": PRICED, "b": LOCAL}, {"fallback": {"judge": "b"}}, "b"),
    ],
)
def test_a_cap_in_dollars_names_the_model_whose_price_is_unknown(
    cap: str, models: dict[str, Any], more: dict[str, Any], named: str
) -> None:
    check_prices(config(models, **more))
    with pytest.raises(UserError, match=rf"{cap}\.max_usd: what {named} \(m\) costs is unknown") as raised:
        check_prices(config(models, **more, **{cap: {"max_usd": 1}}))
    assert f"models.{named}.input_price and output_price" in raised.value.hint


def test_a_cap_in_dollars_does_not_ask_for_models_that_are_not_in_use() -> None:
    check_prices(config({"a": PRICED, "b": LOCAL}, budget={"max_usd": 1}))


def test_a_cap_in_dollars_refuses_extras_that_make_a_call_cost_more() -> None:
    models = {"a": PRICED | {"extra": {"n": 4, "seed": 1}}}
    check_prices(config(models, budget={"max_calls": 1}))
    with pytest.raises(UserError, match=r"models\.a\.extra sets n, so"):
        check_prices(config(models, budget={"max_usd": 1}))


@pytest.mark.parametrize(
    "extra", ["model", "messages", "prompt", "tools", "web_search_options", "max_output_tokens", "best_of", "thinking"]
)
def test_a_cap_in_dollars_refuses_every_extra_that_is_not_known_to_be_free(extra: str) -> None:
    models = {"a": PRICED | {"extra": {extra: 1, "top_k": 20, "chat_template_kwargs": {}, "guided_regex": "a"}}}
    with pytest.raises(UserError, match=rf"models\.a\.extra sets {extra}, so"):
        check_prices(config(models, budget={"max_usd": 1}))


def test_a_cap_in_dollars_lets_sampling_keys_pass() -> None:
    extra = {"top_k": 20, "min_p": 0.1, "repetition_penalty": 1.1, "guided_regex": "a", "seed": 1}
    check_prices(config({"a": PRICED | {"extra": extra}}, budget={"max_usd": 1}))
