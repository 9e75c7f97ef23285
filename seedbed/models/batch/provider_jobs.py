"""A provider's batch service, through `dspy.lm15`: half the price, and a reply within a day."""

import asyncio
import dataclasses
import datetime
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson
from dspy import lm15

from seedbed.dspy_internals import response_to_dict
from seedbed.errors import UserError
from seedbed.models.batch.job_store import GARBLED, Wave
from seedbed.models.batch.results import Result, results
from seedbed.models.engines.engine import Shared, is_implausible, writable
from seedbed.models.layers.redacted import Secrets
from seedbed.storage.usage import BY_BATCH
from seedbed.terminal import Say

T = TypeVar("T")

FIRST_POLL, LONGEST_POLL = 10.0, 300.0  # seconds between two looks at a job, growing by half each time
LISTED = 100  # newest jobs among which a job with a lost ticket is searched; the most that OpenAI lists at once
DRIFT = 86_400.0  # seconds by which the provider's clock and ours may differ: a wrong time zone makes up to 14 hours
UPLOAD = 3600.0  # seconds that may pass from writing a wave down until the provider creates its job


class Limit(NamedTuple):
    """The most that one job may hold. Bytes are those of our own JSON, which differs a little from the provider's."""

    requests: int
    bytes: int


LIMITS = {
    "openai": Limit(50_000, 160_000_000),  # 50,000 and 200 MB: platform.openai.com/docs/guides/batch
    "azure": Limit(
        100_000, 160_000_000
    ),  # 100,000 and 200 MB: learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
    "anthropic": Limit(100_000, 200_000_000),  # 100,000 and 256 MB: docs.anthropic.com/en/api/creating-message-batches
    "gemini": Limit(50_000, 16_000_000),  # 20 MB inline, no number is given: ai.google.dev/gemini-api/docs/batch-api
}

NAMELESS = "anthropic"  # keeps no label of a job, so the names of its calls must say which wave they belong to


class Sighting(NamedTuple):
    """The result of a search in a provider's list of jobs for a wave whose ticket was lost. `job`: its job, if that is
    certain. `maybe`: jobs that may be it, which only a person can decide. `pending`: those of them that may become
    certain later. `all_seen`: whether the list goes back to the wave's time."""

    job: str | None
    maybe: list[str]
    pending: list[str]
    all_seen: bool


