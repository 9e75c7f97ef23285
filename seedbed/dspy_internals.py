"""Every name of DSPy's that is not in its documentation and that we use: a new DSPy is tried here first.

`tests/seedbed/test_dspy_internals.py` says of each what we rely on; the private methods that our subclasses override or
call are held there too.
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
