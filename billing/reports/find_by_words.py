"""Words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from billing.reports.find_by_id import Found, Kind
from billing.topups.voucher import CROCKFORD
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.keyset import NEWEST

# A shorter text is in too many rows.
PART_CHARACTERS_MIN: Final = 3
LOOKED_AT: Final = 5_000
# Larger than the first step: otherwise a large account takes a hundred steps.
LOOKED_AT_FURTHER: Final = 50_000
SHOWN_MAX: Final = 10
_NAMES_LOOKED_AT: Final = 1_000
_HINT: Final = re.compile(rf"[{CROCKFORD}]{{4}}")
# Later than every text with the beginning before it.
_LAST: Final = "\U0010ffff"

_TOPUP: Final = """id, account_id, environment, recipient_email || ' · ' || platform AS title,
    status AS state, created_at AS at"""
_TOPUP_PARTS: Final = "recipient_email, reference, voucher_code_hint, status, platform, created_at"
_BY_REFERENCE: Final = f"""
    SELECT {_TOPUP} FROM topups
    WHERE account_id = :account_id AND environment = :environment
      AND reference >= :asked AND reference < :after
    ORDER BY reference LIMIT :shown_max
"""
# LIKE would take an underscore for a wildcard, and ignore case on one database.
_HAS_PART: Final = """REPLACE(LOWER(recipient_email), :lowered, '') <> LOWER(recipient_email)
    OR REPLACE(LOWER(reference), :lowered, '') <> LOWER(reference)
    OR voucher_code_hint = :hint"""
_OWN_NEWEST: Final = f"""
    SELECT {_TOPUP} FROM (
        SELECT id, account_id, environment, {_TOPUP_PARTS} FROM topups
        WHERE account_id = :account_id AND environment = :environment AND id < :before_id
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest WHERE {_HAS_PART} ORDER BY id DESC LIMIT :shown_max
"""
_OWN_END: Final = """
    SELECT id, created_at FROM topups
    WHERE account_id = :account_id AND environment = :environment AND id < :before_id
    ORDER BY id DESC LIMIT 1 OFFSET :rows_before
"""
# Of both environments, so that few of one don't make it a search of all.
_ALL_NEWEST: Final = f"""
    SELECT {_TOPUP} FROM (
        SELECT id, account_id, environment, {_TOPUP_PARTS} FROM topups
        WHERE id < :before_id ORDER BY id DESC LIMIT :looked_at
    ) AS newest WHERE environment = :environment AND ({_HAS_PART}) ORDER BY id DESC LIMIT :shown_max
"""
_ALL_END: Final = """
    SELECT id, created_at FROM topups
    WHERE id < :before_id ORDER BY id DESC LIMIT 1 OFFSET :rows_before
"""
_KEYS: Final = """
    SELECT id, account_id, environment, name AS title, created_at AS at,
           CASE WHEN revoked_at IS NULL THEN 'active' ELSE 'revoked' END AS state
    FROM (
        SELECT * FROM api_keys WHERE account_id = :account_id AND environment = :environment
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest
    WHERE REPLACE(LOWER(name), :lowered, '') <> LOWER(name) OR last4 = :ending OR prefix = :asked
    ORDER BY id DESC LIMIT :shown_max
"""
_ENDPOINTS: Final = """
    SELECT id, account_id, environment, url AS title, created_at AS at, status AS state
    FROM (
        SELECT * FROM endpoints
        WHERE account_id = :account_id AND environment = :environment AND deleted_at IS NULL
        ORDER BY id DESC LIMIT :looked_at
    ) AS newest
    WHERE REPLACE(LOWER(url), :lowered, '') <> LOWER(url)
       OR REPLACE(LOWER(description), :lowered, '') <> LOWER(description)
    ORDER BY id DESC LIMIT :shown_max
"""
_DOCUMENT: Final = """
    SELECT id, account_id, environment, number AS title, kind AS state, created_at AS at,
           order_id AS belongs_to
    FROM billing_documents WHERE environment = :environment AND number = :number
"""


@dataclass(frozen=True, slots=True)
class PartsFound:
    """older_than: where the next search continues; null: at the end. looked_back_to: the time of the oldest
    top-up read; null: all were.
    """

    items: Sequence[Found]
    older_than: str | None = None
    looked_back_to: int | None = None


async def topups_by_reference(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    rows = await tx.fetch(
        _BY_REFERENCE, asked=text, after=text + _LAST, shown_max=SHOWN_MAX, **tenant._asdict()
    )
    return [_found("topup", row) for row in rows]


async def topups_by_part(
    tx: Transaction,
    tenant: Tenant,
    text: str,
    *,
    before_id: str | None = None,
    looked_at: int = LOOKED_AT,
) -> PartsFound:
    """Return top-ups older than before_id with the text in address or reference, or as the voucher's last
    four.
    """
    before, own = before_id or NEWEST, tenant._asdict()
    rows = await tx.fetch(_OWN_NEWEST, before_id=before, **own, **_looking_for(text, looked_at))
    end = await tx.fetch_one(_OWN_END, before_id=before, rows_before=looked_at - 1, **own)
    return _parts_found(rows, end)


async def all_topups_by_part(
    tx: Transaction,
    environment: str,
    text: str,
    *,
    before_id: str | None = None,
    looked_at: int = LOOKED_AT,
) -> PartsFound:
    before = before_id or NEWEST
    rows = await tx.fetch(
        _ALL_NEWEST, environment=environment, before_id=before, **_looking_for(text, looked_at)
    )
    end = await tx.fetch_one(_ALL_END, before_id=before, rows_before=looked_at - 1)
    return _parts_found(rows, end)


async def keys_by_name(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    """Return newest keys with the text in the name, or as the beginning or end that lists show."""
    return await _named(tx, "key", _KEYS, tenant, text, asked=text, ending=text.rpartition("…")[2])


async def endpoints_by_url(tx: Transaction, tenant: Tenant, text: str) -> list[Found]:
    return await _named(tx, "endpoint", _ENDPOINTS, tenant, text)


async def documents_by_number(
    tx: Transaction, environment: str, number: str, account_id: str | None
) -> list[Found]:
    """Return the receipt or note of that number; account_id None: any account's, for operators."""
    statement = _DOCUMENT if account_id is None else f"{_DOCUMENT} AND account_id = :account_id"
    owner = {} if account_id is None else {"account_id": account_id}
    rows = await tx.fetch(statement, environment=environment, number=number, **owner)
    return [_found("document", row)._replace(belongs_to=row["belongs_to"]) for row in rows]


async def _named(
    tx: Transaction, kind: Kind, statement: str, tenant: Tenant, text: str, **further: str
) -> list[Found]:
    rows = await tx.fetch(
        statement,
        **further,
        lowered=text.lower(),
        looked_at=_NAMES_LOOKED_AT,
        shown_max=SHOWN_MAX,
        **tenant._asdict(),
    )
    return [_found(kind, row) for row in rows]


def _looking_for(text: str, looked_at: int) -> dict[str, str | int]:
    """Return the values; an empty hint is no voucher's."""
    hint = text.upper() if _HINT.fullmatch(text.upper()) else ""
    return {
        "lowered": text.lower(),
        "hint": hint,
        "looked_at": looked_at,
        "shown_max": SHOWN_MAX,
    }


def _parts_found(rows: Sequence[Row], end: Row | None) -> PartsFound:
    found = [_found("topup", row) for row in rows]
    if len(found) == SHOWN_MAX:
        return PartsFound(found, found[-1].id, found[-1].at)
    return PartsFound(found) if end is None else PartsFound(found, end["id"], end["created_at"])


def _found(kind: Kind, row: Row) -> Found:
    return Found(
        kind,
        row["id"],
        row["account_id"],
        row["environment"],
        row["title"],
        row["state"],
        row["at"],
    )
