"""Balances: the account's own wallet and its threshold, the recipients' wallets, the platforms."""

from functools import partial
from typing import Annotated

from msgspec import Meta

from billing.ledger import balances as wallet
from billing.ledger.money import cents_to_micros
from billing.topups.send_request import AmountOutOfRange
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, exported, ok
from gateway.api.schemas.topups import Platform
from gateway.api.schemas.wallets import Balance, RecipientWallet, Threshold
from gateway.http.acting import note
from gateway.http.idempotency import run_once
from gateway.http.lists import Export, list_or_csv, short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.errors import InvalidInput
from kernel.fields import ExportPage, Fields, Int64, Page, Text
from keys.balance_watch import THRESHOLDS_MAX, set_low_balance_thresholds
from keys.email_address import normalise_email
from store.database import Transaction

THRESHOLD_CENTS_MAX = 100_000_000_000


class ThresholdBody(Fields, frozen=True, kw_only=True):
    """When balance.low fires, in cents: one threshold, 0 for none, or a list of several."""

    low_balance_threshold_cents: (
        Annotated[Int64, Meta(description="One threshold, in US cents; 0: none.")] | None
    ) = None
    low_balance_thresholds_cents: (
        Annotated[
            list[Int64],
            Meta(
                max_length=THRESHOLDS_MAX,
                description="Several thresholds, in US cents; empty: none.",
            ),
        ]
        | None
    ) = None


_EXPORT = Export("recipients", ("topup:read",), RecipientWallet.__struct_fields__)


class WalletQuery(ExportPage, frozen=True, kw_only=True):
    """Filters of the recipients' wallets."""

    recipient_email: (
        Annotated[str, Meta(max_length=320, description="Only the wallets of this recipient.")]
        | None
    ) = None
    platform: Annotated[Text, Meta(description="Only the wallets of this platform.")] | None = None


async def balance(call: RequestContext[Fields, Fields]) -> Answer:
    principal, now_us = call.principal, call.now_us
    is_promo_sendable = call.context.engine.rules.is_promo_sendable

    async def work(tx: Transaction) -> Balance:
        return Balance.of(
            await wallet.balance(tx, principal, now_us=now_us, is_promo_sendable=is_promo_sendable)
        )

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


async def set_threshold(call: RequestContext[ThresholdBody, Fields]) -> Answer:
    thresholds_cents = _thresholds_cents(call.body)
    tenant = call.principal.tenant

    async def work(tx: Transaction) -> None:
        micros = [cents_to_micros(one) for one in thresholds_cents]
        before = await set_low_balance_thresholds(tx, tenant, micros)
        if before != tuple(micros):
            shapes = [
                {"low_balance_threshold_micros": max(one, default=0)} for one in (before, micros)
            ]
            await note(
                tx, call, "balance.watched", tenant.account_id, before=shapes[0], after=shapes[1]
            )

    def render(_: None) -> Answer:
        data = Threshold(
            low_balance_threshold_cents=max(thresholds_cents, default=0),
            low_balance_thresholds_cents=thresholds_cents,
        )
        return answer(codes.SUCCESS, data, now_us=call.now_us)

    return await run_once(call, work, render)


def _thresholds_cents(body: ThresholdBody) -> list[int]:
    """Return the highest first; raise InvalidInput and AmountOutOfRange."""
    one, several = body.low_balance_threshold_cents, body.low_balance_thresholds_cents
    if (one is None) == (several is None):
        raise InvalidInput(
            "name either one threshold or a list", param="low_balance_thresholds_cents"
        )
    param = f"low_balance_threshold{'' if several is None else 's'}_cents"
    least = 0 if several is None else 1
    listed = [one or 0] if several is None else several
    if any(not least <= each <= THRESHOLD_CENTS_MAX for each in listed):
        raise AmountOutOfRange(
            f"{param} is {least} to {THRESHOLD_CENTS_MAX}",
            param=param,
            extra={"min": least, "max": THRESHOLD_CENTS_MAX},
        )
    return sorted({each for each in listed if each}, reverse=True)


async def recipients(call: RequestContext[Fields, WalletQuery]) -> Reply:
    query = call.query
    address = None if query.recipient_email is None else normalise_email(query.recipient_email)
    platform = None if query.platform is None else query.platform.strip().lower()
    read = partial(
        wallet.recipients,
        tenant=call.principal.tenant,
        recipient_email=address,
        platform=platform,
    )
    return await list_or_csv(call, "lac", read, _EXPORT, shape=RecipientWallet.of)


async def platforms(call: RequestContext[Fields, Page]) -> Answer:
    rules = call.context.topup_rules
    items = [
        Platform(
            id=one.id,
            name=one.name,
            min_amount_cents=one.min_amount_cents,
            max_amount_cents=one.max_amount_cents,
            fulfilment="immediate" if one.first.delivers_at_once else "asynchronous",
        )
        for one in rules.platforms.of(call.principal.environment).offered()
    ]
    data = short_list(items, call.query, lambda platform: platform.id)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/topup/balance",
        balance,
        "The wallet and what the key may still spend",
        scopes=("topup:read", "general_api_access"),
        answers=ok(Balance),
    ),
    Route(
        "PUT",
        "/topup/balance/threshold",
        set_threshold,
        "Set when balance.low fires",
        scopes=("topup:send",),
        body=ThresholdBody,
        description=(
            "It fires once for each threshold that the wallet falls below, and again when it has been"
            " at that threshold or above and falls below it anew; not when it is set."
        ),
        answers=ok(Threshold),
        refuses=(codes.AMOUNT_OUT_OF_RANGE,),
    ),
    Route(
        "GET",
        "/wallets",
        recipients,
        "Recipients' wallets",
        scopes=("topup:read",),
        query=WalletQuery,
        answers=exported(Listing[RecipientWallet]),
        refuses=(codes.INVALID_RECIPIENT,),
    ),
    Route(
        "GET",
        "/platforms",
        platforms,
        "What can be topped up",
        scopes=("topup:read", "general_api_access"),
        query=Page,
        answers=ok(Listing[Platform]),
    ),
)
