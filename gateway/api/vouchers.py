"""Vouchers: look one up as its issuer, redeem one once. Guessing codes is rate-limited."""

from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

from billing.ledger.balances import recipients
from billing.topups.topup import TopUp
from billing.topups.voucher import load_redemptions
from billing.topups.voucher_redemption import Redeemed, find_issued, new_redeem, unknown_voucher
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.redeem import guarded
from gateway.api.schemas.vouchers import IssuedVoucher, RedeemedVoucher
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields, Text
from kernel.tenant import Tenant
from keys.principal import REDEEMS
from store.database import Transaction


class VouchersRedeemBody(Fields, frozen=True, kw_only=True):
    """settle: into the caller's wallet, or external: the platform has honoured it."""

    code: Annotated[Text, Meta(description="The voucher's code, ATU-….")]
    settle: Literal["wallet", "external"] = "wallet"


async def look_up(call: RequestContext[Fields, Fields]) -> Answer:
    context, principal = call.context, call.principal
    issued = await _find(call, call.params["code"])
    if issued.account_id != principal.account_id:
        raise unknown_voucher()

    async def work(tx: Transaction) -> IssuedVoucher:
        redeemed = (await load_redemptions(tx, [issued.id])).get(issued.id)
        held = await recipients(
            tx,
            issued.tenant,
            recipient_email=issued.recipient_email,
            platform=issued.platform,
            limit=1,
        )
        return IssuedVoucher.of(
            issued,
            context.topup_rules.codes.code_of(issued.id),
            wallet_cents=held[0].balance_cents if held else 0,
            redeemed_at=None if redeemed is None else redeemed.redeemed_at,
            value=context.topup_rules.codes.value_shown(issued, principal),
        )

    return answer(codes.SUCCESS, await context.database.read(work), now_us=call.now_us)


async def redeem(call: RequestContext[VouchersRedeemBody, Fields]) -> Answer:
    context, principal = call.context, call.principal
    issued = await _find(call, call.body.code)
    command = new_redeem(principal, issued, call.body.settle)
    encode = partial(_redeemed, principal.tenant)
    return await context.engine.submit_once(command, call.request_key, encode)


def _redeemed(redeemer: Tenant, done: Redeemed) -> Answer:
    topup, redeemed_at = done.topup, done.redemption.redeemed_at
    data = RedeemedVoucher.of(
        topup,
        done.voucher_code,
        wallet_cents=0,
        redeemed_at=redeemed_at,
        settle=done.redemption.settle,
        balance_cents=done.wallet_balance_cents,
    )
    if topup.tenant != redeemer:
        # The top-up is the issuer's, and its id means nothing to anybody else.
        data.transaction_id = None
    return answer(
        codes.SUCCESS,
        data,
        now_us=redeemed_at,
        voucher_of=topup.id,
        voucher_code=done.voucher_code,
    )


async def _find(call: RequestContext[Any, Any], code: str) -> TopUp:
    """Return the voucher's top-up. Wrong codes cost ten times as much, so guessing ends soon."""
    context, environment = call.context, call.principal.environment
    return await guarded(
        context,
        call.principal,
        lambda: find_issued(
            context.database, context.topup_rules.codes, code, environment=environment
        ),
    )


ROUTES = (
    Route(
        "GET",
        "/vouchers/{code}",
        look_up,
        "A voucher that this account issued",
        scopes=("topup:read",),
        answers=ok(IssuedVoucher),
        refuses=(codes.NOT_REDEEMABLE,),
    ),
    Route(
        "POST",
        "/vouchers/redeem",
        redeem,
        "Redeem a voucher once",
        scopes=("topup:send", REDEEMS),
        body=VouchersRedeemBody,
        description=(
            "Moves its amount out of the recipient's wallet; wrong codes are counted. What another"
            " key of your account sent, not your own or a descendant of it, needs vouchers:redeem."
        ),
        answers=ok(RedeemedVoucher),
        refuses=(codes.NOT_REDEEMABLE,),
    ),
)
