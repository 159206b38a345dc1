"""Mail to an account's owner, as rows: written in the transaction of the turn that it tells of.

States: queued -> sent | bounced | failed | unwanted | limited; outbox leaves by nobody. Writes owner_mails.
Invariants: a turn brings one mail; a row holds no address, since the owner's is looked up when it is sent; a
try is claimed by its number, for the length of a lease, and what an older one brought is not written.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from billing.engine.batch_state import BatchState
from billing.topups.rules import TopUpRules
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.ids import new_id
from kernel.storable import storable
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping

OwnerMailKind = Literal[
    "past_due",
    "recharge_failed",
    "credit_expiring",
    "receipt",
    "approval",
    "invitation",
    "password",
    "password_changed",
    "suspended",
    "resumed",
    "address",
]
OwnerMailStatus = Literal["queued", "sent", "bounced", "failed", "outbox", "unwanted", "limited"]
# After try k it waits WAITS_US[k-1]; then it has failed.
WAITS_US: Final = (MINUTE_US, 10 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US)
REASON_CHARACTERS_MAX: Final = 300
# To one account in 24 hours, each kind apart: credit that ends crowds out no failed payment.
DAY_MAX: Final[Mapping[OwnerMailKind, int]] = {
    "past_due": 10,
    "recharge_failed": 10,
    "credit_expiring": 3,
    "receipt": 20,
    # Ten an hour are written, by billing/recipients/approval_mail.py.
    "approval": 240,
    # As many as an account has members.
    "invitation": 50,
    # Anybody asks for these: more would be a way to fill a mailbox.
    "password": 10,
    "password_changed": 10,
    "suspended": 10,
    "resumed": 10,
    "address": 20,
}
PRUNED_MAX: Final = 500


class OwnerMail(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row; the columns' meaning is in store/schema.py."""

    id: str
    account_id: str
    environment: str
    kind: OwnerMailKind
    subscription_id: str = ""
    about: str | None = None
    status: OwnerMailStatus
    attempts: int = 0
    next_attempt_at: int | None = None
    next_receipt_at: int | None = None
    next_approval_at: int | None = None
    next_invitation_at: int | None = None
    next_notice_at: int | None = None
    reason: str | None = None
    created_at: int
    ended_at: int | None = None

    @property
    def data(self) -> dict[str, Any]:
        """What the turn's event said; empty where the row of the subscription says it."""
        return {} if self.about is None else dict(msgspec.json.decode(self.about))


@dataclass(frozen=True, slots=True)
class DueOwnerMail:
    """A mail that this process may send once. address null: the account has none; is_unwanted: its
    owner switched this kind off; is_over: too many of the kind went to the account within a day; language:
    what its owner chose, by its tag.
    """

    mail: OwnerMail
    address: str | None
    is_unwanted: bool
    is_over: bool
    language: str | None = None


def new_owner_mail(
    state: BatchState,
    tenant: Tenant,
    kind: OwnerMailKind,
    *,
    subscription_id: str = "",
    data: Mapping[str, Any] | None = None,
) -> OwnerMail:
    """About a turn of this batch; data: what its event says."""
    is_sent = tenant.environment in state.rules.of(TopUpRules).mail.sent_in
    return written_mail(
        tenant,
        kind,
        subscription_id=subscription_id,
        data=data,
        is_sent=is_sent,
        now_us=state.now_us,
    )


def written_mail(
    tenant: Tenant,
    kind: OwnerMailKind,
    *,
    subscription_id: str = "",
    data: Mapping[str, Any] | None,
    is_sent: bool,
    now_us: int,
) -> OwnerMail:
    """One that is due now; is_sent: mail of its environment leaves, else it stays in the outbox."""
    due_at = now_us if is_sent else None
    return OwnerMail(
        id=new_id("oml"),
        account_id=tenant.account_id,
        environment=tenant.environment,
        kind=kind,
        subscription_id=subscription_id,
        about=None if data is None else msgspec.json.encode(data).decode(),
        status="queued" if is_sent else "outbox",
        **_due(kind, due_at),
        created_at=now_us,
        ended_at=None if is_sent else now_us,
    )


