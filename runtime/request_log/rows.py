"""Store recorded requests, without secrets (redact.py). A request is recorded after its response. Its account can read
the record.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kernel.errors import NotFound
from kernel.ids import least_id, new_id
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping

PREFIX: Final = "rql"
PRUNE_ROWS: Final = 500


class LoggedRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of request_log.

    `path` includes the query, and `route` is the template of the path. `code` is our response's code, or None
    if the response has another format. Both bodies are shortened and contain no secrets. After a success,
    `response_body` is empty. `agent` is the URL of the agent that signed the request.
    """

    id: str
    request_id: str
    account_id: str
    environment: str
    credential_id: str
    method: str
    route: str
    path: str
    status: int
    code: int | None = None
    transaction_id: str | None = None
    duration_us: int
    address: str | None = None
    user_agent: str | None = None
    idempotency_key: str | None = None
    content_type: str | None = None
    request_bytes: int
    request_body: str
    response_body: str
    agent: str | None = None
    created_at: int


class NamedRequest(msgspec.Struct, frozen=True):
    """A recorded request with the current name of its key or token.

    The name is None for a session or a deleted key or token.
    """

    request: LoggedRequest
    sender_name: str | None


def fresh_id() -> str:
    return new_id(PREFIX)


async def insert(tx: Transaction, requests: Sequence[LoggedRequest]) -> None:
    await tx.insert("request_log", _ROWS.columns, [_ROWS.write(one) for one in requests])


async def page(
    tx: Transaction,
    tenant: Tenant,
    *,
    limit: int,
    before_id: str | None = None,
    request_id: str | None = None,
    code: int | None = None,
    outcome: str | None = None,
    transaction_id: str | None = None,
) -> Sequence[NamedRequest]:
    rows = await _PAGES.page(
        tx,
        tenant,
        limit=limit,
        before_id=before_id,
        request_id=request_id,
        code=code,
        transaction_id=transaction_id,
        **({outcome: True} if outcome in _OUTCOMES else {}),
    )
    return [NamedRequest(_ROWS.read(row), row["sender_name"]) for row in rows]


async def get(tx: Transaction, tenant: Tenant, row_id: str) -> NamedRequest:
    """Return the request. Raise NotFound if the account and environment don't have it."""
    rows = await _PAGES.page(tx, tenant, limit=1, id=row_id)
    if not rows:
        raise NotFound("Request", param="id")
    return NamedRequest(_ROWS.read(rows[0]), rows[0]["sender_name"])


async def prune(tx: Transaction, *, before_us: int) -> int:
    """Delete a limited number of requests that are older than `before_us`."""
    return await tx.execute(
        """DELETE FROM request_log WHERE id IN (
               SELECT id FROM request_log WHERE id < :before_id ORDER BY id LIMIT :rows)""",
        before_id=least_id(PREFIX, max(before_us, 0)),
        rows=PRUNE_ROWS,
    )


async def erase_step(tx: Transaction, address: str) -> int:
    """Delete a limited number of requests that contain a recipient's address, in any account."""
    part = address.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return await tx.execute(
        """DELETE FROM request_log WHERE id IN (
               SELECT id FROM request_log
               WHERE LOWER(request_body || ' ' || response_body || ' ' || path) LIKE :part ESCAPE '!'
               LIMIT :rows)""",
        part=f"%{part}%",
        rows=PRUNE_ROWS,
    )


_OUTCOMES: Final = {
    "refused": "r.status >= 400 AND r.status < 500",
    "failed": "r.status >= 500",
    "done": "r.status < 400",
}
_ROWS = RowMapping(LoggedRequest)
_PAGES = Keyset(
    f"{_ROWS.of('r')}, COALESCE(k.name, t.name) AS sender_name",
    """request_log r
    LEFT JOIN api_keys k ON k.id = r.credential_id
    LEFT JOIN access_tokens t ON t.id = r.credential_id""",
    "r.account_id = :account_id AND r.environment = :environment",
    filters={
        "id": "r.id = :id",
        "request_id": "r.request_id = :request_id",
        "code": "r.code = :code",
        "transaction_id": "r.transaction_id = :transaction_id",
        **_OUTCOMES,
    },
    key="r.id",
)
