"""Wallet: the balance, its thresholds, payments and redemptions, recipients' wallets, and platforms."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, cast

from msgspec import Meta, Struct

from billing.engine.engine import Engine
from billing.ledger import balances
from billing.ledger.money import MICROS_PER_CREDIT, cents_to_micros, micros_to_cents
from billing.reports import credit_history
from billing.reports.credit_history import NEWEST, CreditPlace
from billing.topups import platform
from billing.topups.rules import TopUpRules
from billing.topups.send import AmountOutOfRange
from kernel.errors import InvalidInput, UnknownCursor
from kernel.fields import ExportPage, Fields, Int64, Page, Text
from kernel.shaped import Shaped
from kernel.words import (
    Cents,
    CurrencyCode,
    Environment,
    KeyIdText,
    LedgerCurrency,
    MinorUnits,
    Time,
)
from keys.account import THRESHOLDS_MAX, set_low_balance_thresholds
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.normalise import InvalidEmail, normalise_email
from store.keyset import Begin, cut

THRESHOLD_CENTS_MAX: Final = 100_000_000_000


class ThresholdBody(Fields, frozen=True, kw_only=True):
    """The balances at which balance.low fires, in cents: one threshold (0 for none) or a list."""

    low_balance_threshold_cents: (
        Annotated[Int64, Meta(description="One threshold, in US cents. 0 means none.")] | None
    ) = None
    low_balance_thresholds_cents: (
        Annotated[
            list[Int64],
            Meta(
                max_length=THRESHOLDS_MAX,
                description="Several thresholds, in US cents. An empty list means none.",
            ),
        ]
        | None
    ) = None


class WalletQuery(ExportPage, frozen=True, kw_only=True):
    """Select recipients' wallets."""

    recipient_email: (
        Annotated[str, Meta(max_length=320, description="Return only wallets of this recipient.")]
        | None
    ) = None
    platform: Annotated[Text, Meta(description="Return only wallets of this platform.")] | None = (
        None
    )


class Window(Struct, kw_only=True):
    """A spend cap and what is left of it. If the key and its ancestors have several, the tightest cap is shown."""

    period: Annotated[Literal["day", "month"], Meta(description="The period: a UTC day or month.")]
    cap_cents: Cents
    spent_cents: Cents
    remaining_cents: Cents
    resets_at: Time


class KeyLimits(Struct, kw_only=True):
    """What the calling key may still spend."""

    id: KeyIdText
    per_call_cents: Cents | None
    windows: Annotated[list[Window], Meta(description="The key's caps, and what is left of each.")]


class Balance(Struct, kw_only=True):
    """The account's wallet. `key` is null if the caller didn't use a key."""

    balance_cents: Cents
    sendable_cents: Annotated[int, Meta(description="The credit that a send may use, in US cents.")]
    promotional_cents: Annotated[int, Meta(description="Promotional credit, in US cents.")]
    held_cents: Annotated[
        int, Meta(description="Reserved for pending top-ups and holds, in US cents.")
    ]
    owed_cents: Annotated[int, Meta(description="Owed after a refund or dispute, in US cents.")]
    currency: LedgerCurrency
    environment: Environment
    low_balance_threshold_cents: Annotated[
        int, Meta(description="The highest threshold of balance.low, in US cents. 0 means none.")
    ]
    low_balance_thresholds_cents: Annotated[
        list[Cents], Meta(description="The thresholds of balance.low, highest first, in US cents.")
    ]
    key: Annotated[
        KeyLimits | None,
        Meta(description="The calling key's limits. Null if the caller doesn't use a key."),
    ]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Balance":
        key = found["key"]
        windows = () if key is None else key["windows"]
        limits = {"windows": [Window(**one) for one in windows]}
        return cls(**{**found, "key": None if key is None else KeyLimits(**{**key, **limits})})


