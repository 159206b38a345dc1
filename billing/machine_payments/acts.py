"""Payments of machines without an account: list and show, for operators."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from msgspec import Meta, Struct, convert

from billing.machine_payments import payment as payments
from billing.machine_payments.payment import MachinePayment as PaymentRow
from kernel.fields import Page
from kernel.tenant import Tenant
from kernel.words import Cents, ChargedCents, CodeHint
from keys.act import OPERATOR, ActContext, ListAct, ReadAct
from keys.principal import ADMIN
from store.database import Transaction
from store.keyset import Begin

ShownState = Literal["settling", "unknown", "paid", "refused", "refunded", "stuck"]


class MachinePayment(Struct, kw_only=True):
    """A payment that a machine made for one top-up. Nothing shown here can be spent."""

    id: str
    state: Annotated[ShownState, Meta(description="stuck: nobody asks any more; a person decides.")]
    protocol: Annotated[str, Meta(description="x402, or mpp by card.")]
    environment: Literal["staging", "live"]
    account_id: str
    transaction_id: Annotated[str, Meta(description="The top-up's id.")]
    platform: str
    amount_cents: Cents
    charged_cents: ChargedCents
    recipient_email: str
    network: Annotated[str, Meta(description="As CAIP-2 names it; by card: stripe.")]
    asset: Annotated[str, Meta(description="The contract of the token; by card: usd.")]
    amount: Annotated[str, Meta(description="In atomic units of the asset; by card in US cents.")]
    payer: Annotated[str, Meta(description="The wallet that signed it; by card the token's end.")]
    settlement: Annotated[
        str | None, Meta(description="The hash on the network, or the card's payment, once known.")
    ]
    checks_made: Annotated[int, Meta(ge=0, description="How many times its state was asked for.")]
    detail: Annotated[str | None, Meta(description="Why it was refused, or isn't known.")]
    refund_code_hint: CodeHint | None


class MachinePaymentsQuery(Page, frozen=True, kw_only=True):
    """Filters of the list."""

    state: (
        Annotated[
            ShownState, Meta(description="Only those in this state; stuck: a person decides.")
        ]
        | None
    ) = None


def view_of(payment: PaymentRow) -> MachinePayment:
    return convert(payment.shape(), MachinePayment)


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


LIST_PAYMENTS = ListAct(
    name="payments.list",
    summary="List machine payments, newest first",
    path="/payments",
    scopes=(ADMIN,),
    audience=(OPERATOR,),
    query=MachinePaymentsQuery,
    run=list_payments,
    view=view_of,
    result=MachinePayment,
    prefix="mpy",
    is_catalogue=True,
    columns=(
        *("id", "state", "charged_cents", "platform", "recipient_email", "payer", "network"),
        *("settlement", "detail", "transaction_id"),
    ),
    examples=(
        "topup payments list --environment live",
        "topup payments list --environment live --state stuck",
    ),
)
SHOW_PAYMENT = ReadAct(
    name="payments.show",
    summary="Show a machine payment and what came of it",
    path="/payments/{payment_id}",
    scopes=(ADMIN,),
    audience=(OPERATOR,),
    run=show_payment,
    view=view_of,
    result=MachinePayment,
    owner_of=owner_of,
    examples=("topup payments show mpy_4Kp1",),
)
ACTS = (LIST_PAYMENTS, SHOW_PAYMENT)
