"""Re-read a send's key and its ancestors, in the send's own transaction. Writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from kernel.tenant import Tenant
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class KeyState:
    id: str
    account_id: str
    environment: str
    revoked_at: int | None
    expires_at: int | None
    per_call_cents: int | None
    per_day_cents: int | None
    per_month_cents: int | None
    approval_threshold_cents: int | None
    approval_above_per_day_cents: int | None = None
    lifetime_cents: int | None = None
    mandate: str | None = None  # as it is stored; keys/mandate.py
    paused_at: int | None = None
    name: str | None = None
    lifetime_micros: int | None = None  # spent so far, of a key with lifetime_cents

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    def is_usable(self, now_us: int) -> bool:
        """Return whether it isn't revoked and hasn't expired by its account's time; it works up to that
        microsecond.
        """
        return self.revoked_at is None and (self.expires_at is None or now_us < self.expires_at)


async def load_key_states(tx: Transaction, key_ids: Iterable[str]) -> dict[str, KeyState]:
    found: dict[str, KeyState] = {}
    await tx.fetch_many([key_states_reading(key_ids, found)])
    return found


def key_states_reading(key_ids: Iterable[str], into: dict[str, KeyState]) -> BatchRead:
    """Return load_key_states as a read that runs together with others."""
    wanted = sorted(set(key_ids))

    def take(rows: Rows) -> None:
        for row in rows:
            into[row[0]] = KeyState(*row)

    return BatchRead(_KEY_STATES if wanted else "", take, ids=wanted)


# Everything ever spent is the sum of the months, whose rows stay.
_LIFETIME = """CASE WHEN k.lifetime_cents IS NOT NULL THEN (
    SELECT CAST(COALESCE(SUM(w.spent_micros), 0) AS bigint) FROM spend_windows w
    WHERE w.key_id = k.id AND w.period = 'month') END"""
_KEY_STATES = f"""SELECT {RowMapping(KeyState).of("k", lifetime_micros=_LIFETIME)}
FROM api_keys k WHERE k.id IN :ids[text]"""
