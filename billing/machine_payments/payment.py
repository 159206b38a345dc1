"""Store payments by machines without an account. Each pays for the one top-up in its request.

A payment's row is found by its ID at the facilitator or provider, or by the payer's secret identifier. The row is
written before any call. The caller holds the locks of the machine account and of the payment's account.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from billing.credits.redemption_code import OneCode, insert_one
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.topups.platform import Platforms
from billing.topups.send import SendRequest, prepare
from billing.topups.topup import DeliveryOptions
from kernel.clock import SECOND_US
from kernel.errors import DomainError, NotFound
from kernel.ids import AccountId, least_id
from kernel.tenant import OfTenant
from keys.account import EmailTaken, create_account
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction
from store.due_rows import DueRows
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import WORDS_OR_NULL, RowMapping, as_json

X402: Final = "x402"
MPP: Final = "mpp"
PROTOCOLS: Final = (X402, MPP)
HINT: Final = "machine_payments"
PaymentState = Literal["settling", "unknown", "paid", "refused", "refunded"]
OPEN: Final = frozenset[PaymentState]({"settling", "unknown"})
DETAIL_CHARACTERS_MAX: Final = 300
# The delay between checks grows within these bounds.
ASK_US_MIN: Final = 2 * SECOND_US
ASK_US_MAX: Final = 300 * SECOND_US
# For this long, an identical payment by the same payer is treated as a mistake unless `distinct` is true.
REPEAT_GUARD_US: Final = 600 * SECOND_US
# An ID contains the time of the process that made it. The processes' clocks may differ by this much.
_CLOCKS_APART_US: Final = 60 * SECOND_US


class PaymentUsed(DomainError):
    pass


class PaymentRequired(DomainError):
    pass


class NotOffered(DomainError):
    pass


class PaidRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    platform: str
    amount_cents: int
    recipient_email: str
    metadata: Mapping[str, str] | None = None
    note: str | None = None
    delivery: DeliveryOptions | None = None
    intent: str | None = None
    fee_cents: int = 0
    distinct: bool = False  # the payer confirmed that this is not a repeated payment
    shown: str = ""  # digest of the signed authorization that came with the request

    @property
    def charged_cents(self) -> int:
        return self.amount_cents + self.fee_cents

    @property
    def wish(self) -> tuple[str, int, str]:
        return self.platform, self.amount_cents, self.recipient_email

    def prepare(self, platforms: Platforms, account_id: str) -> SendRequest:
        fields = msgspec.structs.asdict(self)
        fee_cents, is_distinct = fields.pop("fee_cents"), fields.pop("distinct")
        fields.pop("shown")
        request = prepare(platforms, account_id=account_id, is_distinct=is_distinct, **fields)
        return msgspec.structs.replace(request, fee_cents=fee_cents)


class MachinePayment(OfTenant, frozen=True, kw_only=True):
    id: str
    spent_by: tuple[str, ...]
    protocol: str
    payment_ref: str
    identifier: str
    body_digest: str
    request: PaidRequest
    network: str
    asset: str
    payer: str
    amount: str
    charged_cents: int
    proof: str
    transaction_id: str
    expires_at: int
    created_at: int
    state: PaymentState = "settling"
    settlement: str | None = None
    detail: str | None = None
    checks_made: int = 0
    is_lost: bool = False
    lease_until: int | None = None
    next_check_at: int | None = None
    refund_code: str | None = None
    refund_code_hint: str | None = None
    settled_at: int | None = None
    ended_at: int | None = None

    @property
    def needs_review(self) -> bool:
        return self.state in OPEN and self.next_check_at is None

    def shape(self) -> dict[str, Any]:
        request = self.request
        return {
            "id": self.id,
            "state": "stuck" if self.needs_review else self.state,
            "protocol": self.protocol,
            "environment": self.environment,
            "account_id": self.account_id,
            "transaction_id": self.transaction_id,
            "platform": request.platform,
            "amount_cents": request.amount_cents,
            "charged_cents": self.charged_cents,
            "recipient_email": request.recipient_email,
            "network": self.network,
            "asset": self.asset,
            "amount": self.amount,
            "payer": self.payer,
            "settlement": self.settlement,
            "checks_made": self.checks_made,
            "detail": self.detail,
            "refund_code_hint": self.refund_code_hint,
        }


def check_same(found: MachinePayment, body_digest: str, protocol: str) -> None:
    if found.body_digest != body_digest:
        raise PaymentUsed(
            "This payment or its identifier was already used for a different request. Make a "
            "new payment for each top-up.",
            param="PAYMENT-SIGNATURE" if protocol == X402 else "Authorization",
            reason="payment_used",
            extra={"transaction_id": found.transaction_id},
        )


def settlement_name(network: str, settlement: str | None) -> str | None:
    """Return the form in which a settlement's ID is stored. Hashes on EVM networks are lower case."""
    if settlement is not None and network.startswith("eip155:"):
        return settlement.strip().lower()
    return settlement


