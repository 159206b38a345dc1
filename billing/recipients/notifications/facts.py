"""What a gathered mail is about, read when it is sent, without what is over by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from billing.ledger.balances import balance_micros
from billing.ledger.money import micros_to_cents
from billing.recipients.notifications.turn import EVENT_OF
from billing.recipients.owner_mail import OwnerMail
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import NamedEntry
from store.database import Transaction

# In one mail; the rest is only counted.
LISTED_MAX: Final = 20
# Drops of a balance between two mails; it has at most ten thresholds.
FALLS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class ToldKey:
    """made: its audit entry, which the log may no longer have."""

    id: str
    name: str
    scopes: Sequence[str]
    made: NamedEntry | None


@dataclass(frozen=True, slots=True)
class ToldKeys:
    count: int
    first: Sequence[ToldKey]


@dataclass(frozen=True, slots=True)
class LowBalance:
    balance_cents: int
    threshold_cents: int


async def made_keys(tx: Transaction, mail: OwnerMail) -> ToldKeys:
    """Return the new keys, also revoked ones: who made them still matters."""
    rows = await tx.fetch(_EVENTS, **_range(mail), limit=LISTED_MAX)
    row = await tx.fetch_one(_COUNT, **_range(mail))
    told = [_data_of(one["body"]) for one in rows]
    made = await audit_log.acts_on(
        tx,
        mail.account_id,
        "key.created",
        [one["id"] for one in told],
        since_us=mail.data["first_at"],
    )
    first = [ToldKey(one["id"], one["name"], one["scopes"], made.get(one["id"])) for one in told]
    return ToldKeys(0 if row is None else int(row["number"]), first)


async def low_balance_of(tx: Transaction, mail: OwnerMail, *, now_us: int) -> LowBalance | None:
    tenant = Tenant(mail.account_id, mail.environment)
    has_cents = micros_to_cents(await balance_micros(tx, tenant, now_us=now_us))
    rows = await tx.fetch(_EVENTS, **_range(mail), limit=FALLS_MAX)
    fell_below = {_data_of(row["body"])["low_balance_threshold_cents"] for row in rows}
    still = [one for one in fell_below if has_cents < one]
    return LowBalance(has_cents, min(still)) if still else None


def _range(mail: OwnerMail) -> dict[str, Any]:
    return {
        "account_id": mail.account_id,
        "environment": mail.environment,
        "type": EVENT_OF[mail.kind],
        **mail.data,
    }


def _data_of(body: bytes) -> dict[str, Any]:
    data = msgspec.json.decode(body)["data"]
    assert isinstance(data, dict), "an event's data is an object"
    return data


# Types as in the index, one by one, so the account's other events aren't read.
_TOLD: Final = """
WITH e AS MATERIALIZED (
    SELECT id, account_id, environment, event_no FROM events
    WHERE type IN ('balance.low', 'key.created') AND type = :type AND created_at >= :first_at
      AND is_sample = 0)
"""
_WHERE: Final = """
FROM e WHERE account_id = :account_id AND environment = :environment
  AND event_no BETWEEN :first_no AND :last_no
"""
_EVENTS: Final = f"""
{_TOLD} SELECT body FROM events WHERE id IN (SELECT id {_WHERE} ORDER BY event_no LIMIT :limit)
ORDER BY event_no
"""
_COUNT: Final = f"{_TOLD} SELECT COUNT(*) AS number {_WHERE}"
