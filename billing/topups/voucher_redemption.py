"""Vouchers: look up a voucher as its issuer, and redeem a voucher once.

The number of guesses at codes is limited. Only the issuing account or an operator can record that a platform honoured a
voucher.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.balances import recipients
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.topups import topup as topups
from billing.topups.rules import (
    NotRedeemable,
    Redemption,
    TopUpRules,
    VoucherCodes,
    VoucherTarget,
    load_redemptions,
)
from billing.topups.topup import TopUp
from billing.topups.views import DeliverableField, deliverable_of
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import rfc3339, time_of
from kernel.errors import DomainError
from kernel.fields import Fields, Text, said
from kernel.tenant import Tenant
from kernel.words import Cents, Time, TransactionId, Voucher
from keys.act import MERCHANT, ActContext, CallContext, EngineAct, EnvelopeFacts, ReadAct
from keys.principal import REDEEMS, Principal, require_scope
from store.database import Database, Transaction


class ExternalNotAllowed(DomainError):
    pass


class VouchersRedeemBody(Fields, frozen=True, kw_only=True):
    """The voucher to redeem. If `settle` is wallet, the caller's wallet is credited. If the platform has honoured the
    voucher, use external.
    """

    code: Annotated[Text, Meta(description="The voucher's code, ATU-…."), said(is_secret=True)]
    settle: Literal["wallet", "external"] = "wallet"


class IssuedVoucher(Struct, kw_only=True):
    """A voucher: the right to the credit in the recipient's wallet. Its status is spent if that credit is gone.

    `deliverable` is what a supplier delivered. That delivery settled the voucher. Its kind is credit if nothing else was
    delivered.
    """

    code: Annotated[Voucher, Meta(description="The voucher's code.")]
    status: Annotated[
        Literal["issued", "redeemed", "spent"],
        Meta(
            description="The voucher's status. spent: its credit is no longer in the recipient's wallet."
        ),
    ]
    platform: str
    amount_cents: Cents
    transaction_id: TransactionId | None
    issued_at: Time | None
    redeemed_at: Time | None
    deliverable: DeliverableField | None

    @classmethod
    def of_topup(
        cls,
        topup: TopUp,
        code: str,
        *,
        status: Literal["issued", "redeemed", "spent"],
        redeemed_at: int | None,
        value: str | None = None,
        **more: Any,
    ) -> Self:
        named = {"transaction_id": topup.id, **more}
        return cls(
            code=code,
            status=status,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            issued_at=time_of(topup.settled_at),
            redeemed_at=time_of(redeemed_at),
            deliverable=deliverable_of(topup, value),
            **named,
        )


class RedeemedVoucher(IssuedVoucher, kw_only=True):
    """A voucher that was just redeemed. `transaction_id` is null unless the caller's account issued the voucher."""

    settle: Literal["wallet", "external"]
    balance_cents: Annotated[int, Meta(description="The caller's balance, in US cents.")]

    @classmethod
    def of(cls, done: "Redeemed") -> Self:
        topup, redemption = done.topup, done.redemption
        is_own = redemption.redeemed_by == topup.account_id
        return cls.of_topup(
            topup,
            done.voucher_code,
            status="redeemed",
            redeemed_at=redemption.redeemed_at,
            transaction_id=topup.id if is_own else None,
            settle=redemption.settle,
            balance_cents=done.wallet_balance_cents,
        )


@dataclass(frozen=True, slots=True)
class Redeemed:
    topup: TopUp
    voucher_code: str
    redemption: Redemption
    wallet_balance_cents: int


def unknown_voucher() -> NotRedeemable:
    return NotRedeemable("There is no such voucher or code.", param="code", reason="unknown")


async def find_issued(
    database: Database, codes: VoucherCodes, code: str, *, environment: str
) -> TopUp:
    return await database.read(
        lambda tx: _issued(tx, codes, code, environment=environment), is_single=True
    )


