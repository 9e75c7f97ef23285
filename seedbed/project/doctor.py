"""Checks whether a project's files can be read and its models answer."""

import collections
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dspy.utils.exceptions import LMError

from seedbed.errors import TeacherDown, UserError
from seedbed.models.prices import in_use
from seedbed.models.shelf.hardware import gpu
from seedbed.project.languages import embedder_line, language_line
from seedbed.project.model_check import ModelCheck
from seedbed.project.project import Project
from seedbed.project.session import Session


class Finding(NamedTuple):
    """The result of one check: its subject, whether it is well, and what to know or do."""

    what: str
    ok: bool
    said: str


def diagnose(project: Project) -> list[Finding]:
    """Check seeds, verdicts, sources, the embedder, and each role's model with a real call per format."""
    looks: list[tuple[str, Callable[[], str]]] = [
        (
            "seeds",
            lambda: "; ".join(
                [f"{len(project.inputs.seeds)} read", *project.inputs.notes.lines(), *project.said_of_seeds()]
            ),
        ),
        (
            "verdicts",
            lambda: f"{len(project.inputs.verdicts)} read" if project.inputs.verdicts else "none: judges go unchecked",
        ),
        ("language", lambda: language_line(project)),
        ("sources", lambda: _sources(project)),
    ]
    findings = [_look(subject, look) for subject, look in looks]
    with tempfile.TemporaryDirectory() as folder:
        try:
            return findings + _look_at_models(project, Path(folder) / "journal.sqlite")
        except UserError as error:  # a model cannot be opened: a missing key or file
            return [*findings, Finding("models", False, f"{error} {error.hint}")]


def _look_at_models(project: Project, journal: Path) -> list[Finding]:
    with Session(project, journal) as session:
        findings = [_look("embedder", lambda: _embedder(session))]
        if any(project.config.models[alias].is_embedded for alias in in_use(project.config)):
            findings.append(_look("llama.cpp", gpu))
        roles = collections.defaultdict[str, list[str]](list)
        for role, alias in project.config.roles.bound():
            roles[alias].append(role)
        return findings + [_checked(session, alias, names) for alias, names in roles.items()]


def _checked(session: Session, alias: str, roles: list[str]) -> Finding:
    subject, checks = f"{', '.join(roles)} ({alias})", list[ModelCheck]()

    def look() -> str:
        checks.append(ModelCheck(session.member(roles[0], alias).lm, session.project.config.models[alias], roles))
        return checks[0].said

    finding = _look(subject, look)
    return finding._replace(ok=finding.ok and checks[0].ok)


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except (UserError, TeacherDown) as error:
        return Finding(subject, False, f"{error} {error.hint}")
    except LMError as error:
        return Finding(subject, False, str(error).splitlines()[0])


def _embedder(session: Session) -> str:
    width = f"{session.project.config.embedder}, {session.embed(['well'])[0].size} wide"
    return "; ".join(filter(None, [width, embedder_line(session.project, session.embed)]))


def _sources(project: Project) -> str:
    """How many sources there are, and of how many documents. Seeds are counted by the check of seeds."""
    sources, units = project.inputs.source_set, project.inputs.kind.units
    if not sources.sources:
        start = "documents that it invents" if not project.options.needs_sources else project.inputs.kind.words
        return f"none: {project.recipe.name} starts from {start}"
    documents = f"{sources.documents} documents, " if sources.documents else ""
    counts = project.inputs.said_of_passages() or f"{len(sources.sources)} {units}"
    return "; ".join([f"{documents}{counts}", *sources.lines()])
