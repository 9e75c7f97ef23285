"""All names of DSPy that we use although they are undocumented: check them first for a new DSPy.

`tests/seedbed/test_dspy_internals.py` tests what we rely on for each, and for the private methods that our subclasses
override or call.
"""

from dspy._vendor.lm15.serde import request_from_dict, request_to_dict, response_from_dict, response_to_dict
from dspy.clients.call_result import legacy_output
from dspy.clients.errors import error_boundary
from dspy.clients.execution import _canonical as canonical
from dspy.clients.execution import prepare

__all__ = [
    "canonical",
    "error_boundary",
    "legacy_output",
    "prepare",
    "request_from_dict",
    "request_to_dict",
    "response_from_dict",
    "response_to_dict",
]