async def _issued(tx: Transaction, codes: VoucherCodes, code: str, *, environment: str) -> TopUp:
    topup_id = codes.topup_id_of(code)
    if topup_id is None:
        raise unknown_voucher()
    found = (await topups.load(tx, [topup_id])).get(topup_id)
    if found is None or found.environment != environment:
        raise unknown_voucher()
    _check_issued(found)
    return found


def _check_issued(topup: TopUp) -> None:
    if topup.status in {"reversing", "reversed"}:
        raise NotRedeemable("The voucher's top-up was reversed.", param="code", reason="reversed")
    if topup.status != "delivered":
        raise unknown_voucher()


@dataclass(frozen=True, slots=True)
class Redeem:
    issued: TopUp
    redeemer: Tenant
    settle: VoucherTarget

    def declare(self, read_set: ReadSet) -> None:
        issuer = self.issued.tenant
        read_set.tenants.update((issuer, self.redeemer))
        working_set = read_set.working_set(TopUpWorkingSet)
        working_set.ids.add(self.issued.id)
        working_set.redeemed_ids.add(self.issued.id)
        read_set.places.add((*issuer, LedgerAccountKind.TRANSIT_OUT, ""))
        read_set.places.add((*self.redeemer, LedgerAccountKind.TRANSIT_IN, ""))

    def decide(self, state: BatchState) -> Redeemed:
        working_set = topups_of(state)
        topup = working_set.find(self.issued.id, self.issued.tenant)
        if topup is None:
            raise unknown_voucher()
        _check_issued(topup)
        if working_set.redemption_of(topup.id) is not None:
            raise NotRedeemable(
                "This voucher has already been redeemed.", param="code", reason="redeemed"
            )
        recipient = state.ledger.account(
            topup.tenant, LedgerAccountKind.RECIPIENT, topup.recipient_name
        )
        if recipient.balance_micros < topup.amount_cents * MICROS_PER_CENT:
            raise NotRedeemable(
                "The wallet no longer holds the voucher's value.", param="code", reason="spent"
            )
        self._move(state, topup)
        redemption = Redemption(
            topup.id, *topup.tenant, self.redeemer.account_id, self.settle, state.now_us
        )
        working_set.add_redemption(redemption)
        _publish_redeemed(state, topup, redemption)
        balance = micros_to_cents(state.ledger.balance_micros(self.redeemer, state.now_us))
        return Redeemed(topup, working_set.code_of(topup.id), redemption, balance)

    def _move(self, state: BatchState, topup: TopUp) -> None:
        ledger = state.ledger
        amount_micros = topup.amount_cents * MICROS_PER_CENT
        recipient = ledger.account(topup.tenant, LedgerAccountKind.RECIPIENT, topup.recipient_name)
        if self.settle == "external":
            redeemed = ledger.account(topup.tenant, LedgerAccountKind.REDEEMED, topup.platform)
            state.move(recipient, redeemed, amount_micros, Code.VOUCHER_SETTLE, topup_id=topup.id)
        elif topup.tenant == self.redeemer:
            state.credit(
                self.redeemer, recipient, amount_micros, Code.VOUCHER_REDEEM, topup_id=topup.id
            )
        else:
            out = ledger.account(topup.tenant, LedgerAccountKind.TRANSIT_OUT)
            state.move(recipient, out, amount_micros, Code.VOUCHER_REDEEM, topup_id=topup.id)
            source = ledger.account(self.redeemer, LedgerAccountKind.TRANSIT_IN)
            # Don't store the top-up's ID, because it belongs to the issuer. No tenant may read another tenant's
            # transfers.
            state.credit(
                self.redeemer, source, amount_micros, Code.VOUCHER_REDEEM, subject_id=topup.id
            )


