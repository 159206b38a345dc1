"""Manual credit: operators add or remove credit, and give a reason.

Added credit pays debts first, unless it is promotional. Removing credit never makes a balance negative.
"""

from dataclasses import dataclass
from typing import Annotated, Self

from msgspec import Meta

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, InsufficientBalance, LedgerAccountKind
from billing.ledger.money import BALANCE_MICROS_MAX, MICROS_PER_CREDIT
from billing.topups.send import AmountOutOfRange
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from kernel.fields import Fields, Time as TimeText, said, time_us
from kernel.ids import new_id
from kernel.shaped import SIGNED, Shaped
from kernel.tenant import Tenant
from kernel.words import Micros, Time
from keys import audit_log
from keys.act import OPERATOR, CallContext, EngineAct
from keys.audit_log import Actor
from store.database import Transaction

CREDITS_MAX = 1_000_000_000
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Adjusted:
    id: str
    tenant: Tenant
    credits: int
    reason: str
    balance_micros: int
    is_promotional: bool = False
    expires_at: int | None = None


class Adjustments(WorkingSet):
    rank = 1

    def __init__(self) -> None:
        self._new: list[tuple[object, ...]] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    async def update(self, tx: Transaction, now_us: int) -> None:
        columns = ("id", "account_id", "environment", "credits", "reason", "is_promotional")
        await tx.insert(
            "credit_adjustments",
            (*columns, "expires_at", "created_at"),
            [(*one, now_us) for one in self._new],
        )

    def add(self, done: "AdjustCredit") -> None:
        self.changes += 1
        self._new.append(
            (
                done.adjustment_id,
                *done.tenant,
                done.credits,
                done.reason,
                int(done.is_promotional),
                done.expires_at,
            )
        )


