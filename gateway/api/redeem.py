"""Redeem what people type in: TOPUP- codes and ATU- vouchers, into the caller's own wallet.

Our own API and each dialect call this, and shape the response themselves. Guessing ends soon through any
path: an account has one budget, from which a wrong code takes ten times as much as a right one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from billing.credits.redemption_code import CodeRedeemed, RedeemCode, find_code, is_code
from billing.ledger.money import MICROS_PER_CENT
from billing.topups.voucher import NotRedeemable
from billing.topups.voucher_redemption import Redeemed, find_issued, new_redeem
from gateway.answers.answer import Answer
from gateway.http.rate_limit import refusal
from gateway.http.request_context import RequestContext
from keys.principal import Principal
from runtime.context import Context

T = TypeVar("T")

# 600 codes a minute, of which 60 may be wrong: a miss costs as much as ten hits.
LOOK_UPS = 600
LOOK_UPS_PER_S = 10.0
MISS_COST = 10


@dataclass(frozen=True, slots=True)
class Credited:
    """The value of a code or a voucher. Times in microseconds.

    redemption_id is null for a voucher, whose redemption has none. expires_at is the end of promotional
    credit.
    """

    redemption_id: str | None
    is_voucher: bool
    last4: str
    amount_micros: int
    is_promotional: bool
    expires_at: int | None
    redeemed_at: int
    balance_micros: int


async def redeem(
    call: RequestContext[Any, Any], text: str, encode: Callable[[Credited], Answer]
) -> Answer:
    """Redeem the code or the voucher, once; raise NotRedeemable and RateLimited."""
    context, principal = call.context, call.principal
    if is_code(text):
        return await _redeem_code(call, text, encode)
    issued = await guarded(
        context,
        principal,
        lambda: find_issued(
            context.database, context.topup_rules.codes, text, environment=principal.environment
        ),
    )
    command = new_redeem(principal, issued, "wallet")
    return await context.engine.submit_once(
        command, call.request_key, partial(_voucher_credited, encode)
    )


async def guarded(context: Context, principal: Principal, look_up: Callable[[], Awaitable[T]]) -> T:
    """Run the look-up out of the account's budget; raise RateLimited once it is spent."""
    limiter, key = context.limiter, f"voucher:{principal.account_id}"
    decision = await limiter.take(key, LOOK_UPS_PER_S, LOOK_UPS)
    # A caller who couldn't pay for a miss may not try: the last tokens would buy cheap guesses.
    if not decision.allowed or decision.remaining < MISS_COST - 1:
        raise refusal(decision, "too many voucher codes, or too many wrong ones")
    try:
        return await look_up()
    except NotRedeemable:
        await limiter.take(key, LOOK_UPS_PER_S, LOOK_UPS, cost=MISS_COST - 1)
        raise


def _voucher_credited(encode: Callable[[Credited], Answer], redeemed: Redeemed) -> Answer:
    return encode(
        Credited(
            redemption_id=None,
            is_voucher=True,
            last4=redeemed.voucher_code[-4:],
            amount_micros=redeemed.topup.amount_cents * MICROS_PER_CENT,
            is_promotional=False,
            expires_at=None,
            redeemed_at=redeemed.redemption.redeemed_at,
            balance_micros=redeemed.wallet_balance_cents * MICROS_PER_CENT,
        )
    )


async def _redeem_code(
    call: RequestContext[Any, Any], text: str, encode: Callable[[Credited], Answer]
) -> Answer:
    context, principal = call.context, call.principal
    code_id = await guarded(
        context,
        principal,
        lambda: find_code(
            context.database, context.redemption_codes, text, environment=principal.environment
        ),
    )
    command = RedeemCode(code_id, principal.tenant)
    return await context.engine.submit_once(
        command, call.request_key, partial(_code_credited, encode)
    )


def _code_credited(encode: Callable[[Credited], Answer], redeemed: CodeRedeemed) -> Answer:
    redemption = redeemed.redemption
    return encode(
        Credited(
            redemption_id=redemption.id,
            is_voucher=False,
            last4=redemption.last4,
            amount_micros=redemption.credits_micros,
            is_promotional=redemption.is_promotional,
            expires_at=redemption.expires_at,
            redeemed_at=redemption.created_at,
            balance_micros=redeemed.balance_micros,
        )
    )
