"""Whether a project's files can be read and its models answer."""

import collections
import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import dspy
from dspy.utils.exceptions import LMError

from programs.formats import FORMATS
from programs.program import run_sync
from seedbed.errors import TeacherDown, UserError
from seedbed.prices import in_use
from seedbed.project import Project
from seedbed.session import Session
from seedbed.shelf.hardware import gpu
from signatures.grounding import AnswerQuestion


class Finding(NamedTuple):
    """One thing looked at: whether it is well, and what to know or do."""

    what: str
    ok: bool
    said: str


def diagnose(project: Project) -> list[Finding]:
    """Look at seeds, verdicts, documents, the embedder, and each role's model with one real call."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("seeds", lambda: "; ".join([f"{len(project.seeds)} read", *project.notes.lines()])),
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
        if any(project.config.models[alias].is_embedded for alias in in_use(project.config)):
            findings.append(_look("llama.cpp", gpu))
        roles = collections.defaultdict[str, list[str]](list)
        for role, alias in project.config.roles.named().items():
            roles[alias].append(role)
        for alias, bound in roles.items():
            look = functools.partial(_call, session, bound[0])
            findings.append(_look(f"{', '.join(bound)} ({alias})", look))
    return findings


def _look(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except (UserError, TeacherDown) as error:
        return Finding(what, False, f"{error} {error.hint}")
    except LMError as error:
        return Finding(what, False, str(error).splitlines()[0])


def _sources(project: Project) -> str:
    counts = f"{len(project.reading.documents)} documents, {len(project.sources)} passages"
    return "; ".join([counts, *project.reading.lines()])


def _call(session: Session, role: str) -> str:
    """A real question to the model, what a call takes, and whether a schema it was sent was kept to."""
    lm, (_, entry) = session.lm(role), session.project.config.entry(role)
    ask, answer, seconds = dspy.Predict(AnswerQuestion), "", 0.0
    years = ("1931", "1874") if entry.is_embedded else ("1931",)  # the first call also starts the server
    with dspy.context(lm=lm, adapter=FORMATS["json" if lm.chats else "compact"]):
        for year in years:
            started = time.monotonic()
            try:
                document = f"The bridge opened in {year}."
                reply = run_sync(ask.acall(document=document, question="When did the bridge open?"))
            except dspy.utils.exceptions.AdapterParseError:
                ignored = "ignores the schema it is sent: set schema_enforced: false" if entry.schema_enforced else ""
                return f"{entry.model} answers, and {ignored or 'the reply cannot be read'}"
            answer, seconds = " ".join(str(reply.answer).split())[:60], time.monotonic() - started
    return f"{entry.model} answers: {answer!r}, {seconds:.1f} s a call"
