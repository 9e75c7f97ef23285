"""What we rely on of each undocumented name of DSPy's: a test a name, so that an upgrade says which one changed."""

import dspy
import pytest
from dspy import lm15
from dspy.adapters.utils import format_field_value, parse_value
from dspy.teleprompt.gepa import InstructionProposer
from dspy.utils.exceptions import LMError
from support.counting import Counting

from programs.core.step import Step
from programs.formats.formats import FORMATS
from seedbed import dspy_internals
from seedbed.models.lm import Recording, TeacherLM

REQUEST = lm15.Request(model="m", messages=(lm15.Message(role="user", parts=(lm15.TextPart("Hello"),)),))
REPLY = lm15.Response(
    id=None, model="m", message=lm15.Message.assistant("Yes"), finish_reason="stop", usage=lm15.Usage(input_tokens=1)
)


class Asked(dspy.Signature):
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


def test_requests_and_replies_are_dicts_and_back() -> None:
    for value, to, back in (
        (REQUEST, dspy_internals.request_to_dict, dspy_internals.request_from_dict),
        (REPLY, dspy_internals.response_to_dict, dspy_internals.response_from_dict),
    ):
        assert back(to(value)) == value


def test_the_dict_of_a_request_holds_model_and_config_by_these_names() -> None:
    config = lm15.Config(max_tokens=5)
    told = dspy_internals.request_to_dict(lm15.Request(model="m", messages=REQUEST.messages, config=config))
    assert (told["model"], told["config"]["max_tokens"]) == ("m", 5)


def test_an_output_is_the_text_and_what_is_beside_it() -> None:
    assert dspy_internals.legacy_output(REPLY, logprobs=False) == {"text": "Yes"}


def test_within_the_boundary_an_error_of_lm15_is_one_of_dspys() -> None:
    with pytest.raises(LMError) as met, dspy_internals.error_boundary("m", unexpected=True):
        raise lm15.RateLimitError("slowly")
    assert isinstance(met.value.__cause__, lm15.RateLimitError)


def test_a_call_is_prepared_and_its_config_is_made() -> None:
    lm = dspy.LM("openai/m", api_key="k", temperature=0.5)
    options = {"max_tokens": 7, "stop": ["\n"]}
    call = dspy_internals.prepare(lm, None, [{"role": "user", "content": "?"}], options, asynchronous=True)
    config = dspy_internals.canonical(call).config
    assert (config.max_tokens, config.temperature, tuple(config.stop or ())) == (7, 0.5, ("\n",))


def test_an_lm_keeps_the_engine_it_was_given() -> None:
    lm = TeacherLM("m", Counting())
    assert isinstance(lm._async_engine_spec, Recording)


def test_a_predictor_makes_a_prediction_of_the_fields_it_is_given() -> None:
    prediction = Step(Asked)._forward_postprocess([{"answer": "Yes"}], Asked, question="?")
    assert prediction.answer == "Yes"


def test_adapters_ask_for_a_schema_and_read_outputs_by_these_methods() -> None:
    for adapter in FORMATS.values():
        assert callable(adapter._call_postprocess)
    assert callable(dspy.JSONAdapter._prepare_response_format)


def test_values_are_written_and_read_by_these_functions() -> None:
    field = Asked.output_fields["answer"]
    assert format_field_value(field_info=field, value="Yes") == "Yes"
    assert parse_value("3", int) == 3


def test_gepas_own_proposer_takes_our_adapter() -> None:
    assert callable(InstructionProposer(adapter=FORMATS["json"]))
