"""What a project's models are and whether they answer."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dspy
from dspy.utils.exceptions import LMError

from programs.formats import FORMATS
from programs.program import run_sync
from seedbed.config import Config
from seedbed.errors import TeacherDown, UserError
from seedbed.model_entry import ModelEntry
from seedbed.project import Project
from seedbed.session import Session
from signatures.grounding import AnswerQuestion


class Finding(NamedTuple):
    """One thing looked at: whether it is well, and what to know or do."""

    what: str
    ok: bool
    said: str


def describe_models(config: Config) -> list[dict[str, Any]]:
    """Every alias with its model, the roles it is bound to and what it can do."""
    roles = config.roles.named()
    return [
        {
            "alias": alias,
            "model": entry.model,
            "api_base": entry.api_base,
            "roles": [role for role, bound in roles.items() if bound == alias],
            "can": _abilities(entry),
        }
        for alias, entry in config.models.items()
    ]


def diagnose(project: Project) -> list[Finding]:
    """Look at seeds, verdicts, documents, the embedder, and each role's model with one real call."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("seeds", lambda: f"{len(project.seeds)} read"),
        (
            "verdicts",
            lambda: f"{len(project.verdicts)} read" if project.verdicts else "none: judges go unchecked",
        ),
        ("sources", lambda: _sources(project)),
    ]
    findings = [_look(what, look) for what, look in looks]
    with tempfile.TemporaryDirectory() as folder:
        try:
            return findings + _look_at_models(project, Path(folder) / "journal.sqlite")
        except UserError as error:  # a model that cannot even be opened: a missing key or file
            return [*findings, Finding("models", False, f"{error} {error.hint}")]


def _look_at_models(project: Project, journal: Path) -> list[Finding]:
    with Session(project, journal) as session:
        findings = [_look("embedder", lambda: f"{project.config.embedder}, {session.embed(['well'])[0].size} wide")]
        for role, alias in project.config.roles.named().items():
            findings.append(_look(f"{role} ({alias})", lambda role=role: _call(session, role)))  # type: ignore[misc]
    return findings


def _look(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except (UserError, TeacherDown) as error:
        return Finding(what, False, f"{error} {error.hint}")
    except LMError as error:
        return Finding(what, False, str(error).splitlines()[0])


def _sources(project: Project) -> str:
    skipped = "".join(f"; skipped {name}: {reason}" for name, reason in project.reading.skipped)
    return f"{len(project.reading.documents)} documents, {len(project.sources)} passages{skipped}"


def _call(session: Session, role: str) -> str:
    """One real question to the model, and whether a schema it was sent was kept to."""
    lm, (_, entry) = session.lm(role), session.project.config.entry(role)
    ask = dspy.Predict(AnswerQuestion)
    with dspy.context(lm=lm, adapter=FORMATS["json"]):
        try:
            reply = run_sync(ask.acall(document="The bridge opened in 1931.", question="When did the bridge open?"))
        except dspy.utils.exceptions.AdapterParseError:
            ignored = ", and ignores the schema it is sent: set schema_enforced: false" if entry.schema_enforced else ""
            return f"{entry.model} answers{ignored}"
    return f"{entry.model} answers: {' '.join(str(reply.answer).split())[:60]!r}"


def _abilities(entry: ModelEntry) -> list[str]:
    local = entry.model.startswith("embedded/")
    can = ["JSON schema"] if local or not entry.api_base or entry.schema_enforced else []
    can += ["plain continuation"] if local or entry.completions else []
    trains = {
        True: "output may train",
        False: "output may NOT train",
        None: "training on its output: not stated",
    }
    can.append(trains[entry.trains])
    if entry.api_key:
        can.append(f"key {entry.api_key} {'set' if os.environ.get(entry.api_key[1:]) else 'NOT set'}")
    return can
