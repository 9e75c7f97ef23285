"""Removes the thoughts that a reasoning model writes before its reply; they are never part of the reply."""

import re

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think|antml:thinking"
_TAG = re.compile(
    rf"(?:<|&lt;)\s*(?P<ends>/?)\s*(?:{_NAMES})\b(?:[^<>&\n]*>|[^<>&\n]*&gt;)"
    r"|[\[\u25c1]\s*(?P<shut>/?)\s*(?:THINK|think)\s*[\]\u25b7]"
    r"|<\|(?P<word>START|END)_THINKING\|>"
    r"|<unused(?P<gemma>94|95)>",
    re.IGNORECASE,
)
_FINAL = re.compile(r"<\|channel\|>\s*final\s*(?:<\|constrain\|>\s*\w+\s*)?<\|message\|>|\bassistantfinal(?=\S)")
_CHANNEL = re.compile(r"<\|channel\|>|\Aanalysis(?=[A-Z])")
_CONTROL = re.compile(
    r"<\|(?:end|return|start|call|im_end|im_start|eot_id|endoftext|end_of_text|end_of_turn|START_RESPONSE|END_RESPONSE"
    r"|begin_of_box|end_of_box)\|>|</?s>(?=\s*\Z)|<end_of_turn>",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\A\s*(?:<\|im_start\|>|<\|start_header_id\|>|<\|start\|>)\s*assistant\s*(?:<\|end_header_id\|>)?", re.IGNORECASE
)
_BEFORE = re.compile(r"(?:\A|\n|\]\]|[:\uff1a]\**|\")[^\S\n]*\Z")  # a thought begins a reply, a line, or a value


def without_thoughts(reply: str) -> str:
    """The reply without thoughts. Raises ValueError where the thoughts are unclear: one does not end, or its tag stands
    within a sentence."""
    text = _final_channel(reply)
    if not (tag := _TAG.search(text)):
        return text
    if _ends(tag):  # the chat template opened the thought
        text = text[tag.end() :]
    while tag := _TAG.search(text):
        if _ends(tag) or not _BEFORE.search(text, 0, tag.start()):
            raise ValueError("a tag of a thought within the reply")
        text = text[: tag.start()] + text[_end_of(text, tag) :].lstrip()
    return text


def thoughts_before(reply: str) -> str:
    """The thoughts with which a reply begins, without their tags; empty if it begins with none, or they are unclear."""
    if not _TAG.search(reply):
        return ""
    try:
        rest = without_thoughts(reply)
    except ValueError:
        return ""
    return _TAG.sub("", reply.removesuffix(rest)).strip() if reply.endswith(rest) else ""


def _end_of(text: str, start: re.Match[str]) -> int:
    """The end of the thought that a tag opens, past the thoughts within it."""
    depth = 1
    for tag in _TAG.finditer(text, start.end()):
        depth += -1 if _ends(tag) else 1
        if not depth:
            return tag.end()
    raise ValueError("a thought that does not end")


def _ends(tag: re.Match[str]) -> bool:
    return bool(tag["ends"] or tag["shut"]) or (tag["word"] or "").upper() == "END" or tag["gemma"] == "95"


def _final_channel(reply: str) -> str:
    """The final channel of gpt-oss, which is the reply; without the turn marks of any model."""
    if _CHANNEL.search(reply):
        finals = list(_FINAL.finditer(reply))
        if len(finals) != 1:
            raise ValueError("thoughts without a final channel")
        reply = reply[finals[0].end() :]
    if "<" not in reply:
        return reply
    return next((turn for turn in _CONTROL.split(_TURN.sub("", reply)) if turn.strip()), "")
