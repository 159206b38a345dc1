"""Payments of machines without an account: list them, check them and decide their outcomes."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from msgspec import Meta, Struct, convert

from billing.machine_payments import payment as payments
from billing.machine_payments.payment import (
    DETAIL_CHARACTERS_MAX,
    MachinePayment as PaymentRow,
    NotOffered,
)
from billing.machine_payments.settling import MachinePayments
from kernel.clock import rfc3339, time_of
from kernel.errors import InvalidInput, NotFound
from kernel.fields import LINE, Fields, Page, Text, said
from kernel.tenant import Tenant
from kernel.words import Cents, ChargedCents, CodeHint, Time
from keys.act import OPERATOR, ActContext, CallContext, ListAct, ReadAct, StepsAct
from store.database import Transaction
from store.keyset import Begin

ShownState = Literal["settling", "unknown", "paid", "refused", "refunded", "stuck"]


class MachinePayment(Struct, kw_only=True):
    """A payment that a machine made for one top-up. Nothing shown here can be used to pay again."""

    id: str
    state: Annotated[ShownState, Meta(description="stuck: an operator must decide.")]
    protocol: Annotated[str, Meta(description="x402, or mpp for a card.")]
    environment: Literal["staging", "live"]
    account_id: str
    transaction_id: Annotated[str, Meta(description="The ID of the top-up.")]
    platform: str
    amount_cents: Cents
    charged_cents: ChargedCents
    recipient_email: str
    network: Annotated[str, Meta(description="The network's CAIP-2 name, or stripe for a card.")]
    asset: Annotated[str, Meta(description="The token's contract, or usd for a card.")]
    amount: Annotated[
        str, Meta(description="The amount in the asset's atomic units, or in US cents for a card.")
    ]
    payer: Annotated[str, Meta(description="The signing wallet, or the end of a card's token.")]
    settlement: Annotated[
        str | None,
        Meta(
            description="The transaction's hash on the network or the card's payment ID, once known."
        ),
    ]
    checks_made: Annotated[int, Meta(ge=0, description="How often its state was queried.")]
    detail: Annotated[
        str | None,
        Meta(description="The reason why the payment was refused or its state is unknown."),
    ]
    refund_code_hint: CodeHint | None
    created_at: Time
    settled_at: Time | None
    ended_at: Time | None


class DecidePayment(Fields, frozen=True, kw_only=True):
    """What an operator found out from the network or the payment provider."""

    verdict: Annotated[
        Literal["settled", "refused"],
        Meta(description="settled: the money arrived. refused: the payer was not charged."),
        said("Verdict"),
    ]
    settlement: (
        Annotated[
            Text,
            Meta(
                description="For a settled payment: the transaction's hash, or the card's payment ID (pi_…). If the"
                " transaction has several transfers, add the log index: 0x…:17."
            ),
            said("Transaction hash or payment ID"),
        ]
        | None
    ) = None
    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=DETAIL_CHARACTERS_MAX,
            pattern=LINE,
            description="What you observed, for the audit log.",
        ),
        said("Evidence"),
    ]


class MachinePaymentsQuery(Page, frozen=True, kw_only=True):
    """Filters for the list of machine payments."""

    state: (
        Annotated[
            ShownState,
            Meta(
                description="Return only payments in this state. stuck means that an operator must decide."
            ),
        ]
        | None
    ) = None


def view_of(payment: PaymentRow) -> MachinePayment:
    times = {
        "created_at": rfc3339(payment.created_at),
        "settled_at": time_of(payment.settled_at),
        "ended_at": time_of(payment.ended_at),
    }
    return convert(payment.shape() | times, MachinePayment)


async def owner_of(tx: Transaction, payment_id: str) -> Tenant:
    return (await payments.find(tx, payment_id)).tenant


async def list_payments(
    context: ActContext, asked: MachinePaymentsQuery, begin: Begin, limit: int
) -> Sequence[PaymentRow]:
    return await payments.page(
        context.tx,
        context.environment,
        state=asked.state,
        before_id=cast(str | None, begin),
        limit=limit,
    )


async def show_payment(context: ActContext) -> PaymentRow:
    return await payments.find(context.tx, context.object_id)


async def check_again(context: CallContext, _asked: Fields) -> PaymentRow:
    return await context.service(MachinePayments).check_again(context.object_id)


async def decide_payment(context: CallContext, asked: DecidePayment) -> PaymentRow:
    return await context.service(MachinePayments).decide(
        context.object_id,
        asked.verdict,
        settlement=asked.settlement,
        reason=asked.reason,
        actor=context.by,
        by_name=context.person,
    )


LIST_PAYMENTS = ListAct(
    name="payments.list",
    summary="List machine payments, newest first",
    path="/payments",
    audience=(OPERATOR,),
    query=MachinePaymentsQuery,
    run=list_payments,
    view=view_of,
    result=MachinePayment,
    prefix="mpy",
    is_catalogue=True,
    summed=("charged_cents",),
    columns=(
        *("id", "state", "charged_cents", "platform", "recipient_email", "payer", "network"),
        *("settlement", "detail", "transaction_id", "created_at"),
    ),
    examples=(
        "topup payments list --environment live",
        "topup payments list --environment live --state stuck",
    ),
)
SHOW_PAYMENT = ReadAct(
    name="payments.show",
    summary="Show a machine payment",
    path="/payments/{payment_id}",
    audience=(OPERATOR,),
    run=show_payment,
    view=view_of,
    result=MachinePayment,
    owner_of=owner_of,
    examples=("topup payments show mpy_4Kp1",),
)
ASK_PAYMENT = StepsAct(
    name="payments.ask",
    summary="Query the state of a machine payment that hasn't ended",
    description="The payer is never charged twice.",
    path="/payments/{payment_id}/ask",
    audience=(OPERATOR,),
    input=Fields,
    run=check_again,
    view=view_of,
    result=MachinePayment,
    refuses=(NotFound, NotOffered),
    owner_of=owner_of,
    done="This page shows the latest response.",
    examples=("topup payments ask mpy_4Kp1",),
)
DECIDE_PAYMENT = StepsAct(
    name="payments.decide",
    summary="Decide a machine payment",
    description="Check the network or the provider first. `settled` sends what was paid for, or returns it as a"
    " code; `refused` ends the payment. A refused payment that was settled after all is returned as a code.",
    path="/payments/{payment_id}/decide",
    audience=(OPERATOR,),
    input=DecidePayment,
    run=decide_payment,
    view=view_of,
    result=MachinePayment,
    refuses=(NotFound, InvalidInput),
    owner_of=owner_of,
    names_person=True,
    moves_money=True,
    asks="Are you certain that payment {id} of {charged_cents} for {recipient_email} was {verdict}?",
    done="The payment is decided.",
    examples=(
        "topup payments decide mpy_4Kp1 --verdict settled --settlement 0x9f… --reason 'seen on the chain'",
        "topup payments decide mpy_4Kp1 --verdict refused --reason 'the nonce was never used'",
    ),
)
ACTS = (LIST_PAYMENTS, SHOW_PAYMENT, ASK_PAYMENT, DECIDE_PAYMENT)
