"""A scripted teacher: it reads the prompt it is sent, in any message format, and answers from its document.

Tests reach it as `model: scripted/teacher.py`, like any other model. A reply is a question about a number of the
document and that number's sentence; every seventh document gets a bad question, so that gates have work to do.
"""

import re
import time
from pathlib import Path

COUNT = Path(__file__).with_name("calls.txt")  # one character a call, so that tests can count what was paid


def reply(prompt: str, draw: int) -> str:
    """The reply to a prompt, in the format the prompt asks for."""
    with COUNT.open("a", encoding="utf-8") as file:
        file.write(".")
    if (slow := Path(__file__).with_name("slow.txt")).exists():
        time.sleep(float(slow.read_text(encoding="utf-8")))
    return _written(_answers(prompt, draw), prompt)


def _answers(prompt: str, draw: int) -> dict[str, str]:
    document = _last(prompt, "document")
    sentence = _sentence(document, draw)
    if "verdict" in _wanted(prompt):
        answer = _last(prompt, "answer") or _last(prompt, "question")
        good = all(word in document for word in re.findall(r"\d+", answer))
        return {"reasoning": "compared with the document", "verdict": "yes" if good else "no"}
    if "answer" in _wanted(prompt):
        subject = _last(prompt, "question").rstrip("?").split(" about ")[-1]
        found = [one for one in _sentences(document) if subject.lower() in one.lower()]
        return {"answer": found[0] if found else "The document does not say."}
    if len(document) % 7 == 0:
        return {"question": "What is the main idea of the document?"}
    subject = " ".join(sentence.split()[:6]).strip(".,;:")
    return {"question": f"What does it say in particular about {subject}?"}


def _wanted(prompt: str) -> str:
    tail = prompt[-400:].lower()
    return tail[tail.rfind("respond with") :] if "respond with" in tail else tail.rsplit("\n", 1)[-1]


def _written(answers: dict[str, str], prompt: str) -> str:
    if "JSON object" in prompt[-500:]:
        body = ", ".join(f'"{name}": "{value}"' for name, value in answers.items())
        return "{" + body + "}"
    if "[[ ##" in prompt:
        return (
            "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in answers.items()) + "\n\n[[ ## completed ## ]]"
        )
    first, *others = answers.items()
    return "\n".join([first[1], *(f"{name.capitalize()}: {value}" for name, value in others)])


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