@dataclass(frozen=True, slots=True)
class AdjustCredit:
    """Add credit, or remove it if `credits` is negative.

    Raise InvalidInput if the expiry is in the past.
    """

    adjustment_id: str
    tenant: Tenant
    credits: int
    reason: str
    actor: Actor
    is_promotional: bool = False
    expires_at: int | None = None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(AuditEntries)
        read_set.working_set(Adjustments)
        read_set.places.add((*self.tenant, LedgerAccountKind.PROMOTION, ""))
        read_set.places.add((*self.tenant, LedgerAccountKind.MANUAL, ""))
        read_set.places.add((*self.tenant, LedgerAccountKind.WITHDRAWN, ""))

    def decide(self, state: BatchState) -> Adjusted:
        before_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        micros = abs(self.credits) * MICROS_PER_CREDIT
        if self.credits > 0:
            self._give(state, micros)
        else:
            self._take(state, micros)
            state.record_drop(self.tenant, before_micros, calls_for_recharge=False)
        after_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        entry = audit_log.entry(
            self.actor,
            "credit.adjust",
            environment=self.tenant.environment,
            account_id=self.tenant.account_id,
            subject_id=self.adjustment_id,
            before={"balance_micros": before_micros},
            after={"balance_micros": after_micros, "credits": self.credits, **self._kind()},
            reason=self.reason,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)
        state.working_set(Adjustments).add(self)
        return Adjusted(
            self.adjustment_id,
            self.tenant,
            self.credits,
            self.reason,
            after_micros,
            self.is_promotional,
            self.expires_at,
        )

    def _kind(self) -> dict[str, object]:
        if not self.is_promotional:
            return {}
        ends = None if self.expires_at is None else rfc3339(self.expires_at)
        return {"promotional": True, "expires_at": ends}

    def _give(self, state: BatchState, micros: int) -> None:
        if self.expires_at is not None and self.expires_at <= state.now_of(self.tenant):
            raise InvalidInput("The expiry must be in the future.", param="expires_at")
        kind = LedgerAccountKind.PROMOTION if self.is_promotional else LedgerAccountKind.MANUAL
        source = state.ledger.account(self.tenant, kind)
        held = state.ledger.balance_micros(self.tenant, state.now_us)
        if max(held, source.balance_micros) + micros > BALANCE_MICROS_MAX:
            raise AmountOutOfRange("The account can't hold that much credit.", param="amount")
        if not self.is_promotional:
            state.credit(self.tenant, source, micros, Code.MANUAL, subject_id=self.adjustment_id)
            return
        grant = state.ledger.account(
            self.tenant,
            LedgerAccountKind.GRANT,
            self.adjustment_id,
            expires_at=self.expires_at,
        )
        state.move(source, grant, micros, Code.GRANT, subject_id=self.adjustment_id)

    def _take(self, state: BatchState, micros: int) -> None:
        wallet = state.ledger.wallet(self.tenant)
        if wallet.balance_micros < micros:
            raise InsufficientBalance(
                "The wallet doesn't have that much purchased credit.",
                extra={"purchased_credits": wallet.balance_micros // MICROS_PER_CREDIT},
            )
        withdrawn = state.ledger.account(self.tenant, LedgerAccountKind.WITHDRAWN)
        state.move(wallet, withdrawn, micros, Code.MANUAL, subject_id=self.adjustment_id)


def new_adjustment(
    tenant: Tenant,
    credit_count: int,
    reason: str,
    *,
    actor: Actor,
    is_promotional: bool = False,
    expires_at: int | None = None,
) -> AdjustCredit:
    if credit_count == 0 or abs(credit_count) > CREDITS_MAX:
        raise InvalidInput(
            f"The amount must be from 1 to {CREDITS_MAX} credits, or negative to take credit away.",
            param="amount",
        )
    said = reason.strip()
    if not said or len(said) > REASON_CHARACTERS_MAX:
        raise InvalidInput(
            f"Give a reason of 1 to {REASON_CHARACTERS_MAX} characters.", param="reason"
        )
    if is_promotional and credit_count < 0:
        raise InvalidInput("Promotional credit can't be taken away.", param="promotional")
    if expires_at is not None and not is_promotional:
        raise InvalidInput("Only promotional credit can have an expiry.", param="expires_at")
    return AdjustCredit(
        new_id("adj"), tenant, credit_count, said, actor, is_promotional, expires_at
    )


class CreditChange(Fields, frozen=True, kw_only=True):
    """How much credit to add or remove, and why. Added purchased credit pays debts first."""

    amount: Annotated[
        int,
        Meta(
            ge=-CREDITS_MAX,
            le=CREDITS_MAX,
            description="The amount in credits of $0.001. A negative amount removes credit.",
        ),
    ]
    reason: Annotated[
        str,
        Meta(
            max_length=REASON_CHARACTERS_MAX,
            description="The reason, which the account's history and the audit log show.",
        ),
    ]
    promotional: Annotated[
        bool,
        Meta(description="Whether the credit is promotional. Only promotional credit can expire."),
    ] = False
    expires_at: (
        Annotated[
            TimeText,
            Meta(
                description="When promotional credit expires, on the account's clock. If omitted, never."
            ),
            said("Ends"),
        ]
        | None
    ) = None


class CreditAdjustment(Shaped, kw_only=True):
    """A completed adjustment, and the balance after it."""

    id: Annotated[str, Meta(pattern=r"^adj_[0-9A-Za-z]+$")]
    amount: Annotated[
        int,
        Meta(
            description="The amount in credits of $0.001; negative if credit was removed.",
            extra_json_schema=SIGNED,
        ),
    ]
    reason: Annotated[str, Meta(description="The reason for the adjustment.")]
    promotional: Annotated[bool, Meta(description="Whether the credit is promotional.")]
    expires_at: Annotated[Time | None, Meta(description="When the credit expires, if ever.")]
    balance_micros: Micros

    @classmethod
    def of_done(cls, done: Adjusted) -> Self:
        return cls.of(done, amount=done.credits, promotional=done.is_promotional)


async def adjust_credit(context: CallContext, asked: CreditChange) -> AdjustCredit:
    return new_adjustment(
        context.tenant,
        asked.amount,
        asked.reason,
        actor=context.by,
        is_promotional=asked.promotional,
        expires_at=time_us(asked.expires_at, "expires_at"),
    )


ADJUST_CREDIT = EngineAct(
    name="accounts.adjust",
    summary="Add credit to an account, or remove some",
    description="This applies to one environment. Purchased credit that is added pays debts first. A balance"
    " never falls below zero.",
    path="/accounts/{account}/credit",
    audience=(OPERATOR,),
    input=CreditChange,
    command=adjust_credit,
    view=CreditAdjustment.of_done,
    result=CreditAdjustment,
    refuses=(InsufficientBalance,),
    moves_money=True,
    asks="Change the credit of {name} ({id}) by {amount} credits of 0.001 USD?",
    done="The account's credit is changed, and the audit log contains the reason.",
    examples=(
        "topup accounts adjust ops@acme.example --environment live --amount 20000 --reason 'a refund by hand'",
    ),
)
