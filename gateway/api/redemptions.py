"""Redemption codes: credit for whoever types one in first. Vouchers are taken too."""

from typing import Annotated

from msgspec import Meta

from billing.ledger.money import MICROS_PER_CREDIT, micros_to_cents
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.redeem import Credited, redeem
from gateway.api.schemas.vouchers import RedeemedCode
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import rfc3339
from kernel.fields import Fields, Text


class RedemptionsRedeemBody(Fields, frozen=True, kw_only=True):
    """code: TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."""

    code: Annotated[Text, Meta(description="TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-….")]


async def redeem_code(call: RequestContext[RedemptionsRedeemBody, Fields]) -> Answer:
    return await redeem(call, call.body.code, _redeemed)


def _redeemed(credited: Credited) -> Answer:
    data = RedeemedCode(
        id=credited.redemption_id,
        type="voucher" if credited.is_voucher else "code",
        last4=credited.last4,
        amount_cents=micros_to_cents(credited.amount_micros),
        amount_micros=credited.amount_micros,
        credits=credited.amount_micros // MICROS_PER_CREDIT,
        promotional=credited.is_promotional,
        expires_at=None if credited.expires_at is None else rfc3339(credited.expires_at),
        redeemed_at=rfc3339(credited.redeemed_at),
        balance_cents=micros_to_cents(credited.balance_micros),
    )
    return answer(codes.SUCCESS, data, now_us=credited.redeemed_at)


ROUTES = (
    Route(
        "POST",
        "/codes/redeem",
        redeem_code,
        "Redeem a code or a voucher once",
        scopes=("billing:write",),
        body=RedemptionsRedeemBody,
        description="Wrong codes are counted: guessing ends soon.",
        answers=ok(RedeemedCode),
        refuses=(codes.NOT_REDEEMABLE,),
    ),
)
