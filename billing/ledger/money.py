"""Convert between the ledger's micros and other units."""

from kernel.limits import INT64_MAX

# The limit is far below what the ledger can store, so that every settlement fits.
BALANCE_MICROS_MAX = INT64_MAX // 4

MICROS_PER_USD = 1_000_000
MICROS_PER_CENT = 10_000
MICROS_PER_CREDIT = 1_000
MICROS_PER_QUOTA = 2
CURRENCY = "USD"


def cents_to_micros(cents: int) -> int:
    return cents * MICROS_PER_CENT


def dollars(micros: int) -> str:
    """Format an amount as 1,234.50, with two to six decimal places."""
    whole, part = divmod(abs(micros), MICROS_PER_USD)
    places = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole:,}.{places}"


def micros_to_cents(micros: int) -> int:
    return micros // MICROS_PER_CENT
