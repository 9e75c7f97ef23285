"""Money set aside and spent, and the contract of what books it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Spending:
    """What calls took. `usd` is None where the price of some was unknown. `unanswered` of them, at `unanswered_usd`,
    brought no reply (yet, or ever: timeouts, broken connections, kills) and count as the most they can have cost."""

    calls: int
    usd: float | None
    unanswered: int
    unanswered_usd: float


@dataclass(frozen=True, eq=False)
class Reservation:
    """What is set aside for a call, or for several; `nano` is None where the price is unknown. `call` names one that
    may be taken up again."""

    alias: str
    calls: int
    nano: int | None
    call: str = ""


class SpendingStore(Protocol):
    """Where engines reserve what a call may cost: the project's `Ledger`, or the `WorkerLedger` of a Ray worker, which
    asks the driver's. Used on the event loop only. Every reservation is ended exactly once."""

    @property
    def counts_calls(self) -> bool:
        """Whether there is a cap on calls, so that those that cost nothing must be booked too."""

    async def reserve(self, alias: str, usd: float | None, calls: int = 1, call: str = "") -> Reservation:
        """Set aside the most that calls can cost, dollars. Raises BudgetReached where no room is left under a cap,
        UserError for an unknown price (None) under a cap in dollars."""

    def settle(self, reservation: Reservation, usd: float | None) -> None:
        """A reply came and cost this much; None, which is unknown, leaves the reservation as it is."""

    def free(self, reservation: Reservation) -> None:
        """The call certainly cost nothing."""

    def keep(self, reservation: Reservation) -> None:
        """The call brought no reply and may have cost all of it."""
