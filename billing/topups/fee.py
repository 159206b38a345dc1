"""What is charged on top of an amount: a fixed part and a share of it. Whole cents, rounded up once."""

from typing import Final

import msgspec

BASIS_POINTS_MAX: Final = 10_000
FEE_CENTS_MAX: Final = 100_000_000
_WHOLE: Final = 10_000


class FeeRule(msgspec.Struct, frozen=True, gc=False):
    """fixed_cents and basis_points (hundredths of a percent of the amount) are added up.

    The sum is at least min_cents, and at most max_cents; max_cents null: no upper bound.
    """

    fixed_cents: int = 0
    basis_points: int = 0
    min_cents: int = 0
    max_cents: int | None = None

    def cents(self, amount_cents: int) -> int:
        """Return the fee of that amount, in cents."""
        exact = self.fixed_cents * _WHOLE + amount_cents * self.basis_points
        fee_cents = max(-(-exact // _WHOLE), self.min_cents)
        return fee_cents if self.max_cents is None else min(fee_cents, self.max_cents)


def earned_cents(status: str, fee_cents: int) -> int:
    """Return how much of its fee a top-up in that state has earned; the schema's own rule is the same."""
    return fee_cents if status in {"delivered", "reversing"} else 0
