"""A look at a few candidates, each with its calls as the model saw them."""

from collections.abc import Callable
from typing import Any

from optimize.scoring import Scored, score_program
from programs.core.program import run_sync
from seedbed.compiling.programs import open_cascade
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.storage.run_reader import messages


def preview_rows(project: Project, n: int, *, uncompiled: bool, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """What the first n sources of the feed give: verdict, scores, calls, tokens and dollars of each."""
    for line in project.said_of_sources():
        say(line)
    feed = project.feed()
    sources = [source for position in range(n) if (source := feed.take(position))]
    with Session(project, project.journal) as session:
        cascade, metric = open_cascade(session, uncompiled=uncompiled, say=say)
        scored = run_sync(score_program(cascade[0].program, sources, metric, session.scope))
        return [_shown(session, one) for one in scored]


def preview_text(shown: dict[str, Any]) -> str:
    """One candidate for the terminal."""
    lines = [
        f"=== {shown['verdict']}   score {shown['score']:.2f}   tokens {shown['tokens']}   "
        f"cost {'unknown' if shown['dollars'] is None else '${:.4f}'.format(shown['dollars'])}"
    ]
    for number, call in enumerate(shown["calls"], 1):
        lines += [f"--- call {number}: prompt as sent", call["prompt"], "--- reply", call["reply"]]
    lines += ["--- candidate", *(f"{key}: {value}" for key, value in shown["candidate"].items())]
    lines += [f"{part:>12}  {score:.2f}  {shown['reasons'].get(part, '')}" for part, score in shown["scores"].items()]
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
