"""Balances: the account's own wallet and its threshold, the recipients' wallets, the platforms."""

from functools import partial
from typing import Annotated

from msgspec import Meta

from billing.ledger import balances as wallet
from billing.ledger.money import cents_to_micros
from billing.topups.platform import WALLET
from billing.topups.send_request import AmountOutOfRange
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, ok
from gateway.api.schemas.topups import Platform
from gateway.api.schemas.wallets import Balance, RecipientWallet, Threshold
from gateway.http.fields import Fields, Int64, Page, Text
from gateway.http.idempotency import run_once
from gateway.http.lists import list_rows, short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from keys.account import set_low_balance_threshold
from keys.email_address import normalise_email
from store.database import Transaction

THRESHOLD_CENTS_MAX = 100_000_000_000


class ThresholdBody(Fields, frozen=True, kw_only=True):
    """When balance.low fires, in cents; 0 turns it off."""

    low_balance_threshold_cents: Int64


class WalletQuery(Page, frozen=True, kw_only=True):
    """Filters of the recipients' wallets."""

    recipient_email: Annotated[str, Meta(max_length=320)] | None = None
    platform: Text | None = None


async def balance(call: RequestContext[Fields, Fields]) -> Answer:
    """The wallet, what of it can be sent, and what the key may still spend."""
    principal, now_us = call.principal, call.now_us
    is_promo_sendable = call.context.engine.rules.is_promo_sendable

    async def work(tx: Transaction) -> Balance:
        return Balance.of(
            await wallet.balance(tx, principal, now_us=now_us, is_promo_sendable=is_promo_sendable)
        )

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


async def set_threshold(call: RequestContext[ThresholdBody, Fields]) -> Answer:
    """Sets when balance.low fires; setting it fires nothing."""
    threshold_cents = call.body.low_balance_threshold_cents
    if not 0 <= threshold_cents <= THRESHOLD_CENTS_MAX:
        raise AmountOutOfRange(
            f"low_balance_threshold_cents is 0 to {THRESHOLD_CENTS_MAX}",
            param="low_balance_threshold_cents",
            extra={"min": 0, "max": THRESHOLD_CENTS_MAX},
        )
    tenant = call.principal.tenant

    async def work(tx: Transaction) -> None:
        micros = cents_to_micros(threshold_cents)
        await set_low_balance_threshold(tx, tenant, threshold_micros=micros)

    def render(_: None) -> Answer:
        data = Threshold(low_balance_threshold_cents=threshold_cents)
        return answer(codes.SUCCESS, data, now_us=call.now_us)

    return await run_once(call, work, render)


async def recipients(call: RequestContext[Fields, WalletQuery]) -> Answer:
    """The wallets that this account's top-ups credited, newest first."""
    query = call.query
    address = None if query.recipient_email is None else normalise_email(query.recipient_email)
    platform = None if query.platform is None else query.platform.strip().lower()
    read = partial(
        wallet.recipients,
        tenant=call.principal.tenant,
        recipient_email=address,
        platform=platform,
    )
    return await list_rows(call, "lac", read, shape=RecipientWallet.of)


async def platforms(call: RequestContext[Fields, Page]) -> Answer:
    """What can be topped up, with limits in cents and how each is fulfilled."""
    rules = call.context.topup_rules
    items = [
        Platform(
            id=one.id,
            name=one.name,
            min_amount_cents=one.min_amount_cents,
            max_amount_cents=one.max_amount_cents,
            fulfilment="immediate" if one.first.kind == WALLET else "asynchronous",
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
        description="It fires when the wallet falls below it, not when it is set.",
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
        answers=ok(Listing[RecipientWallet]),
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