async def insert(tx: Transaction, mails: Sequence[OwnerMail]) -> None:
    await tx.insert("owner_mails", _ROWS.columns, [_ROWS.write(one) for one in mails])


async def claim(
    tx: Transaction, *, now_us: int, lease_us: int, limit: int
) -> Sequence[DueOwnerMail]:
    """At most `limit` due mails, the longest due first."""
    values = {"now": now_us, "lease_until": now_us + lease_us}
    rows: list[Row] = []
    for claim_some in _CLAIMS:
        if len(rows) < limit:
            rows += await tx.fetch(claim_some, limit=limit - len(rows), **values)
    mails = sorted(map(_ROWS.read, rows), key=lambda one: one.id)
    if not mails:
        return ()
    ids = sorted({one.account_id for one in mails})
    owners = await tx.fetch(
        """SELECT id, email, expiring_mail_off_at, receipt_mail_off_at, approval_mail_off_at,
               mail_language
           FROM accounts WHERE id IN :ids[text]""",
        ids=ids,
    )
    addresses = {row["id"]: row["email"] for row in owners}
    languages = {row["id"]: row["mail_language"] for row in owners}
    off = {
        (row["id"], kind)
        for row in owners
        for kind, column in _OFF.items()
        if row[column] is not None
    }
    sent = await _sent(tx, ids, after_us=now_us - DAY_US)
    due = []
    for one in mails:
        place = (one.account_id, one.kind)
        is_unwanted = place in off
        is_over = sent[place] >= DAY_MAX[one.kind]
        sent[place] += not is_unwanted
        language = languages.get(one.account_id)
        due.append(DueOwnerMail(one, addresses.get(one.account_id), is_unwanted, is_over, language))
    return due


async def _sent(
    tx: Transaction, account_ids: Sequence[str], *, after_us: int
) -> Counter[tuple[str, str]]:
    """How many mails of each kind left for each account."""
    rows = await tx.fetch(
        """SELECT account_id, kind, COUNT(*) AS number FROM owner_mails
           WHERE account_id IN :ids[text] AND status = 'sent' AND ended_at > :after
           GROUP BY account_id, kind""",
        ids=account_ids,
        after=after_us,
    )
    return Counter({(row["account_id"], row["kind"]): int(row["number"]) for row in rows})


async def settle(
    tx: Transaction, mail: OwnerMail, status: OwnerMailStatus, reason: str | None, *, now_us: int
) -> None:
    """What came of this try; queued: there is another, unless it was the last."""
    is_last = mail.attempts > len(WAITS_US)
    ended = "failed" if status == "queued" and is_last else status
    again_at = now_us + WAITS_US[mail.attempts - 1] if ended == "queued" else None
    await tx.execute(
        """UPDATE owner_mails SET status = :status, reason = :reason,
               next_attempt_at = :next_attempt_at, next_receipt_at = :next_receipt_at,
               next_approval_at = :next_approval_at, next_invitation_at = :next_invitation_at,
               next_notice_at = :next_notice_at,
               ended_at = :ended_at
           WHERE id = :id AND attempts = :attempts AND status = 'queued'""",
        status=ended,
        reason=None if reason is None else storable(reason, characters_max=REASON_CHARACTERS_MAX),
        **_due(mail.kind, again_at),
        ended_at=None if ended == "queued" else now_us,
        id=mail.id,
        attempts=mail.attempts,
    )