class BatchService(Shared):
    """One model behind a provider's batch service.

    Args:
        provider: one of `LIMITS`. model: the provider's name for the model. key: the API key; None takes the
        environment's. base: an address to use instead of the provider's own, including `/v1`.

    Raises UserError if we know no batch service of the provider, or if there is no key.
    """

    def __init__(self, provider: str, model: str, key: str | None, base: str | None = None) -> None:
        if provider not in LIMITS:
            raise UserError(
                f"seedbed knows no batch service for {provider}/{model}.",
                hint=f"Set run.mode to online, or use a model of {', '.join(LIMITS)}.",
            )
        self.provider, self.model, self.limit = provider, model, LIMITS[provider]
        self._secrets, self._strangers = Secrets(key, base), set[str]()
        keys, bases = {provider: key} if key else None, {provider: base} if base else None
        self._router = lm15.AsyncLMRouter(lm15.RouterConfig(api_keys=keys, base_urls=bases))
        try:
            self._lm: Any = self._router.lm(f"{provider}:{model}")
        except lm15.ConfigurationError as error:
            message = str(error).partition("\n")[0].partition(", or pass")[0]
            hint = "Set it in the environment, or name the key's variable as this model's api_key."
            raise UserError(f"{provider}/{model}: {message}.", hint=hint) from error

    @classmethod
    def of(cls, model: str, key: str | None, base: str | None) -> "BatchService":
        """The service of a model of the config: `provider/name`, or a name on the OpenAI-compatible server at `base`,
        which gets a dummy key if there is none."""
        if base:
            return cls("openai", model, key or "none", base)
        provider, _, name = model.partition("/")
        return cls(provider, name, key)

    def carries(self, request: lm15.Request) -> bool:
        """Whether a job can hold this call: OpenAI's jobs have no stop texts, and lm15 cannot cut replies of a job."""
        if request.config.extensions:
            return False  # such as the text whose likelihood is wanted
        try:
            notes = self._router.plan(dataclasses.replace(request, model=f"{self.provider}:{self.model}"))
        except lm15.CapabilityError:
            return False
        return not any(note.field == "config.stop" and note.action == "client_side" for note in notes)

    async def submit(self, requests: Sequence[lm15.Request], label: str, say: Say) -> str:
        """Send one job and return its ticket; waits while the provider accepts no more. Raises lm15's errors: after one
        of `CERTAIN` the provider has no job, after another it may have one."""
        addressed = tuple(dataclasses.replace(request, model=self.model) for request in requests)
        job = lm15.BatchRequest(requests=addressed, label=label, extensions=self._signed(addressed, label))
        for pause in pauses():
            try:
                with self._secrets.kept():
                    info: lm15.BatchJobInfo = await self._lm.batch_submit(job)
                return info.id
            except lm15.RateLimitError as error:
                say(f"batch {label}: {str(error).splitlines()[0]}; asking again in {pause:.0f} s")
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def replies(self, wave: Wave, job: str, say: Say) -> list[bytes]:
        """Wait for a job to end. Returns the reply to each call of the wave: empty if none came, GARBLED if it is
        unreadable."""
        waits = pauses()
        while not (info := await self._patiently(lambda: self._lm.batch_status(job), job, say)).done:
            say(f"batch {job}: {info.status} after {_since(wave.written)}; {wave.size} calls wait for it")
            await asyncio.sleep(next(waits))
        replies = _placed(wave, await self._patiently(lambda: results(self._lm, job), job, say))
        answered, unread = sum(map(bool, replies)), replies.count(GARBLED)
        note = f", {unread} of them with what cannot be read" if unread else ""
        say(f"batch {job}: {info.status} after {_since(wave.written)}; {answered} of {wave.size} answered{note}")
        return replies

    async def sight(self, wave: Wave, known_jobs: Collection[str], say: Say) -> Sighting:
        """Search for the job of a wave whose ticket was lost, by the wave's name on the job or on its calls.
        `known_jobs`: jobs of our other waves. A job without a name is never taken as the wave's."""
        jobs = await self._patiently(lambda: self._lm.batch_list(limit=LISTED), f"the jobs of {self.provider}", say)
        all_seen = len(jobs) < LISTED or any(_created(job) < wave.written - DRIFT for job in jobs)
        ours = next((job.id for job in jobs if job.label == wave.label), None)
        candidates = [job for job in jobs if job.id not in known_jobs and job.label is None and _alike(job, wave)]
        if self.provider == NAMELESS:
            ours, candidates = await self._unmasked(wave, candidates, say)
        pending = [job.id for job in candidates if not job.done and (self.provider == NAMELESS or not size_of(job))]
        return Sighting(ours, [job.id for job in candidates], pending, all_seen)

    async def aclose(self) -> None:
        await self._router.aclose()

    def _signed(self, requests: Sequence[lm15.Request], label: str) -> dict[str, Any] | None:
        """The calls as lm15 would send them, each with the wave's name; None if the job itself has a label."""
        if self.provider != NAMELESS:
            return None
        bodies = (self._lm._inner._payload(request, stream=False) for request in requests)
        return {"requests": [{"custom_id": f"{label}-{at}", "params": body} for at, body in enumerate(bodies)]}

    async def _unmasked(
        self, wave: Wave, jobs: Sequence[lm15.BatchJobInfo], say: Say
    ) -> tuple[str | None, list[lm15.BatchJobInfo]]:
        """The job whose calls have the wave's name. If there is none, the jobs whose calls' names are not known,
        because they have not ended or their results are gone."""
        unknown = []
        for job in jobs:
            if job.id in self._strangers:
                continue
            names = await self._names(job.id, say) if job.done else []
            if any(name.startswith(f"{wave.label}-") for name in names):
                return job.id, []
            if names:
                self._strangers.add(job.id)
            else:
                unknown.append(job)
        return None, unknown

    async def _names(self, job: str, say: Say) -> list[str]:
        try:
            return [result.name for result in await self._patiently(lambda: results(self._lm, job), job, say)]
        except UserError:
            return []

    async def _patiently(self, ask: Callable[[], Awaitable[T]], subject: str, say: Say) -> T:
        """Ask until there is an answer: a job at the provider survives any outage on either side."""
        for pause in pauses():
            try:
                with self._secrets.kept():
                    return await ask()
            except lm15.RETRYABLE_ERRORS as error:
                say(f"batch {subject}: {str(error).splitlines()[0]}; asking again in {pause:.0f} s")
                await asyncio.sleep(pause)
            except (lm15.AuthError, lm15.BillingError):
                raise
            except lm15.ProviderError as error:
                raise UserError(
                    f"{self.provider} gave no readable answer about {subject}: {str(error).splitlines()[0]}",
                    hint="Look at it in the provider's console, then run the same command again.",
                ) from error
        raise AssertionError("unreachable")


CERTAIN = (
    lm15.AuthError,
    lm15.BillingError,
    lm15.InvalidRequestError,
    lm15.CapabilityError,
    lm15.ConfigurationError,
)
"""Errors after which the provider certainly has no job."""


def size_of(job: lm15.BatchJobInfo) -> int | None:
    """The provider's count of the calls in a job; None while it gives none."""
    data: dict[str, Any] = job.provider_data or {}
    if stats := (data.get("metadata") or {}).get("batchStats"):  # Gemini
        return int(stats.get("requestCount") or 0) or None
    counts = data.get("request_counts") or {}
    return int(counts["total"] if "total" in counts else sum(counts.values())) or None


def _alike(job: lm15.BatchJobInfo, wave: Wave) -> bool:
    in_time = wave.written - DRIFT <= _created(job) <= wave.written + UPLOAD + DRIFT
    return in_time and size_of(job) in (None, wave.size)


def _created(job: lm15.BatchJobInfo) -> float:
    return datetime.datetime.fromisoformat(job.created_at).timestamp() if job.created_at else time.time()


def _placed(wave: Wave, answers: Sequence[Result]) -> list[bytes]:
    """The replies by their call's place in the wave. If a result has no name, any call may be the one it answers."""
    replies = [GARBLED if any(not result.name for result in answers) else b""] * wave.size
    for result in answers:
        sender, _, place = result.name.rpartition("-")
        if sender in ("", wave.label) and place.isdecimal() and int(place) < wave.size:
            replies[int(place)] = _encoded(result.response) if result.response else GARBLED if result.answered else b""
    return replies


def _encoded(response: lm15.Response) -> bytes:
    if is_implausible(response.usage):  # an online call would not count as a completion either
        return GARBLED
    marked = dataclasses.replace(response, adaptations=(*response.adaptations, BY_BATCH))
    return orjson.dumps(response_to_dict(writable(marked)))


def pauses() -> Iterator[float]:
    """Seconds between two looks at a job, endlessly."""
    pause = FIRST_POLL
    while True:
        yield pause
        pause = min(LONGEST_POLL, pause * 1.5)


def _since(moment: float) -> str:
    minutes, seconds = divmod(int(max(0.0, time.time() - moment)), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {seconds} s"
