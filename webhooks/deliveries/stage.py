"""Define a delivery's states (MOVES) and the values that pass between the stages of an attempt."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from store.database import Row

PENDING: Final = "pending"
SENDING: Final = "sending"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# SQLite uses a partial index only if the query repeats its condition exactly.
OPEN: Final = "status IN ('pending', 'sending')"
STATUSES: Final = (PENDING, SENDING, DELIVERED, FAILED, CANCELLED)
MOVES: Final[Mapping[str, frozenset[str]]] = {
    PENDING: frozenset({SENDING, FAILED, CANCELLED}),
    SENDING: frozenset({SENDING, PENDING, DELIVERED, FAILED, CANCELLED}),
    DELIVERED: frozenset(),
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}

LOST_CLAIMS_MAX: Final = 5
LOST: Final = "lost"  # The error of an attempt that was never settled, because its workers died.


TARGET_COLUMNS: Final = (
    "url",
    "secret_sealed",
    "previous_secret_sealed",
    "previous_secret_until_at",
    "headers_sealed",
    "retry_schedule_s",
    "failing_since_at",
    "enabled_at",
    "signing_keys_sealed",
    "subscription_id",
    "subscription_cursor",
)


class Target(NamedTuple):
    """The endpoint's columns that an attempt needs. Secrets stay encrypted until the request is built."""

    id: str
    url: str
    secret_sealed: bytes
    previous_secret_sealed: bytes | None
    previous_secret_until_at: int | None
    headers_sealed: bytes | None
    schedule_s: tuple[int, ...]
    failing_since_at: int | None
    enabled_at: int | None
    signing_keys_sealed: bytes | None = None
    subscription_id: str | None = None
    subscription_cursor: str | None = None

    @classmethod
    def of(cls, id_: str, row: Row) -> "Target":
        return cls(
            id_,
            row["url"],
            row["secret_sealed"],
            row["previous_secret_sealed"],
            row["previous_secret_until_at"],
            row["headers_sealed"],
            tuple(map(int, row["retry_schedule_s"].split())),
            row["failing_since_at"],
            row["enabled_at"],
            row["signing_keys_sealed"],
            row["subscription_id"],
            row["subscription_cursor"],
        )


class Claimed(NamedTuple):
    """A delivery that this process may send once, before lease_until_us on the claim's clock.

    number: the attempt's number, from 1. After LOST_CLAIMS_MAX lost claims, the delivery is settled as lost.
    """

    id: str
    event_id: str
    event_type: str
    account_id: str
    environment: str
    number: int
    claim_no: int
    lost_claims: int
    lease_until_us: int
    target: Target
    body: bytes
    transaction_id: str | None = None
    code_at: int | None = None
    code_sealed: str | None = None
    created_at: int = 0
    due_at: int | None = None  # null: not recorded
    trace: str | None = None  # The trace of the request that caused the event.
    # Other deliveries about the same object may wait for this one (see sequence.py).
    object_id: str | None = None

    @property
    def was_held(self) -> bool:
        enabled_at = self.target.enabled_at
        return enabled_at is not None and self.created_at <= enabled_at

    @property
    def is_lost(self) -> bool:
        return self.lost_claims >= LOST_CLAIMS_MAX


class Later(NamedTuple):
    """When to check an endpoint next; ready_at is None if nothing is open.

    change_no and event_no are those of the scan, to detect later changes.
    """

    endpoint_id: str
    change_no: int
    event_no: int
    ready_at: int | None


class Head(NamedTuple):
    ready_at: int
    endpoint_id: str


class Line(NamedTuple):
    """What a claim's scan learned about the queue.

    - turns: endpoints that were served while others wait behind them.
    - after: where the next scan continues.
    - hides_failing: failing endpoints with nothing to claim may hide others behind them.
    """

    laters: Sequence[Later]
    turns: Sequence[str]
    after: Head | None
    has_more_failing: bool
    hides_failing: bool


class Claim(NamedTuple):
    """A claim's result.

    - next_at_us: when the next delivery falls due, or None.
    - short_ids: endpoints with due deliveries that got no slot.
    - has_more: an endpoint may have more due deliveries.
    - was_contended: some rows couldn't be claimed, so try again shortly.
    """

    claimed: list[Claimed]
    next_at_us: int | None
    endpoints_due: int
    short_ids: frozenset[str]
    has_more: bool
    was_contended: bool
    line: Line


class AttemptRow(NamedTuple):
    """An attempt's columns. Header values and reasons contain no secrets."""

    id: str
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None
    reason: str | None
    remote_address: str | None
    timings_ms: str  # JSON object
    request_headers: str  # A JSON object, as message.stored_headers writes it.
    body_sha256: str | None  # Hexadecimal, or None if no request could be made.
    response_body: bytes


class Settlement(Struct, frozen=True, gc=False):
    """A delivery's new state. next_attempt_at_us is set exactly if the status is pending."""

    claimed: Claimed
    status: str
    next_attempt_at_us: int | None
    ended_at_us: int
    attempt: AttemptRow
    disable_reason: str | None = None

    def __post_init__(self) -> None:
        assert self.status in MOVES[SENDING], self.status
        assert (self.next_attempt_at_us is None) is (self.status != PENDING), "due iff pending"
