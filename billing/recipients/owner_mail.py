"""Queue mail to an account's owner and colleagues, in the transaction that causes it.

When an email is first claimed, it is copied for each colleague who wants it. The address is looked up when the mail is
sent.
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
from keys.notifications import Notification, Person, people_of
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
    "webhook",
    "balance",
    "key",
]
OwnerMailStatus = Literal["queued", "sent", "bounced", "failed", "outbox", "unwanted", "limited"]
WAITS_US: Final = (MINUTE_US, 10 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US)
REASON_CHARACTERS_MAX: Final = 300
CHOICE_OF: Final[Mapping[OwnerMailKind, Notification]] = {
    "credit_expiring": "expiring",
    "receipt": "receipt",
    "approval": "approval",
    "webhook": "webhook",
    "balance": "balance",
    "key": "key",
}
# Mail of these kinds is written for the owner, and copied for colleagues when it is sent.
_SHARED: Final = frozenset({"credit_expiring", "receipt"})
# The maximum number of emails of each kind to one person in a day, so that no kind crowds out another.
DAY_MAX: Final[Mapping[OwnerMailKind, int]] = {
    "past_due": 10,
    "recharge_failed": 10,
    "credit_expiring": 3,
    "receipt": 20,
    "approval": 240,
    "invitation": 50,
    "password": 10,
    "password_changed": 10,
    "suspended": 10,
    "resumed": 10,
    "address": 20,
    "webhook": 96,
    "balance": 96,
    "key": 96,
}
PRUNED_MAX: Final = 500


class OwnerMail(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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
    member_id: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        return {} if self.about is None else dict(msgspec.json.decode(self.about))

    @property
    def choice(self) -> Notification | None:
        return None if self.data.get("is_always_sent") else CHOICE_OF.get(self.kind)


@dataclass(frozen=True, slots=True)
class DueOwnerMail:
    mail: OwnerMail
    person: Person | None
    is_unwanted: bool
    is_over: bool


def new_owner_mail(
    state: BatchState,
    tenant: Tenant,
    kind: OwnerMailKind,
    *,
    subscription_id: str = "",
    data: Mapping[str, Any] | None = None,
) -> OwnerMail:
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
    member_id: str | None = None,
) -> OwnerMail:
    due_at = now_us if is_sent else None
    return OwnerMail(
        id=new_id("oml"),
        account_id=tenant.account_id,
        environment=tenant.environment,
        kind=kind,
        subscription_id=subscription_id,
        about=None if data is None else msgspec.json.encode(data).decode(),
        status="queued" if is_sent else "outbox",
        **_due(kind, member_id, due_at),
        created_at=now_us,
        ended_at=None if is_sent else now_us,
        member_id=member_id,
    )


def addressees(
    people: Sequence[Person], choice: Notification, tenant: Tenant, *, is_sent: bool
) -> list[Person]:
    return [
        one
        for one in people
        if one.email is not None
        and one.is_notified(choice, tenant.environment)
        and (is_sent or one.member_id is None)
    ]


async def insert(tx: Transaction, mails: Sequence[OwnerMail]) -> None:
    await tx.insert("owner_mails", _ROWS.columns, [_ROWS.write(one) for one in mails])


async def claim(
    tx: Transaction, *, now_us: int, lease_us: int, limit: int
) -> Sequence[DueOwnerMail]:
    values = {"now": now_us, "lease_until": now_us + lease_us}
    rows: list[Row] = []
    for claim_some in _CLAIMS:
        if len(rows) < limit:
            rows += await tx.fetch(claim_some, limit=limit - len(rows), **values)
    mails = sorted(map(_ROWS.read, rows), key=lambda one: one.id)
    if not mails:
        return ()
    ids = sorted({one.account_id for one in mails})
    people = await people_of(tx, ids)
    copies = [copy for one in mails for copy in _copies(one, people[one.account_id], now_us)]
    if copies:
        await insert(tx, copies)
    sent = await _sent(tx, ids, after_us=now_us - DAY_US)
    due = []
    for one in mails:
        person = next((p for p in people[one.account_id] if p.member_id == one.member_id), None)
        is_unwanted = person is None or _is_unwanted(one, person)
        place = (one.account_id, one.kind, one.member_id)
        is_over = sent[place] >= DAY_MAX[one.kind]
        sent[place] += not is_unwanted
        due.append(DueOwnerMail(one, person, is_unwanted, is_over))
    return due


def _copies(mail: OwnerMail, people: Sequence[Person], now_us: int) -> list[OwnerMail]:
    if mail.attempts > 1 or mail.member_id is not None or mail.kind not in _SHARED:
        return []
    tenant, choice = Tenant(mail.account_id, mail.environment), CHOICE_OF[mail.kind]
    return [
        msgspec.structs.replace(
            written_mail(tenant, mail.kind, data=None, is_sent=True, now_us=now_us),
            subscription_id=mail.subscription_id,
            about=mail.about,
            member_id=person.member_id,
            **_due(mail.kind, person.member_id, now_us),
        )
        for person in addressees(people, choice, tenant, is_sent=True)
        if person.member_id is not None
    ]


def _is_unwanted(mail: OwnerMail, person: Person) -> bool:
    choice = mail.choice
    return choice is not None and not person.is_notified(choice, mail.environment)


async def _sent(
    tx: Transaction, account_ids: Sequence[str], *, after_us: int
) -> Counter[tuple[str, str, str | None]]:
    rows = await tx.fetch(
        """SELECT account_id, kind, member_id, COUNT(*) AS number FROM owner_mails
           WHERE account_id IN :ids[text] AND status = 'sent' AND ended_at > :after
           GROUP BY account_id, kind, member_id""",
        ids=account_ids,
        after=after_us,
    )
    return Counter(
        {(row["account_id"], row["kind"], row["member_id"]): int(row["number"]) for row in rows}
    )


async def settle(
    tx: Transaction, mail: OwnerMail, status: OwnerMailStatus, reason: str | None, *, now_us: int
) -> None:
    """Record the result. If it is "queued", the email is sent again, unless this was the last attempt."""
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
        **_due(mail.kind, mail.member_id, again_at),
        ended_at=None if ended == "queued" else now_us,
        id=mail.id,
        attempts=mail.attempts,
    )


async def of_subscription(
    tx: Transaction, tenant: Tenant, subscription_id: str
) -> Sequence[OwnerMail]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM owner_mails
            WHERE account_id = :account_id AND environment = :environment
              AND subscription_id = :id
            ORDER BY id DESC LIMIT 100""",
        **tenant._asdict(),
        id=subscription_id,
    )
    return [_ROWS.read(row) for row in rows]


