"""Batch services of OpenAI, Azure, Anthropic and Gemini on loopback, as faithful as lm15 can tell and as bad as asked.

Each job meets the next `Fate` of the plan. What the provider would bill is counted when a job is created, so a job
sent twice shows as calls paid twice.
"""

import collections
import json
import re
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from support.batch_wire import Fate, Job, anthropic, anthropic_results, gemini, openai
from support.loopback import Loopback


class BatchServer(Loopback):
    """The server. `plan(a, b)` gives the first job fate a and all later ones fate b.

    Attributes:
        jobs: every job created, in order. paid: how often each prompt was billed. outage: how many of the next looks
        are met with a 503. clock: seconds that the server's clock is ahead.
    """

    def forget(self) -> None:
        self.jobs: list[Job] = []
        self.paid: collections.Counter[str] = collections.Counter()
        self.outage, self.clock = 0, 0.0
        self._files: dict[str, str] = {}
        self._plan = [Fate()]

    def plan(self, *fates: Fate) -> None:
        """What the coming jobs meet; the last one stays."""
        self._plan = list(fates)

    def finish(self) -> None:
        """Let every job end now."""
        for job in self.jobs:
            job.seen = max(job.seen, job.fate.looks)

    def stranger(self, size: int, label: str | None = None) -> None:
        """Someone else's job in the same account, created just now."""
        self.jobs.append(Job(f"batch_other{len(self.jobs)}", ["?"] * size, label, Fate(), time.time()))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        for root in ("/v1", "/openai/v1"):  # Azure's stands under its own
            app.router.add_post(f"{root}/files", self._upload)
            app.router.add_get(f"{root}/files/{{id}}/content", self._content)
            app.router.add_post(f"{root}/batches", self._openai_create)
            app.router.add_get(f"{root}/batches", self._openai_list)
            app.router.add_get(f"{root}/batches/{{id}}", self._openai_look)
            app.router.add_post(f"{root}/batches/{{id}}/cancel", self._openai_cancel)
        app.router.add_post("/v1/messages/batches", self._anthropic_create)
        app.router.add_get("/v1/messages/batches", self._anthropic_list)
        app.router.add_get("/v1/messages/batches/{id}", self._anthropic_look)
        app.router.add_get("/v1/messages/batches/{id}/results", self._anthropic_results)
        app.router.add_post("/v1beta/models/{model}", self._gemini_create)
        app.router.add_get("/v1beta/batches", self._gemini_list)
        app.router.add_get("/v1beta/batches/{id}", self._gemini_look)
        return app

    def _create(
        self,
        request: web.Request,
        prompts: list[str],
        label: str | None,
        tell: Callable[[Job], Any],
        ids: list[str] | None = None,
    ) -> web.Response:
        fate = self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]
        if fate.creation == "broken":
            return web.json_response({"error": {"message": "try later"}}, status=500)
        if fate.creation == "denied":
            return web.json_response({"error": {"message": "no such key"}}, status=401)
        if fate.creation == "full":
            return web.json_response({"error": {"message": "too many tokens enqueued"}}, status=429)
        job = Job(f"batch_{len(self.jobs)}", prompts, label, fate, time.time() + self.clock, ids)
        self.jobs.append(job)
        answered = zip(prompts, job.answers(), strict=True)
        self.paid.update(prompt for prompt, answer in answered if answer in ("ok", "unreadable"))
        if fate.creation == "lost":
            assert request.transport
            request.transport.abort()
        return web.json_response(tell(job))

    def _look(self, request: web.Request, tell: Callable[[Job], Any]) -> web.Response:
        if self.outage:
            self.outage -= 1
            return web.json_response({"error": {"message": "down"}}, status=503)
        job = next((job for job in self.jobs if job.id == request.match_info["id"]), None)
        if job is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        job.seen += 1
        return web.json_response(tell(job))

    def _listed(self, request: web.Request, limit: str, tell: Callable[[Job], Any]) -> list[Any]:
        newest = sorted(self.jobs, key=lambda job: -job.created)[: int(request.query[limit])]
        for job in newest:
            job.seen += 1
        return [tell(job) for job in newest]

    # OpenAI: developers.openai.com/api/reference/resources/batches

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["purpose"] == "batch"
        id = f"file-{len(self._files)}"
        self._files[id] = form["file"].file.read().decode()  # type: ignore[union-attr]
        return web.json_response({"id": id, "object": "file", "purpose": "batch", "status": "processed"})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(text=self._files[request.match_info["id"]])

    async def _openai_create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        assert [line["custom_id"] for line in lines] == [str(place) for place in range(len(lines))]
        assert {line["url"] for line in lines} == {asked["endpoint"]}
        prompts = [line["body"]["input"][-1]["content"][-1]["text"] for line in lines]
        return self._create(request, prompts, asked.get("metadata", {}).get("label"), self._openai_job)

    async def _openai_look(self, request: web.Request) -> web.Response:
        return self._look(request, self._openai_job)

    async def _openai_cancel(self, request: web.Request) -> web.Response:
        next(job for job in self.jobs if job.id == request.match_info["id"]).cancelled = True
        return self._look(request, self._openai_job)

    async def _openai_list(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self._listed(request, "limit", self._openai_job)})

    # Anthropic: docs.anthropic.com/en/api/creating-message-batches. No labels.

    async def _anthropic_create(self, request: web.Request) -> web.Response:
        asked = (await request.json())["requests"]
        prompts = [one["params"]["messages"][-1]["content"][-1]["text"] for one in asked]
        ids = [one["custom_id"] for one in asked]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", id) for id in ids)
        return self._create(request, prompts, None, self._anthropic_job, ids)

    async def _anthropic_look(self, request: web.Request) -> web.Response:
        return self._look(request, self._anthropic_job)

    async def _anthropic_list(self, request: web.Request) -> web.Response:
        return web.json_response({"data": self._listed(request, "limit", self._anthropic_job), "has_more": False})

    async def _anthropic_results(self, request: web.Request) -> web.Response:
        job = next(job for job in self.jobs if job.id == request.match_info["id"])
        return web.Response(text=anthropic_results(job))

    # Gemini: ai.google.dev/gemini-api/docs/batch-api, inline requests

    async def _gemini_create(self, request: web.Request) -> web.Response:
        assert request.match_info["model"].endswith(":batchGenerateContent")
        batch = (await request.json())["batch"]
        asked = [one["request"] for one in batch["inputConfig"]["requests"]["requests"]]
        prompts = [one["contents"][-1]["parts"][-1]["text"] for one in asked]
        return self._create(request, prompts, batch.get("displayName"), gemini)

    async def _gemini_look(self, request: web.Request) -> web.Response:
        return self._look(request, gemini)

    async def _gemini_list(self, request: web.Request) -> web.Response:
        return web.json_response({"operations": self._listed(request, "pageSize", gemini)})

    def _openai_job(self, job: Job) -> dict[str, Any]:
        return openai(job, self._files)

    def _anthropic_job(self, job: Job) -> dict[str, Any]:
        return anthropic(job, self.base)
