"""Fees: a fixed part plus a share of the amount, in whole cents, rounded up once."""

from typing import Final

import msgspec

BASIS_POINTS_MAX: Final = 10_000
FEE_CENTS_MAX: Final = 100_000_000
_WHOLE: Final = 10_000


class FeeRule(msgspec.Struct, frozen=True, gc=False):
    """fixed_cents plus basis_points (hundredths of a percent), within min_cents and max_cents."""

    fixed_cents: int = 0
    basis_points: int = 0
    min_cents: int = 0
    max_cents: int | None = None

    def cents(self, amount_cents: int) -> int:
        exact = self.fixed_cents * _WHOLE + amount_cents * self.basis_points
        fee_cents = max(-(-exact // _WHOLE), self.min_cents)
        return fee_cents if self.max_cents is None else min(fee_cents, self.max_cents)


def earned_cents(status: str, fee_cents: int) -> int:
    """Return how much of its fee a top-up has earned; the schema has the same rule."""
    return fee_cents if status in {"delivered", "reversing"} else 0
