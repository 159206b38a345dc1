"""Refunds and disputes: list disputes that providers reported, with the deadlines for evidence.

Only the newest report, by the provider's clock, is used. A dispute that has ended doesn't reopen.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct, convert

from billing.ledger.price import Price
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import DisputeClosed, Disputed, DisputeNote
from kernel.clock import rfc3339
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Page
from kernel.storable import storable
from kernel.tenant import Tenant
from kernel.words import MinorUnits, Time
from keys.account import lock_tenants
from keys.act import ActContext, ListAct
from store.database import Row, Transaction
from store.keyset import Begin, cut
from store.row_mapping import RowMapping
from webhooks.events.event import Outbox

DISPUTE_OPENED = "dispute.opened"
WORD_CHARACTERS_MAX = 60
DisputeState = Literal["open", "ended"]
_NEVER_US = 2**62  # after any deadline
_OPERATORS = """
SELECT e.account_id FROM accounts a
JOIN account_environments e ON e.account_id = a.id AND e.environment = :environment
WHERE a.is_operator = 1 ORDER BY e.account_id
"""


class DisputeRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    provider: str
    environment: str
    id: str
    account_id: str | None = None
    order_id: str | None = None
    amount: int
    currency: str
    status: str
    reason: str
    is_inquiry: bool = False
    due_at: int | None = None
    page_url: str | None = None
    created_at: int
    reported_at: int
    ended_at: int | None = None

    @property
    def price(self) -> Price:
        return Price(self.amount, self.currency)

    @property
    def cursor(self) -> str:
        return f"{self.provider}/{self.id}"

    def shape(self) -> dict[str, Any]:
        ended = self.ended_at
        return {
            "id": self.id,
            "provider": self.provider,
            "environment": self.environment,
            "account_id": self.account_id,
            "order_id": self.order_id,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "reason": self.reason,
            "is_inquiry": self.is_inquiry,
            "evidence_due_at": None if self.due_at is None else rfc3339(self.due_at),
            "page_url": self.page_url,
            "created_at": rfc3339(self.created_at),
            "ended_at": None if ended is None else rfc3339(ended),
        }


async def save(
    tx: Transaction,
    notification: NotificationRef,
    fact: Disputed | DisputeClosed,
    owner: tuple[str | None, str | None],
    *,
    now_us: int,
) -> None:
    """Store a report about a dispute, and notify operators once. `owner` is the account and order, if known."""
    note = fact.note or _bare(fact)
    price = fact.price if isinstance(fact, Disputed) else Price(0, "")
    said = DisputeRow(
        provider=notification.provider,
        environment=notification.environment,
        id=fact.key,
        account_id=owner[0],
        order_id=owner[1],
        amount=price.amount,
        currency=price.currency,
        status=storable(note.status, characters_max=WORD_CHARACTERS_MAX),
        reason=storable(note.reason, characters_max=WORD_CHARACTERS_MAX),
        is_inquiry=note.is_inquiry,
        due_at=note.due_at,
        page_url=note.page_url,
        created_at=now_us,
        reported_at=now_us if note.sent_at is None else note.sent_at,
        ended_at=now_us if note.is_over else None,
    )
    known = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM disputes"
        " WHERE provider = :provider AND environment = :environment AND id = :id",
        provider=said.provider,
        environment=said.environment,
        id=said.id,
    )
    on_conflict = _UPDATE if fact.note is not None else _LEARN
    await tx.insert("disputes", _ROWS.columns, [_ROWS.write(said)], on_conflict=on_conflict)
    if known is None and not note.is_over:
        await _notify_operators(tx, said, now_us=now_us)


async def page_of_disputes(
    tx: Transaction,
    environment: str,
    *,
    state: DisputeState = "open",
    after: str | None = None,
    limit: int,
) -> list[DisputeRow]:
    """Return a page of disputes. Raise InvalidInput for an invalid cursor.

    Open disputes are sorted by evidence deadline, and ended disputes by when they ended, latest first.
    """
    last = None if after is None else await _at(tx, environment, after)
    values: dict[str, Any] = {"environment": environment, "limit": limit}
    if last is not None:
        values |= {"provider": last.provider, "id": last.id}
        if state == "ended":
            values["at"] = last.ended_at if last.ended_at is not None else _NEVER_US
        else:
            values |= {"at": last.due_at or _NEVER_US, "told": last.created_at}
    text = _ENDED if state == "ended" else _OPEN
    behind = _BEHIND[state] if last is not None else ""
    return [_dispute(row) for row in await tx.fetch(text.format(behind=behind), **values)]


async def of_order(tx: Transaction, order_id: str) -> Sequence[DisputeRow]:
    rows = await tx.fetch(
        f"SELECT {_ROWS.listed} FROM disputes WHERE order_id = :id ORDER BY created_at, id",
        id=order_id,
    )
    return [_dispute(row) for row in rows]


async def find(tx: Transaction, environment: str, dispute_id: str) -> DisputeRow:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM disputes WHERE environment = :environment AND id = :id",
        environment=environment,
        id=dispute_id,
    )
    if row is None:
        raise NotFound("Dispute")
    return _dispute(row)


async def _at(tx: Transaction, environment: str, cursor: str) -> DisputeRow:
    provider, _, dispute_id = cursor.partition("/")
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM disputes"
        " WHERE provider = :provider AND environment = :environment AND id = :id",
        provider=provider,
        environment=environment,
        id=dispute_id,
    )
    if row is None:
        raise InvalidInput(
            "This cursor doesn't belong to this list. Use `next_cursor` from the previous page.",
            param="cursor",
        )
    return _dispute(row)


def _bare(fact: Disputed | DisputeClosed) -> DisputeNote:
    if isinstance(fact, DisputeClosed):
        return DisputeNote("won" if fact.is_won else "lost", is_over=True)
    return DisputeNote("open")


async def _notify_operators(tx: Transaction, said: DisputeRow, *, now_us: int) -> None:
    rows = await tx.fetch(_OPERATORS, environment=said.environment)
    tenants = [Tenant(row["account_id"], said.environment) for row in rows]
    if not tenants:
        return
    await lock_tenants(tx, tenants)
    outbox = await Outbox.load(tx, tenants)
    for tenant in tenants:
        outbox.publish(tenant, type=DISPUTE_OPENED, data=said.shape(), now_us=now_us)
    await outbox.flush(tx)


def _dispute(row: Row) -> DisputeRow:
    return _ROWS.read(row)


_ROWS = RowMapping(DisputeRow)
_LEARN = """ON CONFLICT (provider, environment, id) DO UPDATE SET
    account_id = COALESCE(disputes.account_id, excluded.account_id),
    order_id = COALESCE(disputes.order_id, excluded.order_id),
    ended_at = COALESCE(disputes.ended_at, excluded.ended_at),
    status = CASE WHEN disputes.ended_at IS NULL AND excluded.ended_at IS NOT NULL
        THEN excluded.status ELSE disputes.status END"""
# The provider's times are in whole seconds, so a report with the same time is treated as newer.
_NEWER = "excluded.reported_at >= disputes.reported_at"
_UPDATE = f"""ON CONFLICT (provider, environment, id) DO UPDATE SET
    account_id = COALESCE(disputes.account_id, excluded.account_id),
    order_id = COALESCE(disputes.order_id, excluded.order_id),
    amount = CASE WHEN excluded.amount > 0 AND ({_NEWER} OR disputes.amount = 0)
        THEN excluded.amount ELSE disputes.amount END,
    currency = CASE WHEN excluded.currency <> '' AND ({_NEWER} OR disputes.currency = '')
        THEN excluded.currency ELSE disputes.currency END,
    status = CASE WHEN disputes.ended_at IS NULL AND ({_NEWER} OR excluded.ended_at IS NOT NULL)
        THEN excluded.status ELSE disputes.status END,
    reason = CASE WHEN excluded.reason <> '' AND ({_NEWER} OR disputes.reason = '')
        THEN excluded.reason ELSE disputes.reason END,
    is_inquiry = CASE WHEN {_NEWER} THEN excluded.is_inquiry ELSE disputes.is_inquiry END,
    due_at = CASE WHEN {_NEWER} THEN COALESCE(excluded.due_at, disputes.due_at)
        ELSE COALESCE(disputes.due_at, excluded.due_at) END,
    page_url = COALESCE(excluded.page_url, disputes.page_url),
    reported_at = CASE WHEN {_NEWER} THEN excluded.reported_at ELSE disputes.reported_at END,
    ended_at = COALESCE(disputes.ended_at, excluded.ended_at)"""
_OPEN = f"""
SELECT {_ROWS.listed} FROM disputes
WHERE environment = :environment AND ended_at IS NULL {{behind}}
ORDER BY COALESCE(due_at, {_NEVER_US}), created_at, provider, id LIMIT :limit
"""
_ENDED = f"""
SELECT {_ROWS.listed} FROM disputes
WHERE environment = :environment AND ended_at IS NOT NULL {{behind}}
ORDER BY ended_at DESC, provider, id LIMIT :limit
"""
_BEHIND: Mapping[DisputeState, str] = {
    "open": f"""AND (COALESCE(due_at, {_NEVER_US}), created_at, provider, id)
        > (:at, :told, :provider, :id)""",
    "ended": "AND (ended_at < :at OR (ended_at = :at AND (provider, id) > (:provider, :id)))",
}


class DisputesQuery(Page, frozen=True, kw_only=True):
    """Select disputes. The cursor comes from the previous page."""

    state: Annotated[
        DisputeState,
        Meta(
            description="open: open disputes, the nearest deadline for evidence first. ended: ended ones, the"
            " latest first."
        ),
    ] = "open"


class Dispute(Struct, kw_only=True):
    """A dispute that a payer's bank has opened, or the bank's inquiry, which takes no money."""

    id: Annotated[str, Meta(description="The provider's ID of the dispute.")]
    provider: str
    account_id: Annotated[str | None, Meta(description="The account's ID. Null if unknown.")]
    order_id: Annotated[
        str | None, Meta(description="The order's ID. Null if the payment isn't for an order.")
    ]
    amount: MinorUnits
    currency: Annotated[str, Meta(description="The ISO 4217 code.")]
    status: Annotated[str, Meta(description="The state, in the provider's words.")]
    reason: Annotated[str, Meta(description="The reason, in the provider's words.")]
    is_inquiry: bool
    evidence_due_at: Annotated[
        Time | None,
        Meta(description="The deadline for evidence. Null if the provider didn't report it."),
    ]
    page_url: str | None
    created_at: Time
    ended_at: Time | None

    @classmethod
    def of(cls, dispute: DisputeRow) -> "Dispute":
        return convert(dispute.shape(), cls)


async def list_disputes(
    context: ActContext, asked: DisputesQuery, begin: Begin, limit: int
) -> Sequence[DisputeRow]:
    found = await page_of_disputes(
        context.tx,
        context.environment,
        state=asked.state,
        after=cast(str | None, begin),
        limit=limit + 1,
    )
    return cut(found, limit, attrgetter("cursor"))


LIST_DISPUTES = ListAct(
    name="disputes.list",
    summary="List disputes: open ones by their deadline for evidence, or ended ones",
    path="/disputes",
    query=DisputesQuery,
    run=list_disputes,
    view=Dispute.of,
    result=Dispute,
    own_cursors=True,
    is_catalogue=True,
    summed=("amount", "currency"),
    columns=(
        "id",
        "provider",
        "status",
        "reason",
        "amount",
        "order_id",
        "evidence_due_at",
        "page_url",
    ),
    examples=("topup disputes list --environment live",),
)
ACTS = (LIST_DISPUTES,)
