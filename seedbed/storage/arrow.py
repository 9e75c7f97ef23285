"""The Arrow type of a field of a candidate, by its annotation."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

_SCALARS = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def arrow_type(annotation: Any) -> pa.DataType:
    """The column type of `str`, `bool`, `int` or `float`; of a `Literal` or an `Optional` of these, of a list, and of a
    pydantic model, which is a struct. Raises TypeError for anything else, such as a dict or a union of two types."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if origin is list:
        return pa.list_(arrow_type(arguments[0]))
    if origin is Literal:
        return _only(annotation, {type(value) for value in arguments})
    if origin in (Union, types.UnionType):
        return _only(annotation, {argument for argument in arguments if argument is not type(None)})
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(arrow_fields(annotation))
    raise TypeError(f"a row has no column for {annotation}")


def arrow_fields(model: type[BaseModel]) -> list[tuple[str, pa.DataType]]:
    """Name and type of each field of a model, in order. Raises TypeError that names the field without a type."""
    fields = list[tuple[str, pa.DataType]]()
    for name, field in model.model_fields.items():
        try:
            fields.append((name, arrow_type(field.annotation)))
        except TypeError as error:
            raise TypeError(f"{model.__name__}.{name}: {error}") from error
    return fields


def _only(annotation: Any, kinds: set[Any]) -> pa.DataType:
    if len(kinds) != 1:
        raise TypeError(f"a row has no column for {annotation}")
    return arrow_type(kinds.pop())
