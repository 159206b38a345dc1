"""What the operator decided about top-ups: the platforms and who supplies them, and their codes."""

from dataclasses import dataclass

from billing.topups.platform import PlatformBook
from billing.topups.voucher import VoucherCodes


@dataclass(frozen=True, slots=True)
class TopUpRules:
    """public_url: of the dashboard and the API."""

    platforms: PlatformBook
    codes: VoucherCodes
    public_url: str = ""