async def latest(tx: Transaction, tenant: Tenant, *, limit: int) -> Sequence[OwnerMail]:
    rows = await _PAGES.page(tx, tenant, before_id=None, limit=limit)
    return [_ROWS.read(row) for row in rows]


async def written_since(
    tx: Transaction, kind: OwnerMailKind, tenants: Sequence[Tenant], *, after_us: int
) -> Counter[Tenant]:
    rows = await tx.fetch(
        """SELECT account_id, environment, COUNT(*) AS number FROM owner_mails
           WHERE account_id IN :ids[text] AND kind = :kind AND created_at > :after
           GROUP BY account_id, environment, member_id""",
        ids=sorted({one.account_id for one in tenants}),
        kind=kind,
        after=after_us,
    )
    found: Counter[Tenant] = Counter()
    for row in rows:
        tenant = Tenant(row["account_id"], row["environment"])
        found[tenant] = max(found[tenant], int(row["number"]))
    return found


async def prune(tx: Transaction, *, environment: str, before_us: int) -> int:
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
# The column that says when mail of each kind is due. Older workers ignore unknown kinds in next_notice_at, so new kinds
# and colleagues' mail use it.
_DUE: Final[Mapping[str, str]] = {
    "receipt": "next_receipt_at",
    "approval": "next_approval_at",
    "invitation": "next_invitation_at",
    "password": "next_notice_at",
    "password_changed": "next_notice_at",
    "suspended": "next_notice_at",
    "resumed": "next_notice_at",
    "address": "next_notice_at",
    "webhook": "next_notice_at",
    "balance": "next_notice_at",
    "key": "next_notice_at",
}
_DUE_COLUMNS: Final = (
    "next_attempt_at",
    "next_receipt_at",
    "next_approval_at",
    "next_invitation_at",
    "next_notice_at",
)


def _claim_by(due: str) -> str:
    kinds = ", ".join(f"'{kind}'" for kind in DAY_MAX)
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


def _due(kind: str, member_id: str | None, at: int | None) -> dict[str, Any]:
    column = _DUE.get(kind, "next_attempt_at") if member_id is None else "next_notice_at"
    return {one: at if one == column else None for one in _DUE_COLUMNS}
