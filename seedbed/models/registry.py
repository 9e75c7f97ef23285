"""Builds models from the config's entries: each is a stack of small engines over the one that calls the endpoint."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dspy import lm15

from seedbed.config.models import ModelEntry
from seedbed.errors import UserError
from seedbed.models.batch.barrier import Waves
from seedbed.models.batch.engine import BatchEngine, BatchThenOnline
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.batch.provider_jobs import BatchService
from seedbed.models.engines.engine import Engine, Wrapped
from seedbed.models.layers.budgeted import Budgeted
from seedbed.models.layers.fallback import Fallback
from seedbed.models.layers.rate_limited import Limited
from seedbed.models.layers.redacted import Redacted
from seedbed.models.layers.replayed import Replayed
from seedbed.models.layers.retrying import Retrying
from seedbed.models.layers.unsampled import Unsampled
from seedbed.models.lm import NotInJournal, TeacherLM
from seedbed.models.prices import BATCH_SHARE, FREE, Price, price
from seedbed.storage.call import ReplyStore
from seedbed.storage.spending import SpendingStore
from seedbed.terminal import Say, silent


class Models:
    """A project's models. Each is opened once, at its first use.

    Args:
        entries: by alias. base: the folder their paths start from. journal: stores replies.
        ledger: books and caps the cost; None books nothing. book: records the waves of calls to the provider's batch
        service; None sends calls one by one. offline: make no call at all.
        say: receives a line when an endpoint goes down, is back, or is replaced by a fallback.
    """

    def __init__(
        self,
        entries: Mapping[str, ModelEntry],
        base: Path,
        journal: ReplyStore,
        *,
        ledger: SpendingStore | None = None,
        book: WaveBook | None = None,
        say: Say = silent,
        offline: bool = False,
    ) -> None:
        self.entries, self._base, self._journal = entries, base, journal
        self._ledger, self._book, self._say, self._offline = ledger, book, say, offline
        self.waves = Waves()
        self._stacks: dict[tuple[str, bool], Engine] = {}
        self._attempts: dict[str, Engine] = {}
        self._lms: dict[tuple[str, str | None], TeacherLM] = {}

    def lm(self, alias: str, fallback: str | None = None) -> TeacherLM:
        """The model of that name. Calls that finally fail go to `fallback`.

        Raises UserError for a missing key, file or weights; no call is made.
        """
        if (alias, fallback) not in self._lms:
            engine = self._stack(alias, patient=fallback is None)
            if fallback:
                engine = Fallback(engine, self._stack(fallback, patient=True), alias, fallback, self._say)
            entry, journaled = self.entries[alias], Replayed(engine, alias, self._journal)
            self._lms[alias, fallback] = TeacherLM(
                alias, journaled, temperature=entry.temperature, max_tokens=entry.max_tokens
            )
        return self._lms[alias, fallback]

    async def aclose(self) -> None:
        """Close every connection."""
        for engine in self._stacks.values():
            await engine.aclose()

    def _stack(self, alias: str, *, patient: bool) -> Engine:
        """The layers of a model: retry, ledger, limits, endpoint. Limits belong to the model, not to a role: roles
        share one stack, except for whether it waits for an endpoint that is down."""
        if (alias, patient) not in self._stacks:
            entry = self.entries[alias]
            if alias not in self._attempts:
                self._attempts[alias] = self._attempt(alias, entry)
            patience = entry.patience if patient else 0
            online = Retrying(self._attempts[alias], patience=patience, alias=alias, say=self._say)
            engine = self._batched(alias, entry, online) if self._book else online
            self._stacks[alias, patient] = engine if entry.sampling else Unsampled(engine)
        return self._stacks[alias, patient]

    def _attempt(self, alias: str, entry: ModelEntry) -> Engine:
        """The engine that makes one attempt at a call."""
        if self._offline:
            return Offline(_engine(entry.model_copy(update={"api_key": None}), self._base))
        engine = Redacted(_engine(entry, self._base), key_of(entry), entry.api_base)
        limited = Limited(engine, concurrency=engine.concurrency, rpm=entry.rpm, tpm=entry.tpm)
        return self._booked(limited, alias, price(entry))

    def _batched(self, alias: str, entry: ModelEntry, online: Engine) -> Engine:
        """Send calls in waves to the provider's batch service, and online those that no wave answers."""
        if not entry.api_base and entry.model.startswith(FREE):
            return online
        if entry.extra:  # the batch service has another request format than these keys
            raise UserError(
                f"models.{alias}.extra is not sent in batch mode, so the replies would not be those of this model.",
                hint=f"Set run.mode to online, or leave models.{alias}.extra out.",
            )
        assert self._book
        service, online_price = BatchService.of(entry.model, key_of(entry), entry.api_base), price(entry)
        batch_price = online_price and Price(online_price.input * BATCH_SHARE, online_price.output * BATCH_SHARE)
        batch = BatchEngine(online, service, self._book, self.waves, self._say)
        return BatchThenOnline(self._booked(batch, alias, batch_price, resumes=True), online, self._say)

    def _booked(self, engine: Engine, alias: str, price: Price | None, *, resumes: bool = False) -> Engine:
        if self._ledger and (price is None or not price.is_free or self._ledger.counts_calls):
            return Budgeted(engine, self._ledger, alias, price, resumes=resumes)
        return engine