class Threshold(Struct, kw_only=True):
    """The balances at which balance.low fires: the highest threshold (0 for none), and all thresholds in descending
    order.
    """

    low_balance_threshold_cents: Cents
    low_balance_thresholds_cents: Annotated[
        list[Cents], Meta(description="The thresholds of balance.low, highest first, in US cents.")
    ]


class RecipientWallet(Shaped, kw_only=True):
    """A recipient's balance on one platform, from this account's top-ups."""

    recipient_email: str
    platform: str
    balance_cents: Cents
    updated_at: Time


class Platform(Struct, kw_only=True):
    """A platform for which top-ups can be sent."""

    id: Annotated[str, Meta(description="The platform's ID in calls.")]
    name: Annotated[str, Meta(description="The platform's name.")]
    min_amount_cents: Cents
    max_amount_cents: Cents
    fulfilment: Literal["immediate", "asynchronous"]

    @classmethod
    def of(cls, one: platform.Platform) -> Self:
        return cls(
            id=one.id,
            name=one.name,
            min_amount_cents=one.min_amount_cents,
            max_amount_cents=one.max_amount_cents,
            fulfilment="immediate" if one.first.delivers_at_once else "asynchronous",
        )


class Thresholds(NamedTuple):
    micros: tuple[int, ...]


async def show_balance(context: ActContext) -> Balance:
    is_promo_sendable = context.service(Engine).rules.is_promo_sendable
    found = await balances.balance(
        context.tx, context.caller, now_us=context.now_us, is_promo_sendable=is_promo_sendable
    )
    return Balance.of(found)


async def set_threshold(context: ActContext, asked: ThresholdBody) -> Change[Thresholds]:
    micros = tuple(cents_to_micros(one) for one in _thresholds_cents(asked))
    before = await set_low_balance_thresholds(context.tx, context.tenant, micros)
    return Change(after=Thresholds(micros), before=Thresholds(tuple(before)))


def _thresholds_cents(body: ThresholdBody) -> list[int]:
    one, several = body.low_balance_threshold_cents, body.low_balance_thresholds_cents
    if (one is None) == (several is None):
        raise InvalidInput(
            "Give either one threshold or a list of thresholds.",
            param="low_balance_thresholds_cents",
        )
    param = f"low_balance_threshold{'' if several is None else 's'}_cents"
    least = 0 if several is None else 1
    listed = [one or 0] if several is None else several
    if any(not least <= each <= THRESHOLD_CENTS_MAX for each in listed):
        raise AmountOutOfRange(
            f"{param} must be from {least} to {THRESHOLD_CENTS_MAX}.",
            param=param,
            extra={"min": least, "max": THRESHOLD_CENTS_MAX},
        )
    return sorted({each for each in listed if each}, reverse=True)


async def list_wallets(
    context: ActContext, asked: WalletQuery, begin: Begin, limit: int
) -> Sequence[balances.RecipientWallet]:
    address = None if asked.recipient_email is None else normalise_email(asked.recipient_email)
    return await balances.recipients(
        context.tx,
        context.tenant,
        recipient_email=address,
        platform=None if asked.platform is None else asked.platform.strip().lower(),
        before_id=begin,
        limit=limit,
    )