def _publish_redeemed(state: BatchState, topup: TopUp, redemption: Redemption) -> None:
    data = {
        "transaction_id": topup.id,
        "platform": topup.platform,
        "amount_cents": topup.amount_cents,
        "recipient_email": topup.recipient_email,
        "settle": redemption.settle,
        "redeemed_at": rfc3339(redemption.redeemed_at),
        "reference": topup.reference,
        "metadata": dict(topup.metadata),
    }
    state.publish(topup.tenant, "voucher.redeemed", data, topup.id, trace=topup.trace)


async def find_redeem(context: CallContext, code: str, settle: VoucherTarget) -> Redeem:
    codes, database = context.service(TopUpRules).codes, context.database
    issued = await find_issued(database, codes, code, environment=context.environment)
    return new_redeem(context.caller, issued, settle)


def new_redeem(principal: Principal, issued: TopUp, settle: VoucherTarget) -> Redeem:
    _check_target(principal, issued, settle)
    _check_sender(principal, issued)
    return Redeem(issued, principal.tenant, settle)


def _check_sender(principal: Principal, issued: TopUp) -> None:
    is_foreign = principal.account_id != issued.account_id
    is_sender = principal.key_id is not None and principal.key_id in issued.spent_by
    if not is_foreign and not is_sender:
        require_scope(principal, REDEEMS)


def _check_target(principal: Principal, issued: TopUp, settle: VoucherTarget) -> None:
    is_issuer = principal.account_id == issued.account_id
    if settle == "external" and not is_issuer and "admin" not in principal.scopes:
        raise ExternalNotAllowed(
            "Only the issuing account can settle a voucher externally.", param="settle"
        )


async def show(context: ActContext) -> IssuedVoucher:
    principal, rules = context.caller, context.service(TopUpRules)
    code, environment = context.object_id, principal.environment
    issued = await _issued(context.tx, rules.codes, code, environment=environment)
    if issued.account_id != principal.account_id:
        raise unknown_voucher()
    redeemed = (await load_redemptions(context.tx, [issued.id])).get(issued.id)
    status: Literal["issued", "redeemed", "spent"]
    status = "issued" if redeemed is None else "redeemed"
    if redeemed is None and await _is_spent(context.tx, issued):
        status = "spent"
    return IssuedVoucher.of_topup(
        issued,
        rules.codes.code_of(issued.id),
        status=status,
        redeemed_at=None if redeemed is None else redeemed.redeemed_at,
        value=rules.codes.value_shown(issued, principal),
    )


async def _is_spent(tx: Transaction, issued: TopUp) -> bool:
    address = issued.recipient_email
    found = await recipients(
        tx, issued.tenant, recipient_email=address, platform=issued.platform, limit=1
    )
    return not found or found[0].balance_cents < issued.amount_cents


async def redeem(context: CallContext, asked: VouchersRedeemBody) -> Redeem:
    return await find_redeem(context, asked.code, asked.settle)


SHOW: Final = ReadAct(
    name="vouchers.show",
    summary="Show a voucher that this account issued",
    path="/vouchers/{code}",
    scopes=("topup:read",),
    audience=(MERCHANT,),
    run=show,
    result=IssuedVoucher,
    refuses=(NotRedeemable,),
    guesses_code=True,
)
REDEEM: Final = EngineAct(
    name="vouchers.redeem",
    summary="Redeem a voucher once",
    description="The voucher's amount leaves the recipient's wallet. Wrong codes are counted. A key can redeem"
    " what it or a descendant sent; anything else that your account sent requires vouchers:redeem.",
    path="/vouchers/redeem",
    scopes=("topup:send", REDEEMS),
    audience=(MERCHANT,),
    input=VouchersRedeemBody,
    command=redeem,
    result=RedeemedVoucher,
    refuses=(NotRedeemable,),
    told=lambda done, _: EnvelopeFacts(voucher_of=done.topup.id, voucher_code=done.voucher_code),
    guesses_code=True,
    moves_money=True,
    examples=("topup vouchers redeem --code @voucher.txt",),
)
