"""A recharge: what to buy when the balance drops, and the outcome of its charges.

It is on, or off after three failed charges in a row, a dispute, or an operator's act. A charge belongs to one
drop and one order.
"""

from typing import Final, Literal

import msgspec

from billing.ledger.money import cents_to_micros
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import InvalidInput
from kernel.tenant import Tenant

ORIGIN: Final = "recharge"
FAILURES_MAX: Final = 3
# After the first and second declined charge of a drop; the third disables it.
RETRIES_US: Final = (HOUR_US, DAY_US)
# Between checks of a charge with an unknown outcome; the last one repeats.
ASKS_US: Final = (15 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 15 * MINUTE_US, HOUR_US)
BELOW_CENTS_MAX: Final = 100_000_000
AMOUNT_CENTS_MIN: Final = 100
AMOUNT_CENTS_MAX: Final = 1_000_000
MONTHLY_CENTS_MAX: Final = 100_000_000

OffReason = Literal["failures", "operator", "dispute"]


class Recharge(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    account_id: str
    environment: str
    provider: str
    is_simulated: bool = False
    customer_ref: str
    method_ref: str
    brand: str
    last4: str
    below_cents: int
    amount_cents: int
    monthly_max_cents: int
    failures: int = 0
    disabled_reason: OffReason | None = None
    retry_at: int | None = None
    changed_at: int

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def is_on(self) -> bool:
        return self.disabled_reason is None

    @property
    def below_micros(self) -> int:
        return cents_to_micros(self.below_cents)

    @property
    def method(self) -> str:
        return f"{self.brand} {self.last4}"


class FallCharge(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    order_id: str
    account_id: str
    environment: str
    month: str
    amount_cents: int
    customer_ref: str
    method_ref: str
    method: str
    sent_at: int | None = None
    next_at: int | None = None
    asked: int = 0
    is_counted: bool = True
    reason: str | None = None
    url: str | None = None
    disputed_at: int | None = None
    created_at: int

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)


def check_limits(below_cents: int, amount_cents: int, monthly_max_cents: int) -> None:
    bounds = (
        ("below_cents", below_cents, 1, BELOW_CENTS_MAX),
        ("amount_cents", amount_cents, AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX),
        ("monthly_max_cents", monthly_max_cents, amount_cents, MONTHLY_CENTS_MAX),
    )
    for param, value, least, most in bounds:
        if not least <= value <= most:
            raise InvalidInput("{param} is {least} to {most}", param=param, least=least, most=most)


def month_of(own_now_us: int) -> str:
    return rfc3339(own_now_us)[:7]


def next_check_at(asked: int, now_us: int) -> int:
    return now_us + ASKS_US[min(asked, len(ASKS_US)) - 1]
