"""What a call may cost is set aside before it is sent, and what it did cost is booked when its reply is there."""

from dspy import lm15

from seedbed.engines.engine import Engine, Wrapped, free
from seedbed.ledger import Ledger
from seedbed.prices import Price


class Budgeted(Wrapped):
    """An engine of ONE attempt a call, each booked in the ledger.

    Args:
        alias: whose spending it is. price: None where it is unknown; under a cap in dollars no call is then made.

    `complete` raises BudgetReached where a cap leaves no room, UserError where the ledger cannot be written.
    """

    def __init__(self, engine: Engine, ledger: Ledger, alias: str, price: Price | None) -> None:
        super().__init__(engine)
        self.ledger, self.alias, self.price = ledger, alias, price

    async def complete(self, request: lm15.Request) -> lm15.Response:
        reservation = await self.ledger.reserve(self.alias, self.price.most(request) if self.price else None)
        try:
            response = await self.engine.complete(request)
        except BaseException as error:  # a cancellation too leaves a call that may have cost something
            (self.ledger.free if free(error) else self.ledger.keep)(reservation)
            raise
        self.ledger.settle(reservation, self.price.paid(response.usage) if self.price else None)
        return response
