"""One platform of the setting PLATFORMS, with which an empty database begins."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from billing.fulfilment.opening import FirstPlatform
from billing.topups.platform import MAX_AMOUNT_CENTS, MIN_AMOUNT_CENTS, WALLET

OLD_WALLET = "voucher"


class PlatformSetting(BaseModel):
    """One thing that can be topped up. Amounts in cents; `options` are those of its supplier.

    fulfilment is the supplier's kind; empty means that it isn't offered in live. `voucher` is the old name
    of `wallet`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)] = ""
    min_amount_cents: Annotated[int, Field(ge=1, le=100_000_000)] = MIN_AMOUNT_CENTS
    max_amount_cents: Annotated[int, Field(ge=1, le=100_000_000)] = MAX_AMOUNT_CENTS
    fulfilment: str = ""
    options: dict[str, Any] = {}

    def model_post_init(self, _context: Any) -> None:
        if self.min_amount_cents > self.max_amount_cents:
            raise ValueError("min_amount_cents is above max_amount_cents")
        if not self.name:
            object.__setattr__(self, "name", self.id.capitalize())

    def platform(self) -> FirstPlatform:
        kind = WALLET if self.fulfilment == OLD_WALLET else self.fulfilment
        return FirstPlatform(
            id=self.id,
            name=self.name,
            min_amount_cents=self.min_amount_cents,
            max_amount_cents=self.max_amount_cents,
            kind=kind or None,
            options=self.options,
        )