async def list_platforms(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[platform.Platform]:
    return context.service(TopUpRules).platforms.of(context.environment).offered()


def _shown(found: Thresholds) -> Threshold:
    cents = [micros_to_cents(one) for one in found.micros]
    return Threshold(
        low_balance_threshold_cents=max(cents, default=0), low_balance_thresholds_cents=cents
    )


def _audited(found: Thresholds) -> Mapping[str, Any]:
    return {"low_balance_threshold_micros": max(found.micros, default=0)}


SHOW: Final = ReadAct(
    name="balance.show",
    summary="Show the wallet and what the key may still spend",
    path="/topup/balance",
    scopes=("topup:read", "general_api_access"),
    audience=(MERCHANT,),
    run=show_balance,
    result=Balance,
    examples=("topup balance show",),
)
SET_THRESHOLD: Final = Act(
    name="balance.watch",
    summary="Set the thresholds of balance.low",
    description="balance.low fires once when the wallet falls below a threshold, and again only after the wallet"
    " has been at or above that threshold. Setting a threshold doesn't fire it.",
    method="PUT",
    path="/topup/balance/threshold",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=ThresholdBody,
    run=set_threshold,
    view=_shown,
    result=Threshold,
    refuses=(AmountOutOfRange,),
    audit=Audited("balance.watched", _audited),
    examples=("topup balance watch --low-balance-threshold-cents 5000",),
)
WALLETS: Final[ListAct[Any, Any]] = ListAct(
    name="balance.wallets",
    summary="List recipients' wallets",
    path="/wallets",
    scopes=("topup:read",),
    audience=(MERCHANT,),
    query=WalletQuery,
    run=list_wallets,
    result=RecipientWallet,
    refuses=(InvalidEmail,),
    prefix="lac",
    export=RecipientWallet.__struct_fields__,
    columns=("recipient_email", "platform", "balance_cents", "updated_at"),
    examples=("topup balance wallets --platform claude",),
)
PLATFORMS: Final[ListAct[Any, Any]] = ListAct(
    name="balance.platforms",
    summary="List platforms that can be topped up",
    path="/platforms",
    scopes=("topup:read", "general_api_access"),
    audience=(MERCHANT,),
    query=Page,
    run=list_platforms,
    result=Platform,
    columns=("id", "name", "min_amount_cents", "max_amount_cents", "fulfilment"),
    examples=("topup balance platforms",),
)
ACTS: Final = (SHOW, SET_THRESHOLD, WALLETS, PLATFORMS)


_PLACE: Final = re.compile(r"([0-9]{1,18})\.([a-z]{2,4}_[0-9A-Za-z]{1,32})")


class CreditLine(Shaped, kw_only=True):
    """A payment, or a redeemed code or voucher. Only the last characters of a code are shown."""

    id: Annotated[str, Meta(description="The ID of the order, redemption or top-up.")]
    kind: Annotated[
        Literal["payment", "code", "voucher"], Meta(description="The source of the credit.")
    ]
    number: Annotated[
        str,
        Meta(
            description="For a payment, the order's order_no; for a code, the redemption's ID; for a voucher,"
            " ATU- and its last characters."
        ),
    ]
    method: Annotated[str, Meta(description="The payment method, or redemption or voucher.")]
    status: Annotated[
        str, Meta(description="The order's state; always paid for a code or voucher.")
    ]
    credits: Annotated[
        int, Meta(description="The number of credits that the payment or code grants.")
    ]
    pay_amount: MinorUnits
    pay_currency: CurrencyCode
    created_at: Time
    completed_at: Annotated[
        Time | None, Meta(description="When the credit was granted. Null before that.")
    ]

    @classmethod
    def of(cls, line: credit_history.CreditLine, /, **more: Any) -> Self:
        return super().of(line, credits=line.credits_micros // MICROS_PER_CREDIT, **more)


async def list_credits(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[credit_history.CreditLine]:
    before = _place_of(cast(str | None, begin))
    rows = await credit_history.older(context.tx, context.tenant, before=before, limit=limit + 1)
    return cut(rows, limit, lambda line: f"{line.created_at}.{line.id}")


def _place_of(cursor: str | None) -> CreditPlace:
    if cursor is None:
        return NEWEST
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise UnknownCursor
    return int(found[1]), found[2]


CREDITS: Final[ListAct[Any, Any]] = ListAct(
    name="balance.credits",
    summary="List the account's payments and redemptions, newest first",
    description="Orders, and codes and vouchers that were redeemed into the account's wallet. Credit from a plan"
    " is in the statement.",
    path="/credits",
    scopes=("billing:read",),
    audience=(MERCHANT,),
    query=ExportPage,
    run=list_credits,
    result=CreditLine,
    own_cursors=True,
    export=CreditLine.__struct_fields__,
    columns=("created_at", "kind", "number", "method", "status", "credits"),
    examples=("topup balance credits",),
)
