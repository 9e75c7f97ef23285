"""What a batch job is, and how each provider tells it: the bodies that lm15 reads."""

import dataclasses
import datetime
import json
import re
from collections.abc import Callable
from typing import Any

Answer = Callable[[int], str]  # of a call by its place in the job: "ok", "error", "expired", "missing" or
# "unreadable" (said to be good, and it is not)


@dataclasses.dataclass(frozen=True)
class Fate:
    """What becomes of a job: how it ends, after how many looks at it, what it answers to each call, and how the
    request that creates it is met (`taken`, `lost`: taken but the line breaks, `broken`: a 500 and not taken, `full`:
    a 429, `denied`: a 401). `label` and `counts`: whether the provider tells them; OpenAI counts only after
    `validating`, which takes so many of the looks."""

    end: str = "completed"
    looks: int = 2
    validating: int = 1
    answer: Answer = lambda place: "ok"
    creation: str = "taken"
    label: bool = True
    counts: bool = True


class Job:
    """A job: OpenAI's statuses in their order, one look at it a step."""

    def __init__(
        self, id: str, prompts: list[str], label: str | None, fate: Fate, created: float, ids: list[str] | None = None
    ) -> None:
        self.id, self.prompts, self.fate, self.created = id, prompts, fate, created
        self.ids = ids or [str(place) for place in range(len(prompts))]  # what the sender calls each call
        self.label = label if fate.label else None
        self.seen, self.cancelled = 0, False

    @property
    def status(self) -> str:
        if self.cancelled:
            return "cancelled"
        if self.seen >= self.fate.looks:
            return self.fate.end
        past = self.seen - self.fate.validating
        return "validating" if past < 0 else "in_progress" if past == 0 else "finalizing"

    @property
    def ended(self) -> bool:
        return self.cancelled or self.seen >= self.fate.looks

    def answers(self) -> list[str]:
        """What each call got; a job that failed or was cancelled got nothing done."""
        if self.cancelled or self.fate.end in ("failed", "cancelled"):
            return ["missing"] * len(self.prompts)
        return [self.fate.answer(place) for place in range(len(self.prompts))]


def openai(job: Job, files: dict[str, str]) -> dict[str, Any]:
    """OpenAI's job; the files of its results are put among `files`."""
    counted = job.fate.counts and job.status not in ("validating", "failed")
    told = {
        "id": job.id,
        "object": "batch",
        "status": job.status,
        "created_at": int(job.created),
        "metadata": {"label": job.label} if job.label else None,
        "request_counts": {"total": len(job.prompts) if counted else 0, "completed": 0, "failed": 0},
    }
    if job.ended and job.status != "failed":
        told |= _result_files(job, files)
    return told


def _result_files(job: Job, files: dict[str, str]) -> dict[str, Any]:
    """Good replies in the output file, out of order; the others in the error file, or in none."""
    good, bad = [], []
    for place, (prompt, answer) in enumerate(zip(job.prompts, job.answers(), strict=True)):
        line: dict[str, Any] = {"id": f"r{place}", "custom_id": str(place), "response": None, "error": None}
        if answer == "ok":
            good.append({**line, "response": {"status_code": 200, "body": _response(prompt)}})
        elif answer == "unreadable":
            failed = {**_response(prompt), "status": "failed", "error": {"code": "server_error", "message": "oh"}}
            good.append({**line, "response": {"status_code": 200, "body": failed}})
        elif answer == "error":
            body = {"error": {"message": "the server had an error", "type": "server_error"}}
            bad.append({**line, "response": {"status_code": 500, "body": body}})
        elif answer == "expired":
            bad.append({**line, "error": {"code": "batch_expired", "message": "not within the window"}})
    told = {}
    for name, lines in (("output", good), ("error", bad)):
        if lines:
            files[f"{job.id}-{name}"] = "\n".join(map(_line, reversed(lines))) + "\n"
            told[f"{name}_file_id"] = f"{job.id}-{name}"
    return told


def anthropic(job: Job, base: str) -> dict[str, Any]:
    """Anthropic's job: no label, and its results at an address."""
    kinds = [_ANTHROPIC[answer] for answer in job.answers()] if job.ended else ["processing"] * len(job.prompts)
    counts = {kind: kinds.count(kind) for kind in ("processing", "succeeded", "errored", "canceled", "expired")}
    return {
        "id": job.id,
        "type": "message_batch",
        "processing_status": "ended" if job.ended else "in_progress",
        "request_counts": counts,
        "created_at": _moment(job),
        "results_url": f"{base}/messages/batches/{job.id}/results" if job.ended else None,
    }


def anthropic_results(job: Job) -> str:
    """The results, out of order."""
    lines = []
    for place, (prompt, answer) in enumerate(zip(job.prompts, job.answers(), strict=True)):
        result: dict[str, Any] = {"type": _ANTHROPIC[answer]}
        if answer == "ok":
            result["message"] = _message(prompt)
        if answer == "unreadable":
            result["message"] = {**_message(prompt), "content": [{"type": "tool_use", "id": "t"}]}
        if answer == "error":
            result["error"] = {"type": "error", "error": {"type": "api_error", "message": "internal"}}
        lines.append(_line({"custom_id": job.ids[place], "result": result}))
    return "\n".join(reversed(lines))


def gemini(job: Job) -> dict[str, Any]:
    """Gemini's operation, results inside."""
    ends = {"completed": "SUCCEEDED", "failed": "FAILED", "cancelled": "CANCELLED", "expired": "EXPIRED"}
    told: dict[str, Any] = {
        "name": f"batches/{job.id}",
        "metadata": {
            "state": f"BATCH_STATE_{ends.get(job.status, 'RUNNING')}",
            "createTime": _moment(job),
            "displayName": job.label,
            "batchStats": {"requestCount": str(len(job.prompts))},
        },
    }
    if job.status == "completed":
        inlined = [
            {"metadata": {"key": str(place)}, **_inline(prompt, answer)}
            for place, (prompt, answer) in enumerate(zip(job.prompts, job.answers(), strict=True))
        ]
        told |= {"done": True, "response": {"inlinedResponses": {"inlinedResponses": inlined[::-1]}}}
    return told


_ANTHROPIC = {
    "ok": "succeeded",
    "error": "errored",
    "expired": "expired",
    "missing": "canceled",
    "unreadable": "succeeded",
}


def _line(told: dict[str, Any]) -> str:
    """JSON in the characters that it speaks of; half of a surrogate pair only an escape can name."""
    line = json.dumps(told, ensure_ascii=False)
    return json.dumps(told) if re.search("[\ud800-\udfff]", line) else line


def _moment(job: Job) -> str:
    return datetime.datetime.fromtimestamp(job.created, datetime.UTC).isoformat().replace("+00:00", "Z")


def reply_to(prompt: str) -> str:
    """What every model here says."""
    return f"re: {prompt}"


def _response(prompt: str) -> dict[str, Any]:
    said = {"type": "output_text", "text": reply_to(prompt), "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "m",
        "output": [{"type": "message", "role": "assistant", "content": [said]}],
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
    }


def _message(prompt: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": reply_to(prompt)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }


def _inline(prompt: str, answer: str) -> dict[str, Any]:
    if answer == "unreadable":
        return {"response": {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m"}}
    return {"response": _content(prompt)} if answer == "ok" else {"error": {"code": 13, "message": "internal"}}


def _content(prompt: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": reply_to(prompt)}]}, "finishReason": "STOP"}],
        "modelVersion": "m",
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10},
    }