async def of_subscription(
    tx: Transaction, tenant: Tenant, subscription_id: str
) -> Sequence[OwnerMail]:
    """What was written about it, newest first; at most a hundred."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM owner_mails
            WHERE account_id = :account_id AND environment = :environment
              AND subscription_id = :id
            ORDER BY id DESC LIMIT 100""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        id=subscription_id,
    )
    return [_ROWS.read(row) for row in rows]


async def latest(tx: Transaction, tenant: Tenant, *, limit: int) -> Sequence[OwnerMail]:
    """What was written to the account's owner, newest first."""
    rows = await _PAGES.page(tx, tenant, before_id=None, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def told_accounts(
    tx: Transaction, kind: OwnerMailKind, tenants: Sequence[Tenant]
) -> frozenset[str]:
    """Those of the accounts that have an address and did not switch mail of the kind off."""
    off = _OFF.get(kind)
    is_wanted = "" if off is None else f"AND {off} IS NULL"
    rows = await tx.fetch(
        f"SELECT id FROM accounts WHERE id IN :ids[text] AND email IS NOT NULL {is_wanted}",
        ids=sorted({one.account_id for one in tenants}),
    )
    return frozenset(row["id"] for row in rows)


async def written_since(
    tx: Transaction, kind: OwnerMailKind, tenants: Sequence[Tenant], *, after_us: int
) -> Counter[Tenant]:
    """How many mails of the kind were written for each of these since then."""
    rows = await tx.fetch(
        """SELECT account_id, environment, COUNT(*) AS number FROM owner_mails
           WHERE account_id IN :ids[text] AND kind = :kind AND created_at > :after
           GROUP BY account_id, environment""",
        ids=sorted({one.account_id for one in tenants}),
        kind=kind,
        after=after_us,
    )
    found = {Tenant(row["account_id"], row["environment"]): int(row["number"]) for row in rows}
    return Counter(found)


async def prune(tx: Transaction, *, environment: str, before_us: int) -> int:
    """Deletes at most PRUNED_MAX mails of longer ago that are not on their way; how many."""
    return await tx.execute(
        """DELETE FROM owner_mails WHERE id IN (
               SELECT id FROM owner_mails
               WHERE environment = :environment AND created_at < :before_us AND status <> 'queued'
               ORDER BY id LIMIT :limit)""",
        environment=environment,
        before_us=before_us,
        limit=PRUNED_MAX,
    )


_ROWS = RowMapping(OwnerMail)
_PAGES = Keyset(
    _ROWS.listed, "owner_mails", "account_id = :account_id AND environment = :environment"
)
# What an account switches off, by the kind of mail.
_OFF: Final[Mapping[str, str]] = {
    "credit_expiring": "expiring_mail_off_at",
    "receipt": "receipt_mail_off_at",
    "approval": "approval_mail_off_at",
}
# Kinds that a worker of before does not know are due by another column than its own: those of one migration
# each by theirs, and all that came since by the last, of which a worker takes the kinds that it knows.
_DUE: Final[Mapping[str, str]] = {
    "receipt": "next_receipt_at",
    "approval": "next_approval_at",
    "invitation": "next_invitation_at",
    "password": "next_notice_at",
    "password_changed": "next_notice_at",
    "suspended": "next_notice_at",
    "resumed": "next_notice_at",
    "address": "next_notice_at",
}
_DUE_COLUMNS: Final = (
    "next_attempt_at",
    "next_receipt_at",
    "next_approval_at",
    "next_invitation_at",
    "next_notice_at",
)


def _claim_by(due: str) -> str:
    kinds = ", ".join(f"'{kind}'" for kind, column in _DUE.items() if column == due)
    is_known = f"AND m.kind IN ({kinds})" if due == "next_notice_at" else ""
    return f"""
UPDATE owner_mails SET attempts = owner_mails.attempts + 1, {due} = :lease_until
FROM (
    SELECT m.id FROM owner_mails m
    WHERE m.{due} IS NOT NULL AND m.{due} <= :now {is_known}
    ORDER BY m.{due} LIMIT :limit FOR NO KEY UPDATE OF m SKIP LOCKED) AS w
WHERE owner_mails.id = w.id
RETURNING {_ROWS.of("owner_mails")}
"""


_CLAIMS: Final = tuple(map(_claim_by, _DUE_COLUMNS))


def _due(kind: str, at: int | None) -> dict[str, Any]:
    """The time by the kind's column; the others have none."""
    column = _DUE.get(kind, "next_attempt_at")
    return {one: at if one == column else None for one in _DUE_COLUMNS}
