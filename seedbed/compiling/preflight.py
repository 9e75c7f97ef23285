"""Checks, before the first call, what the search of a compile needs beside teacher and judge."""

import importlib.util

from optimize.optimizers import REFLECTING
from optimize.search_budget import Allowance, Caps, Cost
from seedbed.errors import UserError
from seedbed.models.prices import price
from seedbed.project.session import Session


def provide(session: Session) -> Allowance:
    """The allowance of this compile. It counts all costs from now on, including those of replayed calls.

    Raises UserError if mipro's search is not installed, the reflection model cannot be opened, or a price that
    `compile.max_usd` depends on is unknown.
    """
    config = session.project.config
    settings = config.compile
    if settings.optimizer == "mipro" and not importlib.util.find_spec("optuna"):
        raise UserError("compile.optimizer: mipro needs optuna.", hint='pip install "seedbed[mipro]"')
    if reflects(session) or settings.optimizer in REFLECTING:
        session.lm("reflection")
    caps = Caps(settings.max_calls, settings.max_tokens, settings.max_usd, settings.max_minutes)
    for alias in sorted({alias for _, alias in config.roles.bound()}):
        if caps.usd is not None and price(config.models[alias]) is None:
            raise UserError(
                f"compile.max_usd: what {alias} costs is unknown.",
                hint=f"Set models.{alias}.input_price and output_price, in dollars per million tokens.",
            )
    before = _cost(session)
    return Allowance(caps, lambda: _since(before, _cost(session)))


def reflects(session: Session) -> bool:
    """Whether a model other than the teacher rewrites prompts."""
    roles = session.project.config.roles.named()
    return roles["reflection"] != roles["teacher"]


def _cost(session: Session) -> Cost:
    tallies = session.journal.tallies
    return Cost(
        calls=sum(tally.calls for tally in tallies.values()),
        tokens=sum(tally.input_tokens + tally.output_tokens for tally in tallies.values()),
        usd=session.cost(tallies) or 0.0,
        minutes=sum(tally.seconds for tally in tallies.values()) / 60,
    )


def _since(before: Cost, after: Cost) -> Cost:
    return Cost(
        after.calls - before.calls,
        after.tokens - before.tokens,
        after.usd - before.usd,
        after.minutes - before.minutes,
    )
