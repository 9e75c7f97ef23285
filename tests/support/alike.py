"""Our adapters beside DSPy's, the signatures to try them on, and how two outcomes are compared."""

import enum
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Literal, Optional

import dspy
import pydantic

import signatures
from programs.formats.formats import FORMATS


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Place(pydantic.BaseModel):
    name: str
    size: int = 1


class Odd(dspy.Signature):
    """Read what
    stands there."""

    note: str = dspy.InputField()
    notes: list[str] = dspy.InputField(default=["none"])
    place: Place = dspy.InputField()
    count: int = dspy.OutputField()
    share: float = dspy.OutputField(desc="a part")
    sure: bool = dspy.OutputField()
    grade: Literal[1, 2, "2", True] = dspy.OutputField()
    ranks: list[int] = dspy.OutputField()


class Odder(dspy.Signature):
    """Read it again."""

    note: str = dspy.InputField()
    completed: str = dspy.OutputField()
    colour: Colour = dspy.OutputField()
    where: Place = dspy.OutputField()
    table: dict[str, int] = dspy.OutputField()
    maybe: Optional[str] = dspy.OutputField()  # noqa: UP045
    fallen: int = dspy.OutputField(default=3)


def ours_and_theirs() -> dict[str, tuple[dspy.Adapter, dspy.Adapter]]:
    theirs = {
        "chat": dspy.ChatAdapter(use_json_adapter_fallback=False),
        "json": dspy.JSONAdapter(use_native_function_calling=False),
    }
    return {name: (FORMATS[name], adapter) for name, adapter in theirs.items()}


def every_signature() -> list[type[dspy.Signature]]:
    """Those of the project, and two with annotations the project does not use."""
    found = pkgutil.walk_packages(signatures.__path__, "signatures.")
    modules = [importlib.import_module(module.name) for module in found]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type(dspy.Signature))}
    return [*sorted(found - {dspy.Signature}, key=lambda one: one.__name__), Odd, Odder]


PAIRS, SIGNATURES = ours_and_theirs(), every_signature()


def outcome(work: Callable[..., Any], *given: Any) -> tuple[Any, ...]:
    """What it gave, with its types, or the kind of its error."""
    try:
        return ("gave", repr(work(*given)))
    except Exception as error:
        return ("raised", type(error), getattr(error, "lm_response", None))
