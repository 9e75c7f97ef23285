"""The beginning that a judge's prompts share, read once and alone: the same whatever was asked before."""

from typing import Any

from programs.core.candidate import digest
from seedbed.models.engines.scoring import Post


class Prefixes:
    """What a llama.cpp server of one slot has read of prompts' beginnings, kept in files of its own.

    A prompt that is read behind a file's state gives the same log-probabilities every time, as one that is read whole
    does. What an earlier call left in the slot does not: it was cut into other batches.
    """

    def __init__(self) -> None:
        self._kept = set[str]()

    async def restore(self, post: Post, messages: list[dict[str, Any]]) -> bool:
        """Put the slot into the state in which it has read all messages but the last one, and nothing else. False where
        there is nothing worth keeping: the instruction alone is soon read."""
        before = messages[:-1]
        if not any(message["role"] == "assistant" for message in before):
            return False
        name = digest(str(before))
        if name not in self._kept:
            alone = {"messages": before, "max_tokens": 1, "temperature": 0.0, "cache_prompt": False}
            await post("chat/completions", alone)
            await self._slot(post, "save", name)
            self._kept.add(name)
        await self._slot(post, "restore", name)
        return True

    async def _slot(self, post: Post, action: str, name: str) -> None:
        told = await post(f"../slots/0?action={action}", {"filename": name})
        if told["filename"] != name:
            raise ValueError(f"the slot could not {action} its state")
