"""What calls took: their number, their tokens, and the seconds of their models."""

import dataclasses

from dspy import lm15

BY_BATCH = lm15.Adaptation("batch", "satisfied", "the provider's batch service answered, at half the price")
"""The note on a reply of a batch service, so that this is known after the process that asked has ended."""


def by_batch(response: lm15.Response) -> bool:
    """Whether a batch service answered."""
    return BY_BATCH in response.adaptations


@dataclasses.dataclass
class Tally:
    """Calls and tokens; `replayed` calls came from the journal, or from an equal call in flight, and cost nothing;
    the `paid` tokens are the others'. `seconds` is the time in which the model was at work, whatever ran at once, and
    without its waits for another's turn; a replayed call counts as it did when it was paid. The `batch` tokens are
    those of replies of a batch service, which asks half the price. `untold` counts the calls whose usage the server
    did not tell."""

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    paid_input: int = 0
    paid_output: int = 0
    seconds: float = 0.0
    batch_input: int = 0
    batch_output: int = 0
    untold: int = 0

    def add(self, response: lm15.Response, seconds: float, *, replayed: bool) -> None:
        """Count one reply. A token count the server did not give is 0."""
        self.calls += 1
        self.seconds += seconds
        self.replayed += replayed
        self.untold += not (response.usage.input_tokens and response.usage.output_tokens is not None)
        read, written = response.usage.input_tokens or 0, response.usage.output_tokens or 0
        self.input_tokens, self.output_tokens = self.input_tokens + read, self.output_tokens + written
        if not replayed:
            self.paid_input, self.paid_output = self.paid_input + read, self.paid_output + written
        if by_batch(response):
            self.batch_input, self.batch_output = self.batch_input + read, self.batch_output + written
