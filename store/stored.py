"""Count the rows and bytes that accounts store in staging.

Each row is counted once, in the period in which it was made. A test checks that every table is either counted
or exempt for a stated reason.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.ids import least_id
from store.database import BatchRead, Rows, Transaction


class StoredAmount(NamedTuple):
    rows: int = 0
    bytes: int = 0

    def __add__(self, more: "StoredAmount") -> "StoredAmount":  # type: ignore[override]
        return StoredAmount(self.rows + more.rows, self.bytes + more.bytes)


@dataclass(frozen=True, slots=True)
class Counted:
    """How a table's rows are found and measured.

    - prefix: the text before the time in an ID. If it is empty, the column `time` finds a period's rows.
    - long: the columns with texts from callers or receivers.
    - base: the bytes of all other columns and of the index entries.
    - is_by_time: true if no index finds rows by account. All rows of the period are then read.
    """

    table: str
    prefix: str
    base: int
    long: tuple[str, ...] = ()
    time: str = "created_at"
    condition: str = ""
    is_by_time: bool = False


@dataclass(frozen=True, slots=True)
class CountedBeside:
    """A table whose rows are found through a row of a counted table.

    Its rows are written up to late_us after that row, so they are counted once late_us has passed.
    """

    table: str
    link: str
    parent: str
    base: int
    long: tuple[str, ...]
    time: str = ""
    late_us: tuple[int, ...] = (MINUTE_US,)


COUNTED: Final = (
    Counted(
        "topups",
        "txn",
        888,
        ("metadata", "note", "spent_by", "fulfilment", "deliverable", "delivery", "trace"),
    ),
    Counted("transfers", "trf", 320),
    Counted("events", "evt", 304, ("body", "trace", "code_sealed"), is_by_time=True),
    Counted("deliveries", "", 816),
    Counted("usage_records", "usg", 392, ("description", "model")),
    Counted("holds", "hld", 568, ("description", "model", "spent_by", "sources")),
    Counted("idempotency_keys", "", 336, ("body",), is_by_time=True),
    Counted(
        "request_log",
        "rql",
        360,
        ("request_body", "response_body", "path", "user_agent", "request_id", "agent"),
    ),
    Counted("audit_log", "adt", 432, ("before", "after", "reason", "user_agent")),
    Counted("ledger_accounts", "lac", 344, ("name",), condition="AND t.kind = 'recipient'"),
    Counted("approvals", "apr", 400, ("requested_by", "reason")),
    Counted("batches", "bat", 368, ("spent_by", "counts")),
    Counted("mails", "mal", 416, ("reason",)),
    Counted("owner_mails", "oml", 520, ("about", "reason")),
    Counted("notices", "ntc", 360, ("reason",)),
    Counted("replays", "rpl", 488, ("event_types", "like_error", "like_phrase", "paused_reason")),
    Counted(
        "api_keys",
        "key",
        408,
        ("lineage", "scopes", "ip_allow_list", "mandate", "name", "purpose", "last_used_by"),
    ),
    Counted("access_tokens", "tok", 296, ("name", "scopes")),
    Counted(
        "endpoints",
        "we",
        640,
        (
            "url",
            "description",
            "events",
            "headers_sealed",
            "secret_sealed",
            "previous_secret_sealed",
            "signing_keys_sealed",
            "public_keys",
            "retry_schedule_s",
            "payload_filter",
        ),
    ),
    Counted("oauth_apps", "app", 272, ("name", "redirect_uris", "scope")),
    Counted("oauth_grants", "ogr", 248, ("scope",)),
    Counted("oauth_tokens", "otk", 368),
    Counted("oauth_charges", "chg", 400, ("remark",)),
    Counted(
        "orders",
        "ord",
        1256,
        ("url", "success_url", "cancel_url", "invoice_pdf", "answer", "reason", "origin", "terms"),
    ),
    Counted("subscriptions", "sub", 656, ("grant_terms",)),
    Counted("plan_grants", "pgr", 496),
    Counted("refunds", "rfd", 608, ("reason", "detail")),
    Counted("code_redemptions", "rdm", 224),
    Counted(
        "machine_payments", "mpy", 704, ("request", "proof", "settlement", "detail", "spent_by")
    ),
    Counted("billing_documents", "doc", 464, ("facts",)),
    Counted("entitlement_uses", "", 192, is_by_time=True),
    Counted(
        "provider_events",
        "",
        320,
        ("detail", "reason", "expected", "came"),
        time="received_at",
        is_by_time=True,
    ),
)
# A delivery's attempts may follow it for weeks. The other tables' rows follow within a minute.
BESIDE: Final = (
    CountedBeside(
        "attempts",
        "delivery_id",
        "deliveries",
        216,
        ("reason", "timings_ms", "request_headers", "response_body"),
        "started_at",
        (MINUTE_US, HOUR_US, DAY_US, 8 * DAY_US, 30 * DAY_US),
    ),
    CountedBeside("batch_items", "batch_id", "batches", 104, ("request", "refusal", "reference")),
    CountedBeside("fulfilment_attempts", "transaction_id", "topups", 344, ("detail", "prepared")),
)
_OF_STAGING: Final = "IN :account_ids[text] AND {alias}.environment = 'staging'"
_BY_TABLE: Final = {one.table: one for one in COUNTED}


async def count_stored(
    tx: Transaction, account_ids: Sequence[str], *, from_us: int, until_us: int
) -> dict[str, StoredAmount]:
    return await _counted(tx, _BY_ACCOUNT, from_us, until_us, account_ids=account_ids)


async def count_by_time(tx: Transaction, *, from_us: int, until_us: int) -> dict[str, StoredAmount]:
    """Count what each account stored in the tables that have no index by account."""
    return await _counted(tx, _BY_TIME, from_us, until_us)


async def _counted(
    tx: Transaction,
    texts: Sequence[tuple[str, "_Bounds"]],
    from_us: int,
    until_us: int,
    **values: Sequence[str],
) -> dict[str, StoredAmount]:
    found: dict[str, StoredAmount] = {}

    def take(rows: Rows) -> None:
        for account_id, count, size in rows:
            found[account_id] = found.get(account_id, StoredAmount()) + StoredAmount(
                count, int(size)
            )

    await tx.fetch_many(
        [BatchRead(text, take, **values, **bounds(from_us, until_us)) for text, bounds in texts]
    )
    return found


_Bounds = Callable[[int, int], dict[str, int | str]]


def _by_time() -> Iterator[tuple[str, _Bounds]]:
    for one in COUNTED:
        if one.is_by_time:
            yield (
                f"""SELECT t.account_id, COUNT(*), SUM({_size("t", one.base, one.long)}) FROM {one.table} t
                    WHERE {_window(one, "t")} AND t.environment = 'staging' {one.condition}
                    GROUP BY t.account_id""",
                _bounds(one, 0),
            )


def _by_account() -> Iterator[tuple[str, _Bounds]]:
    for one in COUNTED:
        if not one.is_by_time:
            yield (
                f"""SELECT t.account_id, COUNT(*), SUM({_size("t", one.base, one.long)}) FROM {one.table} t
                    WHERE t.account_id {_OF_STAGING.format(alias="t")} AND {_window(one, "t")} {one.condition}
                    GROUP BY t.account_id""",
                _bounds(one, 0),
            )
    for child in BESIDE:
        parent = _BY_TABLE[child.parent]
        after_us = 0
        for late_us in child.late_us:
            within = (
                f"""AND t.{child.time} >= p.created_at + {after_us}
                    AND t.{child.time} < p.created_at + {late_us}"""
                if child.time
                else ""
            )
            yield (
                f"""SELECT p.account_id, COUNT(*), SUM({_size("t", child.base, child.long)})
                    FROM {child.parent} p CROSS JOIN {child.table} t
                    WHERE p.account_id {_OF_STAGING.format(alias="p")} AND {_window(parent, "p")}
                      AND t.{child.link} = p.id {within}
                    GROUP BY p.account_id""",
                _bounds(parent, late_us),
            )
            after_us = late_us


def _size(alias: str, base: int, long: Sequence[str]) -> str:
    sizes = [
        f"COALESCE([[OCTET_LENGTH({alias}.{name}) | LENGTH(CAST({alias}.{name} AS BLOB))]], 0)"
        for name in long
    ]
    return " + ".join([str(base), *sizes])


def _window(one: Counted, alias: str) -> str:
    column = "id" if one.prefix else one.time
    return f"{alias}.{column} >= :since AND {alias}.{column} < :until"


def _bounds(one: Counted, late_us: int) -> _Bounds:
    def bounds(from_us: int, until_us: int) -> dict[str, int | str]:
        since, until = from_us - late_us, until_us - late_us
        if not one.prefix:
            return {"since": since, "until": until}
        return {"since": least_id(one.prefix, since), "until": least_id(one.prefix, until)}

    return bounds


_BY_ACCOUNT: Final = tuple(_by_account())
_BY_TIME: Final = tuple(_by_time())
