"""Find failed deliveries with the same response: what a repaired receiver should get again, and nothing else.

Two responses are the same if their HTTP status, their error and the words of their body are equal, without
numbers and ids. The endpoint's health groups failures the same way. Reads only.
"""

from typing import Final, NamedTuple

from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from store.database import Row, Transaction
from webhooks.deliveries.endpoint_health import BODY_BYTES, phrase_of
from webhooks.deliveries.stage import FAILED

_LAST: Final = "FROM attempts a WHERE a.delivery_id = d.id AND a.number = d.attempts_made"
# The last attempt. Both look-ups use its key.
NARROWED: Final = f"""
AND COALESCE((SELECT a.http_status {_LAST}), 0) = :http_status
AND COALESCE((SELECT a.error {_LAST}), '') = :error
"""
BODY: Final = f"(SELECT SUBSTR(a.response_body, 1, {BODY_BYTES}) {_LAST}) AS response_body"
_ONE: Final = f"""
SELECT d.status, (SELECT a.http_status {_LAST}) AS http_status, (SELECT a.error {_LAST}) AS error, {BODY}
FROM deliveries d
WHERE d.id = :id AND d.endpoint_id = :endpoint_id AND d.account_id = :account_id
  AND d.environment = :environment
"""


class SameAnswer(NamedTuple):
    """The response to a delivery's last attempt. phrase comes from the body; empty means that it had none."""

    http_status: int | None
    error: str | None
    phrase: str

    def values(self) -> dict[str, object]:
        return {"http_status": self.http_status or 0, "error": self.error or ""}

    def fits(self, row: Row) -> bool:
        return _phrase(row) == self.phrase


async def answer_of(
    tx: Transaction, tenant: Tenant, endpoint_id: str, delivery_id: str
) -> SameAnswer:
    """Return the response to a failed delivery of the endpoint; raise NotFound and InvalidInput."""
    row = await tx.fetch_one(
        _ONE,
        id=delivery_id,
        endpoint_id=endpoint_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    if row is None:
        raise NotFound("Delivery", param="like")
    if row["status"] != FAILED:
        raise InvalidInput("`like` must be the ID of a failed delivery.", param="like")
    return SameAnswer(row["http_status"], row["error"], _phrase(row))


def _phrase(row: Row) -> str:
    body = row["response_body"]
    return phrase_of(bytes(body)) if body else ""
