"""Shows a few candidates, each with its calls as the model saw them."""

from collections.abc import Callable
from typing import Any

from optimize.scoring import Scored, score_program
from programs.core.background import run_sync
from programs.core.feed import first_sources
from seedbed.compiling.programs import open_cascade
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.storage.run_reader import messages


def preview_rows(project: Project, n: int, *, uncompiled: bool, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The candidates of the first n sources of the feed: verdict, scores, calls, tokens and dollars of each."""
    for line in project.inputs.said_of_sources():
        say(line)
    with Session(project, project.journal) as session:
        sources = first_sources(project.feed(embed=session.embed), n)
        cascade, metric = open_cascade(session, uncompiled=uncompiled, say=say)
        candidates = run_sync(score_program(cascade[0].program, sources, metric, session.scope))
        return [_shown(session, scored) for scored in candidates]


def preview_text(preview: dict[str, Any]) -> str:
    """One candidate for the terminal."""
    lines = [
        f"=== {preview['verdict']}   score {preview['score']:.2f}   tokens {preview['tokens']}   "
        f"cost {'unknown' if preview['dollars'] is None else '${:.4f}'.format(preview['dollars'])}"
    ]
    for number, call in enumerate(preview["calls"], 1):
        lines += [f"--- call {number}: prompt as sent", call["prompt"], "--- reply", call["reply"]]
    lines += ["--- candidate", *(f"{key}: {value}" for key, value in preview["candidate"].items())]
    lines += [
        f"{part:>12}  {score:.2f}  {preview['reasons'].get(part, '')}" for part, score in preview["scores"].items()
    ]
    return "\n".join(lines)


def _shown(session: Session, scored: Scored) -> dict[str, Any]:
    drop = scored.worth.drop
    return {
        "verdict": f"rejected at {drop.step}: {drop.reason}, {drop.detail}" if drop else "accepted",
        "score": scored.worth.score,
        "scores": scored.worth.parts,
        "reasons": scored.worth.reasons,
        "candidate": scored.candidate.model_dump(exclude={"dropped"}),
        "source": scored.source.origin,
        "calls": [
            {"prompt": _text(request), "reply": _text({"messages": [response["message"]]})}
            for request, response in session.journal.made(scored.spent.keys)
        ],
        "tokens": sum(scored.spent.tokens()),
        "dollars": session.cost(scored.spent.tallies),
    }


def _text(request: dict[str, Any]) -> str:
    return "\n\n".join(message["text"] for message in messages(request))
