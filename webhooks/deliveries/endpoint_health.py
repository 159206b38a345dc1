"""Measure an endpoint's recent health: success rate, response times, and groups of similar failures.

Only the newest LOOKED_AT_MAX deliveries are read, excluding test pings. Failures are grouped by status, error and
response text, ignoring numbers and IDs. If a replay of a failed delivery succeeded, only the replay counts.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.statement import unindexed
from webhooks.deliveries.stage import CANCELLED, DELIVERED, FAILED

# A condition on delivery d. COALESCE makes the planner use the index by event, which finds only a few replays, instead
# of the index by endpoint.
IS_RECOVERED: Final = f"""(d.status = '{FAILED}' AND (
    SELECT COUNT(*) FROM deliveries r
    WHERE r.event_id = d.event_id AND r.replay_of IS NOT NULL AND r.status = '{DELIVERED}'
      AND COALESCE(r.endpoint_id, '') = d.endpoint_id AND r.id > d.id) > 0)"""
_MENDED: Final = f"""
SELECT d.id FROM deliveries d
WHERE d.id IN :ids[text] AND d.account_id = :account_id AND d.environment = :environment AND {IS_RECOVERED}
"""
LOOKED_AT_MAX: Final = 2_000
STEPS: Final = 24
GROUPS_MAX: Final = 10
PHRASE_CHARACTERS_MAX: Final = 120
PING: Final = "endpoint.test"
BODY_BYTES: Final = 4_096
_TELLING: Final = ("detail", "message", "error", "title", "reason", "code")
_WORD: Final = re.compile(r"[\w-]+")
# These digits differ between similar failures. IDs are recognized by their length and by a digit in them.
_NUMBER: Final = re.compile(r"\d{4,}")
_ID_CHARACTERS_MIN: Final = 8
_TAG: Final = re.compile(r"<[^<>]*>")
_SPACE: Final = re.compile(r"\s+")


async def recovered(tx: Transaction, tenant: Tenant, delivery_ids: Sequence[str]) -> frozenset[str]:
    if not delivery_ids:
        return frozenset()
    rows = await tx.fetch(_MENDED, ids=list(delivery_ids), **tenant._asdict())
    return frozenset(row["id"] for row in rows)


@dataclass(slots=True)
class FailureGroup:
    """Failed deliveries whose last attempts are similar. `phrase` is a line from the response body."""

    http_status: int | None
    error: str | None
    phrase: str
    newest_id: str
    last_at: int
    first_at: int
    deliveries: int = 0


@dataclass(slots=True)
class HealthStep:
    at: int
    delivered: int = 0
    failed: int = 0


@dataclass(slots=True)
class EndpointHealth:
    """An endpoint's results in one period. Times are in microseconds.

    durations_ms contains the response time of each delivery's last answered attempt, fastest first.
    """

    since: int
    until: int
    steps: Sequence[HealthStep]
    delivered: int = 0
    failed: int = 0
    open: int = 0
    durations_ms: list[int] = field(default_factory=list)
    groups: list[FailureGroup] = field(default_factory=list)

    @property
    def success_share(self) -> float | None:
        ended = self.delivered + self.failed
        return round(self.delivered / ended, 4) if ended else None

    def duration_ms(self, share: float) -> int | None:
        """Return the response time at this quantile, or None if there was no response."""
        if not self.durations_ms:
            return None
        return self.durations_ms[
            min(len(self.durations_ms) - 1, int(len(self.durations_ms) * share))
        ]


async def load_health(
    tx: Transaction, tenant: Tenant, endpoint_id: str, *, period_us: int, now_us: int
) -> EndpointHealth:
    """Read an endpoint's health. The caller has checked that the endpoint belongs to the tenant."""
    since = now_us - period_us
    rows = await tx.fetch(
        _ROWS,
        account_id=tenant.account_id,
        environment=tenant.environment,
        endpoint_id=endpoint_id,
        since=since,
        rows=LOOKED_AT_MAX,
    )
    if len(rows) == LOOKED_AT_MAX:
        since = rows[-1]["created_at"]
    return _health(rows, since, now_us)


def phrase_of(body: bytes) -> str:
    """Reduce a response body to one line: the message in JSON, an HTML page's title, or the last line."""
    text = body.decode("utf-8", "replace")
    said = _of_json(body) or _of_page(text) or _last_line(text)
    plain = _SPACE.sub(" ", _WORD.sub(_alike, said)).strip()
    return plain[:PHRASE_CHARACTERS_MAX]


def _alike(found: re.Match[str]) -> str:
    word = found[0]
    if len(word) >= _ID_CHARACTERS_MIN and any(map(str.isdigit, word)):
        return "…"
    return _NUMBER.sub("…", word)


def _health(rows: Sequence[Row], since: int, until: int) -> EndpointHealth:
    width = max(1, -(-(until - since) // STEPS))
    steps = [HealthStep(since + place * width) for place in range(STEPS)]
    found = EndpointHealth(since, until, steps)
    groups: dict[tuple[Any, ...], FailureGroup] = {}
    for row in rows:
        step = steps[min(STEPS - 1, (row["created_at"] - since) // width)]
        if row["status"] == DELIVERED:
            found.delivered += 1
            step.delivered += 1
        elif row["is_recovered"]:
            continue
        elif row["status"] == FAILED:
            found.failed += 1
            step.failed += 1
            _add_failure(groups, row)
        elif row["status"] != CANCELLED:
            found.open += 1
        if row["http_status"] is not None:
            found.durations_ms.append(row["duration_us"] // 1000)
    found.durations_ms.sort()
    found.groups = _largest(groups.values())
    return found


def _add_failure(groups: dict[tuple[Any, ...], FailureGroup], row: Row) -> None:
    body = row["response_body"]
    phrase = phrase_of(bytes(body)) if body else ""
    key = (row["http_status"], row["error"], phrase)
    group = groups.get(key)
    if group is None:
        at = row["created_at"]
        group = groups[key] = FailureGroup(*key, newest_id=row["id"], last_at=at, first_at=at)
    group.first_at = row["created_at"]
    group.deliveries += 1


def _largest(groups: Iterable[FailureGroup]) -> list[FailureGroup]:
    return sorted(groups, key=lambda one: (-one.deliveries, -one.last_at))[:GROUPS_MAX]


def _of_json(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    # The message may be nested: {"error": {"message": …}}.
    for _ in range(3):
        if isinstance(said, str):
            return said
        if not isinstance(said, dict):
            return ""
        said = next((said[name] for name in _TELLING if said.get(name)), None)
    return said if isinstance(said, str) else ""


def _of_page(text: str) -> str:
    if not text.lstrip().startswith("<"):
        return ""
    small = text.lower()
    begin = small.find(">", small.find("<title")) + 1
    end = small.find("</title", begin)
    is_titled = "<title" in small and begin and end > begin
    return html.unescape(_TAG.sub(" ", text[begin:end] if is_titled else text))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


_ROWS: Final = f"""
SELECT d.id, d.status, d.created_at, a.duration_us, a.http_status, a.error,
    CASE WHEN d.status = '{FAILED}' THEN SUBSTR(a.response_body, 1, {BODY_BYTES}) END AS response_body,
    CASE WHEN {IS_RECOVERED} THEN 1 ELSE 0 END AS is_recovered
FROM deliveries d
LEFT JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempts_made
WHERE d.endpoint_id = :endpoint_id AND d.created_at >= :since AND d.event_type <> '{PING}'
  AND {unindexed("d.account_id")} = :account_id AND {unindexed("d.environment")} = :environment
ORDER BY d.created_at DESC, d.id DESC LIMIT :rows
"""
