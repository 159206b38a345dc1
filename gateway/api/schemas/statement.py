"""The shapes of a statement: a wallet's transfers of a time, from one balance to another."""

from msgspec import Struct

from gateway.api.schemas.topups import Transfer
from kernel.words import Cents, Micros, Time


class StatedTransfer(Transfer, kw_only=True):
    """A transfer of a statement, and the wallet's balance after it."""

    balance_micros: Micros


class Statement(Struct, kw_only=True, rename={"since": "from", "until": "to"}):
    """Opening balance + what the transfers did to the wallet = closing balance."""

    since: Time
    until: Time
    opening_balance_cents: Cents
    opening_balance_micros: Micros
    transfers: list[StatedTransfer]
    closing_balance_cents: Cents
    closing_balance_micros: Micros