def without_private(payment: MachinePayment) -> MachinePayment:
    request = msgspec.structs.replace(payment.request, delivery=None)
    return msgspec.structs.replace(payment, proof="", request=request)


def pause_us(checks_made: int) -> int:
    return min(ASK_US_MAX, ASK_US_MIN << min(checks_made, 10))


async def find(tx: Transaction, payment_id: str) -> MachinePayment:
    row = await tx.fetch_one(
        f"SELECT {ROWS.listed} FROM machine_payments WHERE id = :id", id=payment_id
    )
    if row is None:
        raise NotFound("Payment")
    return ROWS.read(row)


async def load(
    tx: Transaction, ids: Iterable[str], settlements: Iterable[str]
) -> list[MachinePayment]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM machine_payments WHERE id IN :ids[text]
            UNION SELECT {ROWS.listed} FROM machine_payments
            WHERE settlement IN :settlements[text] AND settled_at IS NOT NULL
            ORDER BY id""",
        ids=sorted(set(ids)),
        settlements=sorted(set(settlements)),
    )
    return [ROWS.read(row) for row in rows]


async def find_same(
    tx: Transaction, environment: str, protocol: str, *, payment_ref: str, identifier: str
) -> list[MachinePayment]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM machine_payments
            WHERE environment = :environment AND protocol = :protocol AND payment_ref = :ref
            UNION SELECT {ROWS.listed} FROM machine_payments
            WHERE environment = :environment AND protocol = :protocol AND identifier = :identifier
            ORDER BY id""",
        environment=environment,
        protocol=protocol,
        ref=payment_ref,
        identifier=identifier,
    )
    return [ROWS.read(row) for row in rows]


