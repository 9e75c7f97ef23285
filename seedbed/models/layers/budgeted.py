"""What a call may cost is set aside before it is sent, and what it did cost is booked when its reply is there."""

from dspy import lm15

from seedbed.models.call_context import call_context
from seedbed.models.engines.engine import Engine, Wrapped, free
from seedbed.models.prices import Price
from seedbed.storage.spending import SpendingStore


class Budgeted(Wrapped):
    """An engine of ONE attempt a call, each booked in the ledger.

    Args:
        alias: whose spending it is. price: None where it is unknown; under a cap in dollars no call is then made.
        resumes: a call that was stopped goes on elsewhere and is taken up when it is asked again, so that what was set
        aside for it (by `CallContext.key`, its key in the journal) stands and is not set aside once more.

    `complete` raises BudgetReached where a cap leaves no room, UserError where the ledger cannot be written.
    """

    def __init__(
        self, engine: Engine, ledger: SpendingStore, alias: str, price: Price | None, *, resumes: bool = False
    ) -> None:
        super().__init__(engine)
        self.ledger, self.alias, self.price, self._resumes = ledger, alias, price, resumes

    async def complete(self, request: lm15.Request) -> lm15.Response:
        most = self.price.most(request) if self.price else None
        call = call_context().key if self._resumes else ""
        reservation = await self.ledger.reserve(self.alias, most, call=call)
        try:
            response = await self.engine.complete(request)
        except BaseException as error:  # a cancellation too leaves a call that may have cost something
            (self.ledger.free if free(error) else self.ledger.keep)(reservation)
            raise
        self.ledger.settle(reservation, self.price.paid(response.usage) if self.price else None)
        return response
