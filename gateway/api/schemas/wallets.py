"""The shapes of wallets: an account's balance with what its key may still spend, and recipients'."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kernel.shaped import Shaped
from kernel.words import Cents, Environment, KeyIdText, LedgerCurrency, Time


class Window(Struct, kw_only=True):
    """A spend cap and what is left of it, the tightest of the key and its ancestors."""

    period: Annotated[Literal["day", "month"], Meta(description="The UTC day or month.")]
    cap_cents: Cents
    spent_cents: Cents
    remaining_cents: Cents
    resets_at: Time


class KeyLimits(Struct, kw_only=True):
    """What the calling key may still spend."""

    id: KeyIdText
    per_call_cents: Cents | None
    windows: Annotated[list[Window], Meta(description="Its caps, and what is left of them.")]


class Balance(Struct, kw_only=True):
    """The account's wallet. key is null where no key asks."""

    balance_cents: Cents
    sendable_cents: Annotated[int, Meta(description="What a send may use, in US cents.")]
    promotional_cents: Annotated[int, Meta(description="Credit that was given, in US cents.")]
    held_cents: Annotated[int, Meta(description="In pending top-ups and holds, in US cents.")]
    owed_cents: Annotated[int, Meta(description="Owed after a refund or dispute, in US cents.")]
    currency: LedgerCurrency
    environment: Environment
    low_balance_threshold_cents: Annotated[
        int, Meta(description="The highest of balance.low's thresholds, in US cents; 0: none.")
    ]
    low_balance_thresholds_cents: Annotated[
        list[Cents], Meta(description="When balance.low is sent, the highest first, in US cents.")
    ]
    key: Annotated[
        KeyLimits | None, Meta(description="What the asking key may spend; null where no key asks.")
    ]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Balance":
        """found: from billing/ledger/balances.py."""
        key = found["key"]
        windows = () if key is None else key["windows"]
        limits = {"windows": [Window(**one) for one in windows]}
        return cls(**{**found, "key": None if key is None else KeyLimits(**{**key, **limits})})


class Threshold(Struct, kw_only=True):
    """When balance.low fires: the highest threshold, 0 for none, and all of them, the highest first."""

    low_balance_threshold_cents: Cents
    low_balance_thresholds_cents: Annotated[
        list[Cents], Meta(description="When balance.low is sent, the highest first, in US cents.")
    ]


class RecipientWallet(Shaped, kw_only=True):
    """What a recipient holds of one platform, from this account's top-ups."""

    recipient_email: str
    platform: str
    balance_cents: Cents
    updated_at: Time
