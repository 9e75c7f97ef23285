"""No key leaves in an error, whichever engine met the server that repeats it."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import dspy
import pytest
from support.flaky import asking
from support.hostile import Hostile, status

from programs.core.background import run_sync
from seedbed.config.models import ModelEntry
from seedbed.errors import TeacherDown
from seedbed.models.batch.provider_jobs import BatchService
from seedbed.models.registry import Models
from seedbed.storage.journal import Journal

KEY = "sk-hunter2/hunter2-hunter2"
FORMS = {"whole": KEY, "encoded": quote(KEY, safe=""), "cut": KEY[:15] + "..."}


def everything(error: BaseException | None) -> str:
    """All that an error and its causes say."""
    return f"{error} {error.args} {vars(error)} {everything(error.__cause__ or error.__context__)}" if error else ""


def met(entry: dict[str, Any], folder: Path) -> str:
    """What the error of a call says, as far as a run hears of it."""

    async def work() -> str:
        models = Models({"far": ModelEntry.model_validate(entry)}, folder, Journal(folder / "journal.sqlite"))
        try:
            with dspy.context(disable_history=True), pytest.raises((dspy.utils.exceptions.LMError, TeacherDown)) as met:
                await models.lm("far").acall(messages=[{"role": "user", "content": "Say something."}])
        finally:
            await models.aclose()
        return everything(met.value)

    return run_sync(work())


@pytest.mark.parametrize(
    "name", ["WATSONX_APIKEY", "OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "CLIENT_SECRET", "DB_PASSWORD"]
)
def test_a_key_of_any_providers_name_is_not_repeated(
    server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, KEY)
    server.plan(status(401, f'{{"error": {{"message": "Incorrect API key: {KEY}"}}}}'))
    said = met({"model": "m", "api_base": server.base}, tmp_path)
    assert "Incorrect API key: ***" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", [400, 401])
@pytest.mark.parametrize("kind", ["a server", "a provider", "a provider by the environment"])
def test_no_key_is_repeated(
    server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: int, form: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.plan(status(code, f'{{"error": {{"message": "Incorrect API key: {FORMS[form]}"}}}}'))
    entry: dict[str, Any] = {"model": "m", "api_base": server.base, "api_key": "$OPENAI_API_KEY"}
    if kind != "a server":
        entry = {"model": "openai/gpt-4o-mini", "extra": {"api_base": server.base}}
        entry |= {"api_key": "$OPENAI_API_KEY"} if kind == "a provider" else {}
    said = met(entry, tmp_path)
    assert "Incorrect API key: ***" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("code", [400, 401])
def test_no_batch_repeats_it(server: Hostile, code: int) -> None:
    server.plan(status(code, f'{{"error": {{"message": "Incorrect API key: {KEY}"}}}}'))

    async def work() -> BaseException:
        service = BatchService("openai", "m", KEY, server.base)
        try:
            with pytest.raises(Exception, match="Incorrect API key") as raised:
                await service.submit([asking()], "wave", lambda line: None)
        finally:
            await service.aclose()
        return raised.value

    assert "hunter2" not in everything(run_sync(work()))
