"""What the operator decided about top-ups: the platforms, their codes, who fulfils them."""

from dataclasses import dataclass

from billing.topups.platform import PlatformBook
from billing.topups.voucher import VoucherCodes


@dataclass(frozen=True, slots=True)
class TopUpRules:
    """asynchronous: kinds of suppliers that answer later, outside of the wallets here. public_url: of
    the dashboard and the API.
    """

    platforms: PlatformBook
    codes: VoucherCodes
    asynchronous: frozenset[str] = frozenset()
    public_url: str = ""
