"""A teacher that is a Python file: `scripted/FILE` calls its `reply(prompt, draw)`. For tests and dry runs."""

import hashlib
import importlib.util
from pathlib import Path

import dspy
from dspy import lm15

from seedbed.engines.engine import Shared
from seedbed.errors import UserError


class ScriptedEngine(Shared):
    """Answers with `reply(prompt: str, draw: int) -> str` from FILE; `prompt` is all messages joined.

    Tokens are counted as words. `draw` differs between draws of one prompt.
    """

    enforces_schema, continues, concurrency = True, False, 8

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise UserError(f"There is no scripted teacher at {file}.", hint="Name a Python file that defines reply().")
        spec = importlib.util.spec_from_file_location(f"scripted_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not hasattr(module, "reply"):
            raise UserError(
                f"{file} defines no reply(prompt, draw).",
                hint="Add def reply(prompt: str, draw: int) -> str.",
            )
        self._reply = module.reply
        self.identity = f"scripted|{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"

    async def complete(self, request: lm15.Request) -> lm15.Response:
        texts = [str(request.system or ""), *(message.text or "" for message in request.messages)]
        prompt = "\n\n".join(filter(None, texts))
        try:
            text = self._reply(prompt, dspy.settings.get("draw", 0))
        except lm15.LM15Error:  # a script may play a model that refuses
            raise
        except Exception as error:  # the script is the model, so this is a call that failed
            raise lm15.ProviderError(f"reply() raised {type(error).__name__}: {error}") from error
        usage = lm15.Usage(input_tokens=len(prompt.split()), output_tokens=len(text.split()))
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(text),
            finish_reason="stop",
            usage=usage,
        )

    async def aclose(self) -> None:
        pass
