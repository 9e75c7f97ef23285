"""Reads a file of labels: the classes of a task, each with its definition and examples."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from programs.core.row import Source, digest
from seedbed.encodings import decode
from seedbed.errors import Unreadable, UserError
from seedbed.sources.source_set import Request, SourceSet

Text = Annotated[str, Field(min_length=1)]
_SHAPE = "A task is {task: TEXT, labels: {NAME: {definition: TEXT, examples: [TEXT, ...]}}}; a file has one or a list."


class Label(BaseModel):
    """A label: what it means, and texts that have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    definition: Text
    examples: list[Text] = Field(default_factory=list)


class LabelTask(BaseModel):
    """A classification task: what is asked, and its labels by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    task: Text
    labels: dict[Text, Label] = Field(min_length=2)


_TASKS = TypeAdapter(Annotated[list[LabelTask], Field(min_length=1)])


def read_labels(request: Request) -> SourceSet:
    """One source per label, whose group is `task/label`. Raises UserError if `sources.labels` names no file, or if
    the file cannot be read or has another shape."""
    name = request.config.sources.labels
    if name is None:
        raise UserError(
            f"{request.recipe.name} starts from labels, but sources.labels names none.",
            hint="Name a YAML or JSON file of labels under sources: labels:.",
        )
    tasks = label_tasks(request.base / name)
    return SourceSet([_source(task, label) for task in tasks for label in task.labels])


def label_tasks(path: Path) -> list[LabelTask]:
    """The tasks of a file of labels, YAML or JSON. Raises UserError that names the file and each problem, with its line
    and key."""
    text = _text(path)
    value, tree = _parsed(path, text), _tree(text)
    if twice := list(_repeated_keys(tree)):
        raise _bad(path, twice)
    try:
        tasks = _TASKS.validate_python(value if isinstance(value, list) else [value])
    except ValidationError as error:
        raise _bad(path, _problems(error, tree, is_list=isinstance(value, list))) from error
    if repeated := [task for task, count in Counter(task.task for task in tasks).items() if count > 1]:
        raise _bad(path, [(None, f"the task {task!r} is there more than once") for task in repeated])
    return tasks


def _text(path: Path) -> str:
    try:
        return decode(path.read_bytes())[0]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", hint="Correct sources.labels.") from error
    except Unreadable as error:
        raise _bad(path, [(None, str(error))]) from error


def _parsed(path: Path, text: str) -> Any:
    """The value of the file. All scalars of YAML stay texts, so that a label may be called yes, no or 1."""
    try:
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        raise _bad(path, [(line, " ".join(str(getattr(error, "problem", error)).split()))]) from error


def _source(task: LabelTask, name: str) -> Source:
    label = task.labels[name]
    inputs = {"task": task.task, "label": name, **label.model_dump(), "labels": list(task.labels)}
    key = json.dumps(inputs, ensure_ascii=True)
    return Source(
        id=digest("label", key),
        group=f"{task.task}/{name}",
        inputs=inputs,
        origin={"task": task.task, "label": name},
    )


Problem = tuple[int | None, str]
"""The line of a problem, if it is known, and the problem in words."""


def _bad(path: Path, problems: Iterable[Problem]) -> UserError:
    lines = [f"  {path.name}{f':{line}' if line else ''}: {problem}" for line, problem in problems]
    return UserError("\n".join([f"{path} is no file of labels:", *lines]), hint=_SHAPE)


def _problems(error: ValidationError, tree: yaml.Node | None, *, is_list: bool) -> Iterator[Problem]:
    for problem in error.errors(include_url=False, include_context=False):
        keys = problem["loc"] if is_list else problem["loc"][1:]
        message = f"{problem['msg'][0].lower()}{problem['msg'][1:]}"
        yield _line(tree, keys), f"{'.'.join(map(str, keys)) or 'the file'}: {message}"


def _tree(text: str) -> yaml.Node | None:
    """The nodes of the file, which know their lines. JSON is YAML, but for the tabs between its values."""
    with contextlib.suppress(yaml.YAMLError, RecursionError):
        return yaml.compose(text.replace("\t", " "), Loader=yaml.BaseLoader)
    return None


def _line(node: yaml.Node | None, keys: Sequence[int | str]) -> int | None:
    """The line of the last of these keys that is in the file; None without a tree."""
    line = node.start_mark.line + 1 if node else None
    for key in keys:
        children: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            children = {name.value: (name, child) for name, child in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {place: (child, child) for place, child in enumerate(node.value)}
        if key not in children:
            break
        place, node = children[key]
        line = place.start_mark.line + 1
    return line


def _repeated_keys(node: yaml.Node | None) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: the first of them would be lost."""
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for name, child in node.value:
            if name.value in seen:
                yield name.start_mark.line + 1, f"{name.value}: it is there twice"
            seen.add(name.value)
            yield from _repeated_keys(child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _repeated_keys(child)