async def find_recent(
    tx: Transaction, environment: str, payer: str, *, since_us: int
) -> list[MachinePayment]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM machine_payments
            WHERE environment = :environment AND id >= :least AND created_at > :since
              AND payer = :payer AND state IN ('settling', 'unknown', 'paid')
            ORDER BY id""",
        environment=environment,
        least=least_id("mpy", since_us - _CLOCKS_APART_US),
        since=since_us,
        payer=payer,
    )
    return [ROWS.read(row) for row in rows]


async def undelivered(
    tx: Transaction, *, limit: int, exclude_ids: Sequence[str] = ()
) -> list[MachinePayment]:
    rows = await tx.fetch(
        f"""SELECT {ROWS.of("p")} FROM machine_payments p JOIN topups t ON t.id = p.transaction_id
            WHERE p.state = 'paid' AND p.ended_at IS NULL AND t.status NOT IN ('pending', 'scheduled')
              AND NOT p.id IN :exclude_ids[text]
            ORDER BY p.id LIMIT :limit""",
        exclude_ids=exclude_ids,
        limit=limit,
    )
    return [ROWS.read(row) for row in rows]


async def page(
    tx: Transaction, environment: str, *, state: str | None, before_id: Begin, limit: int
) -> list[MachinePayment]:
    is_stuck = state == "stuck"
    rows = await _PAGES.page(
        tx,
        environment=environment,
        before_id=before_id or NEWEST,
        limit=limit,
        state=None if is_stuck else state,
        stuck=1 if is_stuck else None,
    )
    return [ROWS.read(row) for row in rows]


async def count_stuck(tx: Transaction) -> dict[str, int]:
    rows = await tx.fetch(
        f"""SELECT environment, COUNT(*) AS number FROM machine_payments
            WHERE {_STUCK} GROUP BY environment"""
    )
    found = {row["environment"]: int(row["number"]) for row in rows}
    return {environment: found.get(environment, 0) for environment in ENVIRONMENTS}


async def drop_private(tx: Transaction, *, limit: int) -> int:
    rows = await tx.fetch(
        f"""SELECT {ROWS.listed} FROM machine_payments
            WHERE ended_at IS NOT NULL AND proof <> '' ORDER BY id LIMIT :limit""",
        limit=limit,
    )
    kept = [without_private(ROWS.read(row)) for row in rows]
    await tx.execute(_DROP, rows=[_PRIVATE.write(one) for one in kept])
    return len(kept)


async def insert_payments(tx: Transaction, payments: Sequence[MachinePayment]) -> None:
    await tx.insert("machine_payments", ROWS.columns, [ROWS.write(one) for one in payments])


async def update_payments(tx: Transaction, payments: Sequence[MachinePayment]) -> None:
    rows = [_CHANGED.write(one) for one in sorted(payments, key=lambda one: one.id)]
    changed = await tx.execute(_UPDATE, rows=rows)
    assert changed == len(rows), "a payment vanished under the lock"


ROWS = RowMapping(
    MachinePayment, stored={"spent_by": WORDS_OR_NULL, "request": as_json(PaidRequest)}
)
DUE = DueRows("machine_payments", ROWS, called="protocol")
_STUCK: Final = "state IN ('settling', 'unknown') AND next_check_at IS NULL"
_CHANGING = (
    *("state", "settlement", "detail", "checks_made", "is_lost", "lease_until", "next_check_at"),
    *("refund_code", "refund_code_hint", "settled_at", "ended_at", "proof", "request"),
)
_CHANGED = ROWS.part("id", *_CHANGING)
_UPDATE = f"""
UPDATE machine_payments SET {ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE machine_payments.id = v.id
"""
_PRIVATE = ROWS.part("id", "proof", "request")
_DROP = f"""
UPDATE machine_payments SET {ROWS.part("proof", "request").assigned} FROM :rows[{_PRIVATE.typed}] AS v
WHERE machine_payments.id = v.id
"""
_PAGES = Keyset(
    ROWS.listed,
    "machine_payments",
    "environment = :environment",
    filters={"state": "state = :state", "stuck": f":stuck = 1 AND {_STUCK}"},
)


MACHINE_ACCOUNT: Final = AccountId("acc_0000000000000000")
NAME: Final = "Payers without an account"


async def open_machine_account(database: Database, *, now_us: int) -> None:
    async def work(tx: Transaction) -> None:
        found = await tx.fetch_one("SELECT id FROM accounts WHERE id = :id", id=MACHINE_ACCOUNT)
        if found is None:
            await create_account(
                tx, name=NAME, email=None, now_us=now_us, account_id=MACHINE_ACCOUNT
            )

    try:
        await database.transaction(work)
    except EmailTaken:
        return


class PaymentWorkingSet(WorkingSet):
    """The machine payments of one transaction. `ids`, `settlements` and `asked` say which are needed."""

    rank = 65

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.settlements: set[str] = set()
        self.asked: list[MachinePayment] = []
        self._found: dict[str, MachinePayment] = {}
        self._new: dict[str, MachinePayment] = {}
        self._changed: dict[str, MachinePayment] = {}
        self._codes: list[OneCode] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        found = await load(tx, self.ids, self.settlements) if self.ids else []
        for one in self.asked:
            found += await find_same(
                tx,
                one.environment,
                one.protocol,
                payment_ref=one.payment_ref,
                identifier=one.identifier,
            )
            # Cards aren't checked for repeats, because other cards may share the token's last characters.
            if one.protocol == X402 and not one.request.distinct:
                since_us = now_us - REPEAT_GUARD_US
                found += await find_recent(tx, one.environment, one.payer, since_us=since_us)
        self._found = {one.id: one for one in found}

    async def update(self, tx: Transaction, now_us: int) -> None:
        if self._new:
            await insert_payments(tx, list(self._new.values()))
        if self._changed:
            await update_payments(tx, list(self._changed.values()))
        for code in self._codes:
            await insert_one(tx, code, now_us=now_us)

    def hints(self) -> Iterable[str]:
        if any(
            one.next_check_at is not None for one in (*self._new.values(), *self._changed.values())
        ):
            yield HINT

    def find(self, payment_id: str) -> MachinePayment:
        return self._found[payment_id]

    def same_as(self, asked: MachinePayment) -> list[MachinePayment]:
        return [
            one
            for one in self._found.values()
            if (one.environment, one.protocol) == (asked.environment, asked.protocol)
            and (one.payment_ref == asked.payment_ref or one.identifier == asked.identifier)
        ]

    def settled_by(self, settlement: str | None, asked: MachinePayment) -> MachinePayment | None:
        for one in self._found.values():
            is_same = (one.settlement, one.environment) == (settlement, asked.environment)
            if is_same and one.settled_at is not None and one.id != asked.id:
                return one
        return None

    def looks_like(self, asked: MachinePayment, now_us: int) -> MachinePayment | None:
        alike = [
            one
            for one in self._found.values()
            if (one.protocol, one.environment, one.payer)
            == (asked.protocol, asked.environment, asked.payer)
            and one.request.wish == asked.request.wish
            and one.state in {"settling", "unknown", "paid"}
            and one.created_at > now_us - REPEAT_GUARD_US
        ]
        return max(alike, key=lambda one: one.created_at, default=None)

    def add(self, payment: MachinePayment) -> None:
        self.changes += 1
        self._found[payment.id] = self._new[payment.id] = payment

    def change(self, payment: MachinePayment) -> None:
        self.changes += 1
        self._found[payment.id] = payment
        (self._new if payment.id in self._new else self._changed)[payment.id] = payment

    def add_code(self, code: OneCode) -> None:
        self.changes += 1
        self._codes.append(code)


def payments_of(state: BatchState) -> PaymentWorkingSet:
    return state.working_set(PaymentWorkingSet)
