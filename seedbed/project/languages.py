"""Notes on the language of a person's seeds: which rules apply, and whether the embedder understands it."""

from optimize.splits import spread
from programs.core.embedding import Embed
from seedbed.project.project import Project

FEWEST = 4  # passages that are needed for a search among them
OTHERS = 40  # passages beside those of the seeds
FOUND = 0.5  # share of the seeds' questions: below it, the embedder hardly distinguishes passages


def language_line(project: Project) -> str:
    """Whether rules for English words apply, and the reason."""
    reason = "as language: says" if project.config.language else "by their words"
    if project.inputs.manner.english:
        return f"English, {reason}: rules of English words hold"
    return (
        f"not English, {reason}: questions must have the shape of the seeds, rules of English words are off, and the "
        "shipped metric knows less (docs/languages.md); verdicts in this language help it"
    )


def embedder_line(project: Project, embed: Embed) -> str:
    """How many of the seeds' questions the embedder matches with their own passage, among all seeds' passages and some
    others; empty if there are too few. Adds what to do if the embedder hardly distinguishes them."""
    seeds = [seed for seed in project.inputs.seeds if seed.shown and getattr(seed, "document", None)]
    own = list(dict.fromkeys(seed.document for seed in seeds))
    picked = [project.inputs.sources[place] for place in spread(range(len(project.inputs.sources)), OTHERS)]
    sources = [source for source in picked if source.inputs.get("document")]
    if len(own) + len(sources) < FEWEST or not seeds:
        return ""
    vectors = embed([*own, *(source.inputs["document"] for source in sources)])
    cosines = embed([seed.shown for seed in seeds]) @ vectors.T
    for row, seed in zip(cosines, seeds, strict=True):  # another passage of the same document may be as near
        group = project.group(seed)
        row[[len(own) + place for place, source in enumerate(sources) if source.group == group]] = -1
    hits = sum(
        place < len(own) and own[place] == seed.document for place, seed in zip(cosines.argmax(1), seeds, strict=True)
    )
    line = f"finds the passage of {hits} of {len(seeds)} seeds' questions among {len(own) + len(sources)}"
    if hits >= FOUND * len(seeds):
        return line
    return f"{line}, so it hardly reads them: name one of their language under embedder:, and a strong judge"
