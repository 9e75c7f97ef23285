"""Reserves the highest cost of a call before it is sent, and books its real cost when the reply comes."""

from dspy import lm15

from seedbed.models.call_context import call_context
from seedbed.models.engines.engine import Engine, Wrapped, free
from seedbed.models.prices import Price
from seedbed.storage.spending import SpendingStore


class Budgeted(Wrapped):
    """Books ONE attempt per call in the ledger.

    Args:
        alias: the model that spends. price: None if it is unknown; then no call is made under a cap in dollars.
        resumes: a stopped call continues at the provider, and the next request for it takes it up. So its reservation
        (named by `CallContext.key`, its key in the journal) stays and is not made a second time.

    `complete` raises BudgetReached if a cap leaves no room, UserError if the ledger cannot be written.
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
        except BaseException as error:  # a cancelled call too may have cost something
            (self.ledger.free if free(error) else self.ledger.keep)(reservation)
            raise
        self.ledger.settle(reservation, self.price.paid(response.usage) if self.price else None)
        return response
