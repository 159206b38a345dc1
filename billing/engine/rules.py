"""What every command is decided by: the rules that the operator set, the same for all of them."""

from dataclasses import dataclass

from billing.topups.platform import Platforms
from billing.topups.voucher import VoucherCodes


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided; the same for every command."""

    platforms: Platforms
    codes: VoucherCodes
    asynchronous: frozenset[str] = frozenset()  # fulfilments that answer later
    is_promo_sendable: bool = False
    public_url: str = ""
