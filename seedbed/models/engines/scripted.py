"""A model that is a Python file: `scripted/FILE` calls `reply(prompt, draw)` in it. For tests and dry runs."""

import hashlib
import importlib.util
from pathlib import Path

from dspy import lm15

from seedbed.errors import UserError
from seedbed.models.call_context import call_context
from seedbed.models.engines.engine import Shared
from seedbed.models.engines.scoring import continuation_of


class ScriptedEngine(Shared):
    """Answers with `reply(prompt: str, draw: int) -> str` from FILE; `prompt` is all messages joined. If FILE also
    has `score(prompt: str, text: str) -> list[float]`, that is the log-probability of each word of a given reply.

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
        self._reply, self._score = module.reply, getattr(module, "score", None)
        self.scores = self._score is not None
        self.identity = f"scripted|{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"

    async def complete(self, request: lm15.Request) -> lm15.Response:
        texts = [str(request.system or ""), *(message.text or "" for message in request.messages)]
        prompt, scored_text = "\n\n".join(filter(None, texts)), continuation_of(request)
        try:
            text = scored_text if scored_text is not None else self._reply(prompt, call_context().draw)
            logprobs = None if scored_text is None else self._likelihood(prompt, scored_text)
        except lm15.LM15Error:  # a script may play a model that refuses
            raise
        except Exception as error:  # the script is the model, so this is a call that failed
            raise lm15.ProviderError(f"the script raised {type(error).__name__}: {error}") from error
        usage = lm15.Usage(input_tokens=len(prompt.split()), output_tokens=len(text.split()))
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(text),
            finish_reason="stop",
            usage=usage,
            logprobs=logprobs,
        )

    def _likelihood(self, prompt: str, text: str) -> tuple[lm15.TokenLogprob, ...]:
        if self._score is None:
            raise lm15.UnsupportedFeatureError("the script has no score(prompt, text)")
        pairs = zip(text.split(), self._score(prompt, text), strict=True)
        return tuple(lm15.TokenLogprob(word, score) for word, score in pairs)

    async def aclose(self) -> None:
        pass