class Offline(Wrapped):
    """An engine that makes no call: for rebuilding from the journal."""

    async def complete(self, request: lm15.Request) -> lm15.Response:
        raise NotInJournal("this call is not in the journal, and a replay makes none")


def teacher(alias: str, entry: ModelEntry, journal: ReplyStore, base: Path) -> TeacherLM:
    """The LM of one model entry."""
    return Models({alias: entry}, base, journal).lm(alias)


def _engine(entry: ModelEntry, base: Path) -> Engine:
    family = entry.model.partition("/")[0]
    if entry.api_base:
        return _endpoint(entry)
    return _FAMILIES.get(family, _provider)(entry, base)


def _embedded(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.models.engines.embedded import EmbeddedEngine

    return EmbeddedEngine(entry, base)


def _scripted(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.models.engines.scripted import ScriptedEngine

    return ScriptedEngine(base / entry.model.removeprefix("scripted/"))


def _endpoint(entry: ModelEntry) -> Engine:
    from seedbed.models.engines.endpoint import EndpointEngine

    assert entry.api_base
    return EndpointEngine(
        entry.api_base,
        entry.model,
        key_of(entry),
        concurrency=entry.concurrency,
        timeout=entry.timeout,
        enforces_schema=entry.schema_enforced,
        continues=entry.completions,
        logprobs=entry.logprobs,
        scoring=entry.scoring,
        extra=entry.extra,
    )


def _provider(entry: ModelEntry, base: Path) -> Engine:
    from seedbed.models.engines.provider import ProviderEngine

    key = key_of(entry)
    client = {"api_key": key} if key else {}
    return ProviderEngine(
        entry.model,
        concurrency=entry.concurrency,
        timeout=entry.timeout,
        logprobs=entry.logprobs,
        **client,
        **entry.extra,
    )


_FAMILIES: dict[str, Callable[[ModelEntry, Path], Engine]] = {"embedded": _embedded, "scripted": _scripted}


def key_of(entry: ModelEntry) -> str | None:
    """The API key from the environment variable that the entry names (`api_key: $NAME`)."""
    if entry.api_key is None:
        return None
    key = os.environ.get(entry.api_key.removeprefix("$"), "").strip()
    if not key.isprintable():
        raise UserError(f"The key in {entry.api_key} contains a line break.", hint="Set it to the key alone.")
    if not key:
        raise UserError(
            f"{entry.model} needs its key in {entry.api_key}, which is not set.",
            hint=f"export {entry.api_key.removeprefix('$')}=...",
        )
    return key
