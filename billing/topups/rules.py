"""What the operator decided about top-ups: the platforms, their codes, who fulfils them."""

from dataclasses import dataclass

from billing.topups.platform import Platforms
from billing.topups.voucher import VoucherCodes


@dataclass(frozen=True, slots=True)
class TopUpRules:
    """asynchronous: the fulfilments that answer later. public_url: of the dashboard and the API."""

    platforms: Platforms
    codes: VoucherCodes
    asynchronous: frozenset[str] = frozenset()
    public_url: str = ""
