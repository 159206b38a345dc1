"""List the payment protocols that need no account. This module doesn't import their packages."""

from collections.abc import Sequence
from typing import Final

from billing.machine_payments.payment import MPP, X402
from keys.principal import Environment
from runtime.context import Context

LIVE_FIRST: Final[Sequence[Environment]] = ("live", "staging")


def offered(context: Context, environment: str) -> tuple[str, ...]:
    payments = context.machine_payments
    is_by_token = environment in payments.token_offers and _is_safe(context, environment)
    return ((X402,) if environment in payments.offers else ()) + ((MPP,) if is_by_token else ())


def _is_safe(context: Context, environment: str) -> bool:
    """Return whether payment tokens are safe in transit. In staging, they need no protection."""
    public_url = context.settings.public_url
    return environment == "staging" or not public_url or public_url.startswith("https://")
