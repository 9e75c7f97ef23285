"""Reads the shared beginning of a judge's prompts once and alone, so results do not depend on earlier calls."""

from typing import Any

from programs.core.row import digest
from seedbed.models.engines.scoring import Post


class Prefixes:
    """Saved states of a llama.cpp server with one slot, one file for each beginning of prompts.

    A prompt read after a restored state gives the same log-probabilities every time, like a prompt that is read whole.
    The cache that an earlier call left in the slot does not: its batches were cut differently.
    """

    def __init__(self) -> None:
        self._saved = set[str]()

    async def restore(self, post: Post, messages: list[dict[str, Any]]) -> bool:
        """Restore the slot to the state after all messages but the last one. False if there is nothing worth saving:
        the instruction alone is read quickly."""
        before = messages[:-1]
        if not any(message["role"] == "assistant" for message in before):
            return False
        name = digest(str(before))
        if name not in self._saved:
            alone = {"messages": before, "max_tokens": 1, "temperature": 0.0, "cache_prompt": False}
            await post("chat/completions", alone)
            await self._slot(post, "save", name)
            self._saved.add(name)
        await self._slot(post, "restore", name)
        return True

    async def _slot(self, post: Post, action: str, name: str) -> None:
        reply = await post(f"../slots/0?action={action}", {"filename": name})
        if reply["filename"] != name:
            raise ValueError(f"the slot could not {action} its state")
