"""What a person should know of the language of his seeds: which rules hold, and whether the embedder reads it."""

from optimize.splits import spread
from programs.core.embedding import Embed
from seedbed.project.project import Project

FEWEST = 4  # passages among which one can be found
OTHERS = 40  # passages that no seed is on
FOUND = 0.5  # of the seeds' questions: below, the embedder hardly tells one passage from another


def language_line(project: Project) -> str:
    """Whether rules of English words hold, and what to set where that is wrong."""
    said = "as language: says" if project.config.language else "by their words"
    if project.manner.english:
        return f"English, {said}: rules of English words hold"
    return (
        f"not English, {said}: questions are held to the seeds' own shape, rules of English words are off, and the "
        "shipped metric knows less (docs/languages.md); verdicts in this language teach it"
    )


def embedder_line(project: Project, embed: Embed) -> str:
    """For how many of the seeds' questions the embedder finds the passage each is on, among all of theirs and some of
    other documents; empty where there are too few. It says what to do where the embedder hardly tells them apart."""
    asked = [seed for seed in project.seeds if seed.asked and getattr(seed, "document", None)]
    own = list(dict.fromkeys(seed.document for seed in asked))
    others = [project.sources[place] for place in spread(range(len(project.sources)), OTHERS)]
    if len(own) + len(others) < FEWEST or not asked:
        return ""
    vectors = embed([*own, *(source.inputs["document"] for source in others)])
    cosines = embed([seed.asked for seed in asked]) @ vectors.T
    for row, seed in zip(cosines, asked, strict=True):  # a passage of the same document may be as near
        group = project.group(seed)
        row[[len(own) + place for place, source in enumerate(others) if source.group == group]] = -1
    found = sum(
        place < len(own) and own[place] == seed.document for place, seed in zip(cosines.argmax(1), asked, strict=True)
    )
    line = f"finds the passage of {found} of {len(asked)} seeds' questions among {len(own) + len(others)}"
    if found >= FOUND * len(asked):
        return line
    return f"{line}, so it hardly reads them: name one of their language under embedder:, and a strong judge"
