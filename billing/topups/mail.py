"""Queue mail to recipients in the transaction that delivers the top-up. The rows contain no codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from billing.topups.topup import TopUp
from kernel.clock import DAY_US
from kernel.ids import new_id
from store.database import Rows, Transaction
from store.row_mapping import RowMapping

HINT: Final = "mail"
MailStatus = Literal["queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited"]
# Top-level domains that never have mailboxes (RFC 2606).
_RESERVED: Final = (".test", ".example", ".invalid", ".localhost")


@dataclass(frozen=True, slots=True)
class MailRules:
    """Rules for mail to recipients. Outside the environments in `sent_in`, mail stays in the outbox. The maximums are
    per 24 hours.
    """

    sent_in: frozenset[str] = frozenset()
    account_max: int = 1_000
    recipient_max: int = 10

    def is_sent(self, environment: str, address: str) -> bool:
        return environment in self.sent_in and not address.endswith(_RESERVED)


class Mail(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An email to a recipient. `next_attempt_at` is also when a claim expires. Results of claims older than `claim_no`
    are ignored.
    """

    id: str
    account_id: str
    environment: str
    transaction_id: str
    recipient_email: str
    status: MailStatus
    created_at: int
    attempts: int = 0
    claim_no: int = 0
    next_attempt_at: int | None = None
    ended_at: int | None = None
    reason: str | None = None


class MailsOfBatch:
    def __init__(self, rules: MailRules) -> None:
        self._rules = rules
        self.of_ids: set[str] = set()
        self._wanted: set[tuple[str, str, str]] = set()
        self._to: dict[tuple[str, str, str], int] = {}
        self._of: dict[tuple[str, str], int] = {}
        self._new: list[Mail] = []
        self._queued: dict[str, Mail] = {}

    def expect(self, account_id: str, environment: str, address: str) -> None:
        if self._rules.is_sent(environment, address):
            self._wanted.add((account_id, environment, address))

    async def load(self, tx: Transaction, now_us: int) -> None:
        if self.of_ids:
            for mails in (await of_topups(tx, sorted(self.of_ids))).values():
                self._queued.update(
                    {one.transaction_id: one for one in mails if one.status == "queued"}
                )
        if not self._wanted:
            return
        wanted, since = sorted(self._wanted), now_us - DAY_US
        tenants = sorted({one[:2] for one in wanted})
        self._count(await tx.fetch(_COUNT_TO, wanted=wanted, since=since))
        for row in await tx.fetch(_COUNT_OF, tenants=tenants, since=since):
            self._of[row[0], row[1]] = int(row[2])

    def write(self, topup: TopUp, now_us: int) -> Mail:
        address, tenant = topup.recipient_email, (topup.account_id, topup.environment)
        status: MailStatus = "outbox"
        if self._rules.is_sent(topup.environment, address):
            status = "limited" if self.is_limited(topup) else "queued"
        mail = Mail(
            id=new_id("mal"),
            account_id=topup.account_id,
            environment=topup.environment,
            transaction_id=topup.id,
            recipient_email=address,
            status=status,
            created_at=now_us,
            next_attempt_at=now_us if status == "queued" else None,
            ended_at=None if status == "queued" else now_us,
        )
        if status == "queued":
            self._to[*tenant, address] = self._to.get((*tenant, address), 0) + 1
            self._of[tenant] = self._of.get(tenant, 0) + 1
            self._queued[topup.id] = mail
        self._new.append(mail)
        return mail

    def queued_of(self, topup_id: str) -> Mail | None:
        return self._queued.get(topup_id)

    def is_limited(self, topup: TopUp) -> bool:
        account_id, environment, address = (
            topup.account_id,
            topup.environment,
            topup.recipient_email,
        )
        return self._rules.is_sent(environment, address) and (
            self._to.get((account_id, environment, address), 0) >= self._rules.recipient_max
            or self._of.get((account_id, environment), 0) >= self._rules.account_max
        )

    async def insert(self, tx: Transaction) -> None:
        await tx.insert_deferred("mails", ROWS.columns, [ROWS.write(one) for one in self._new])

    @property
    def has_due(self) -> bool:
        return any(one.next_attempt_at is not None for one in self._new)

    def _count(self, rows: Rows) -> None:
        for row in rows:
            self._to[row[0], row[1], row[2]] = int(row[3])


async def of_topups(tx: Transaction, ids: Sequence[str]) -> Mapping[str, Sequence[Mail]]:
    rows = await tx.fetch(
        f"SELECT {ROWS.listed} FROM mails WHERE transaction_id IN :ids[text] ORDER BY id",
        ids=sorted(set(ids)),
    )
    found: dict[str, list[Mail]] = {}
    for row in rows:
        found.setdefault(row["transaction_id"], []).append(ROWS.read(row))
    return found


ROWS = RowMapping(Mail)
_COUNTED = "m.status NOT IN ('limited', 'outbox') AND m.created_at > :since"
_COUNT_TO = f"""
SELECT v.account_id, v.environment, v.recipient_email, COUNT(*) AS mails
FROM :wanted[account_id text, environment text, recipient_email text] AS v
CROSS JOIN mails m
WHERE m.account_id = v.account_id AND m.environment = v.environment
  AND m.recipient_email = v.recipient_email AND {_COUNTED}
GROUP BY v.account_id, v.environment, v.recipient_email
"""
_COUNT_OF = f"""
SELECT v.account_id, v.environment, COUNT(*) AS mails
FROM :tenants[account_id text, environment text] AS v
CROSS JOIN mails m
WHERE m.account_id = v.account_id AND m.environment = v.environment AND {_COUNTED}
GROUP BY v.account_id, v.environment
"""
