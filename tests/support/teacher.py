"""A scripted teacher: it reads the prompt it is sent, in any message format, and answers from its document.

Tests reach it as `model: scripted/teacher.py`, like any other model. A reply is a question about a number of the
document and that number's sentence; every seventh document gets a bad question, so that gates have work to do.
"""

import json
import re
import time
import zlib
from pathlib import Path

from dspy import lm15

PLAINLY = "yes or no."  # how a prompt ends that wants one word
COUNT = Path(__file__).with_name("calls.txt")  # one character a call, so that tests can count what was paid


def reply(prompt: str, draw: int) -> str:
    """The reply to a prompt, in the format the prompt asks for."""
    with COUNT.open("a", encoding="utf-8") as file:
        file.write(".")
    if (slow := Path(__file__).with_name("slow.txt")).exists():
        time.sleep(float(slow.read_text(encoding="utf-8")))
    if (refused := Path(__file__).with_name("refused.txt")).exists() and refused.read_text(encoding="utf-8") in prompt:
        raise lm15.InvalidRequestError("refused")
    if not re.search(r"\[\[ ##|^[A-Z][a-z ]+:", prompt, re.MULTILINE) and not prompt.endswith(PLAINLY):
        return f"It is done like this: {zlib.crc32(prompt.encode()) % 10**6} {draw}."  # the question alone
    return _written(_answers(prompt, draw), prompt)


def _answers(prompt: str, draw: int) -> dict[str, object]:
    document, wanted = _last(prompt, "document"), _wanted(prompt)
    if "grade" in wanted or (_last(prompt, "task") and "reasoning" in wanted):
        return {
            "reasoning": "right and complete",
            **({"grade": 3} if "grade" in prompt.lower() else {"verdict": "yes"}),
        }
    if "verdict" in wanted or "reasoning" in wanted:
        answer = _last(prompt, "claim") or _last(prompt, "answer") or _last(prompt, "question")
        good = all(word in document for word in re.findall(r"\d+", answer))
        return {"reasoning": "compared with the document", "verdict": "yes" if good and document else "no"}
    if "claims" in wanted:
        return {"claims": re.split(r"(?<=[.!?])\s+", _last(prompt, "answer"))}
    mark = f"{zlib.crc32(prompt.encode()) % 10**6} {draw}"
    if "questions" in wanted:
        return {"questions": [f"What is the {word} way to handle case {mark}?" for word in ("best", "first", "safe")]}
    if "proposals" in wanted:
        words = [" ".join(f"{stem}{zlib.crc32(f'{mark}{stem}{n}'.encode()) % 997}" for n in range(9)) for stem in "abc"]
        return {"proposals": [f"Explain {one} to a friend." for one in words]}
    if "input" in wanted or "output" in wanted:
        return {"input": "none", "output": f"Here is what {mark} means."}
    if "document" in wanted:
        return {"document": f"The bridge number {mark} opened in 1931. It is 40 metres long and has two piers."}
    if "answer" in wanted:
        if not document:
            return {"answer": f"It is done like this: {mark}."}
        subject = _last(prompt, "question").rstrip("?").split(" about ")[-1]
        found = [one for one in _sentences(document) if subject.lower() in one.lower()]
        return {"answer": found[0] if found else "The document does not say."}
    if re.search(r"document does not\s+answer|leaves unanswered|missing from this document", prompt):
        return {"question": f"What is left open about {' '.join(reversed(_sentence(document, draw).split()[:6]))}?"}
    if len(document) % 7 == 0:
        return {"question": "What is the main idea of the document?"}
    subject = " ".join(_sentence(document, draw).split()[:6]).strip(".,;:")
    return {"question": f"What does it say in particular about {subject}?"}


def _wanted(prompt: str) -> list[str]:
    """The output fields the prompt asks for; a compact prompt names the first alone."""
    tail = prompt[-400:].lower()
    if tail.endswith(PLAINLY):
        return ["verdict"]
    if "respond with" in tail:
        return re.findall(r"`(?:\[\[ ## )?([a-z_]+)", tail[tail.rfind("respond with") :])
    return [tail.rsplit("\n", 1)[-1].strip(" :")]


def _written(answers: dict[str, object], prompt: str) -> str:
    if prompt.endswith(PLAINLY):
        return str(answers["verdict"])
    if "JSON object" in prompt[-500:]:
        return json.dumps(answers)
    if "[[ ##" in prompt:
        told = {name: json.dumps(value) if isinstance(value, list) else value for name, value in answers.items()}
        return "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in told.items()) + "\n\n[[ ## completed ## ]]"
    first, *others = answers.items()
    listed = "\n".join(f"{n}. {one}" for n, one in enumerate(first[1], 1)) if isinstance(first[1], list) else first[1]
    return "\n".join([str(listed), *(f"{name.capitalize()}: {value}" for name, value in others)])


def _last(prompt: str, field: str) -> str:
    """The last value of an input field in the prompt, in whatever format."""
    marked = re.findall(rf"\[\[ ## {field} ## \]\]\n(.*?)(?=\n\n\[\[ ##|\n\nRespond|\Z)", prompt, re.DOTALL)
    lines = re.findall(rf"^{field.capitalize()}: (.*?)(?=^[A-Z][a-z]+:|\Z)", prompt, re.DOTALL | re.MULTILINE)
    return (marked or lines or [""])[-1].strip()


def _sentences(document: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+", document) if len(one.split()) >= 6]


def _sentence(document: str, draw: int) -> str:
    found = _sentences(document) or [document]
    return found[draw % len(found)]
