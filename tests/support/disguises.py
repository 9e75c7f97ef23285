"""The disguises in which models send a right reply: what they think before it, and what they put around it."""

import json
from typing import Any

from hypothesis import strategies as st

WORDS = st.lists(
    st.sampled_from(
        [
            "The",
            "lamp,",
            "at",
            "St.",
            "Ives;",
            "was",
            "lit",
            "(twice)",
            "in",
            "1906",
            "by",
            "é",
            "漢",
            "-",
            "or",
            "3/4",
            "'so'",
            "no",
            "yes",
        ]
    ),
    min_size=1,
    max_size=6,
)
TEXT = WORDS.map(lambda words: "It " + " ".join(words) + ".")
WRONG = [
    "[[ ## answer ## ]]\nWRONG\n\n[[ ## verdict ## ]]\nno\n\n[[ ## grade ## ]]\n1\n\n[[ ## completed ## ]]",
    '{"answer": "WRONG", "verdict": "no", "grade": 1, "points": ["WRONG"]}',
    "Answer: WRONG\nVerdict: no\nGrade: 1",
    "Let me see. The answer is no. Final verdict: no. Grade: 1/3.",
    "<answer>WRONG</answer>",
    "```json\n{}\n```",
    "no",
    "{ [[ ## ",
    "",
]
THOUGHT = st.lists(st.sampled_from(WRONG) | TEXT, max_size=4).map("\n".join)
OPENED = [
    ("<think>", "</think>"),
    ("<thinking>\n", "\n</thinking>"),
    ("<Thought type='long'>", "</Thought>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("", "</think>"),
]


def thoughtful(reply: str) -> st.SearchStrategy[str]:
    """The reply behind a thought that holds anything."""
    made = st.tuples(st.sampled_from(OPENED), THOUGHT, st.sampled_from(["", "\n", "\n\n"]))
    return made.map(lambda part: part[0][0] + part[1] + part[0][1] + part[2] + reply)


def endless(reply: str) -> st.SearchStrategy[str]:
    """A thought that goes over into the reply without an end."""
    return st.tuples(st.sampled_from(OPENED[:-1]), THOUGHT).map(lambda part: part[0][0] + part[1] + "\n" + reply)


def marked(fields: dict[str, Any]) -> st.SearchStrategy[str]:
    """DSPy's chat format, as models write it."""
    shapes = st.sampled_from(
        [
            "[[ ## {} ## ]]\n{}\n\n",
            "[[ ## {} ## ]] {} ",
            "  [[ ## {} ## ]]\n  {}\n\n",
            "\t[[ ## {} ## ]]\t{}\n",
            "**[[ ## {} ## ]]**\n{}\n",
            "`[[ ## {} ## ]]`\n{}\n",
            "[[## {} ##]]\n{}\n",
            "[[  ##  {}  ##  ]]{}\n",
            "[[ ## {} ## ]]\r\n{}\r\n\r\n",
            "[ ## {} ## ]\n{}\n",
            "[[ ## {} ## ]\n{}\n",
            "## {} ##\n{}\n",
            "[[ ## {} ## ]]\n```\n{}\n```\n",
            "[[ ## {} ## ]]\n```text\n{}\n```\n\n",
            "[[ ## {0} ## ]]\n<{0}>{1}</{0}>\n",
            '[[ ## {0} ## ]]\n{{"{0}": "{1}"}}\n',
        ]
    )
    ends = st.sampled_from(
        ["[[ ## completed ## ]]", "", "[[ ## compl", "[[ ## completed ## ]]\n\n[[ ## answer ## ]]\nWRONG"]
    )
    before = st.sampled_from(["", "Sure! Here you go:\n\n", "```\n", "\ufeff", "I have read it.\n"])
    pieces = st.tuples(before, shapes, ends)
    return pieces.map(lambda part: part[0] + "".join(part[1].format(n, _text(v)) for n, v in fields.items()) + part[2])


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list) else str(value)


def as_object(fields: dict[str, Any]) -> st.SearchStrategy[str]:
    """A JSON object, as models write it."""
    listed = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    spoilt = {name: [value, "WRONG"] if isinstance(value, str) else {"WRONG": value} for name, value in fields.items()}
    written = [
        *(json.dumps(values, ensure_ascii=False) for values in (fields, listed, spoilt, {**fields, "note": "WRONG"})),
        json.dumps(fields, indent=2),
        json.dumps({"response": fields}),
        json.dumps([fields]),
        json.dumps({name.capitalize(): value for name, value in fields.items()}),
        json.dumps(dict.fromkeys(fields, None)),
        json.dumps(fields)[:-1] + ",}",
        json.dumps(fields)[:-1],
        json.dumps(fields) + json.dumps(dict.fromkeys(fields, "WRONG")),
        repr(fields),
        json.dumps(fields).replace('"', "'"),
        json.dumps(json.dumps(fields)),
    ]
    around = st.sampled_from(
        ["{}", "```json\n{}\n```", "```\n{}", "Here it is: {}", "{}\n\nI hope this helps {{}}!", "{{ {}"]
    )
    return st.tuples(around, st.sampled_from(written)).map(lambda part: part[0].format(part[1]))


def labelled(fields: dict[str, Any]) -> st.SearchStrategy[str]:
    """`Label: value` lines, as models write them."""
    shapes = st.sampled_from(
        [
            "{}: {}\n",
            "**{}:** {}\n",
            "**{}**: {}\n",
            "{}:\n{}\n",
            "- {}: {}\n",
            "{}：{}\n",
            "## {}\n{}\n",
            "**{}**\n{}\n",
            "{}: {}\n\n",
            "## {}: {}\n",
        ]
    )
    before = st.sampled_from(["", "Sure, here it is:\n\n", "Note: WRONG\n", "```\n"])
    after = st.sampled_from(["", "\n\nNote: WRONG\nAnswer: WRONG", "\n\nI hope this helps."])

    def joined(part: tuple[str, str, str]) -> str:
        return (
            part[0]
            + "".join(part[1].format(name.capitalize(), _lines(value)) for name, value in fields.items())
            + part[2]
        )

    return st.tuples(before, shapes, after).map(joined)


def _lines(value: Any) -> str:
    return "".join(f"\n{n}. {item}" for n, item in enumerate(value, 1)) if isinstance(value, list) else str(value)


def decided(value: Any) -> st.SearchStrategy[str]:
    """One decision, as judges write it."""
    said = [
        "{}",
        "{}.",
        "**{}**",
        '"{}"',
        "`{}`",
        "[{}]",
        "[[{}]]",
        "\\boxed{{{}}}",
        "The answer is {}.",
        "Verdict: {}",
        "# {}",
    ]
    said += [
        "{}, because it stands there.",
        "{}\n\nIt says so.",
        "{} - it is so",
        "Final answer: **{}**",
        "({})",
        "{}!",
        "['{}']",
    ]
    said += [
        "I think it is {}",
        "Not {}",
        "{} or no",
        "Either {} or 1",
        "{}, but",
        "It stands there. Verdict: {}.",
        "{}\u200b",
    ]
    cased = st.sampled_from([str, str.upper, str.capitalize])
    return st.tuples(st.sampled_from(said), cased).map(lambda part: part[0].format(part[1](str(value))))
