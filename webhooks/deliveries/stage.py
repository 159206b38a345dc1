"""The states of a delivery, and the stages of one attempt as values: claimed, then settled.

MOVES is the whole state machine; webhooks/deliveries/delivery.py makes the moves.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from store.database import Row

PENDING: Final = "pending"
SENDING: Final = "sending"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
# Spelled as in the partial index, or SQLite doesn't use it.
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
LOST: Final = "lost"  # the error class of an attempt whose claims were all lost


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
    """An endpoint as a delivery needs it. Sealed parts stay sealed until the request is built.

    subscription_id: of an MCP client's, which gets another body (webhooks/deliveries/message.py).
    """

    id: str
    url: str
    secret_sealed: bytes
    previous_secret_sealed: bytes | None
    previous_secret_until_at: int | None
    headers_sealed: bytes | None
    schedule_s: tuple[int, ...]
    failing_since_at: int | None
    enabled_at: int | None  # when it was last enabled again
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
    """A delivery that this process may send once, until lease_until_us of the claim's clock.

    number is the attempt's, from 1. After LOST_CLAIMS_MAX lost claims it must not be sent but settled as
    lost. code_at: where in the body a code goes, see webhooks/deliveries/coded.py.
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
    trace: str | None = None  # of the request that its event came of, see kernel/trace.py
    object_id: str | None = (
        None  # its other deliveries may wait, see webhooks/deliveries/sequence.py
    )

    @property
    def was_held(self) -> bool:
        enabled_at = self.target.enabled_at
        return enabled_at is not None and self.created_at <= enabled_at

    @property
    def is_lost(self) -> bool:
        return self.lost_claims >= LOST_CLAIMS_MAX


class Later(NamedTuple):
    """An endpoint with nothing that may go, and when something may; null: nothing is open.

    change_no and event_no are of its place in the line and of its account at that time.
    """

    endpoint_id: str
    change_no: int
    event_no: int
    ready_at: int | None


class Head(NamedTuple):
    """An endpoint's place in the line."""

    ready_at: int
    endpoint_id: str


class Line(NamedTuple):
    """What a look has learnt of the line of endpoints.

    - laters: nothing is due that their pace allows. turns: had a turn while others wait behind what was seen.
    - after: the look didn't see all healthy ones, and the next one continues there.
    - has_more_failing: there may be more failing ones. hides_failing: some of those seen are laters and
      before others.
    """

    laters: Sequence[Later]
    turns: Sequence[str]
    after: Head | None
    has_more_failing: bool
    hides_failing: bool


class Claim(NamedTuple):
    """What was claimed, and when to claim next.

    - next_at_us: when something else falls due or a pace allows more; null: no such row.
    - endpoints_due: how many had something to offer. short_ids: those whose rows were left for lack of a
      slot.
    - has_more: all that an endpoint offered was taken, and it may have more.
    - was_contended: another worker was at some of them; look again shortly.
    """

    claimed: list[Claimed]
    next_at_us: int | None
    endpoints_due: int
    short_ids: frozenset[str]
    has_more: bool
    was_contended: bool
    line: Line


class AttemptRow(NamedTuple):
    """One attempt's columns; header values and reasons hold no secret."""

    id: str
    started_at: int
    duration_us: int
    http_status: int | None
    error: str | None
    reason: str | None
    remote_address: str | None
    timings_ms: str  # JSON object
    request_headers: str  # JSON object, as webhooks/deliveries/message.py keeps it
    body_sha256: str | None  # hex; null: no request could be made
    response_body: bytes


class Settlement(Struct, frozen=True, gc=False):
    """How one claimed delivery continues. next_attempt_at_us is set exactly when status is pending.

    disable_reason: why the receiver's response disables its endpoint, or null.
    """

    claimed: Claimed
    status: str
    next_attempt_at_us: int | None
    ended_at_us: int
    attempt: AttemptRow
    disable_reason: str | None = None

    def __post_init__(self) -> None:
        assert self.status in MOVES[SENDING], self.status
        assert (self.next_attempt_at_us is None) is (self.status != PENDING), "due iff pending"
