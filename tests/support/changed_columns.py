"""Every money column and every state column of the schema, and the changes by hand that the proof has to find.

A column of numbers is money by its name, a time, a flag, or listed here as something else; a column of words is a
state by its name. A new column that is none of these fails a test until it is sorted in.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import sqlalchemy as sa

from kernel.tenant import Tenant
from keys.principal import ENVIRONMENTS
from store.database import Transaction
from store.dialect import BIGINT
from store.schema import metadata

_MONEY: Final = re.compile(
    r"(_cents|_micros|_amount|_credits)$"
    r"|^(amount|amount_off|discount|minimum_amount|percent|basis_points)$"
    r"|^(credits|price)(_(min|max|included|monthly|yearly))?$"
)
_TIME: Final = re.compile(
    r"(_at|_until|_since|_us|_day|_tat_us)$|^(since|scheduled_for|carried_before)$"
)
_FLAG: Final = re.compile(r"^(is|had|include|saves)_")
STATE_NAMES: Final = frozenset({"status", "state", "outcome", "stage"})
# Numbers that are neither money nor a time nor a flag.
COUNTS: Final = frozenset(
    {
        *("again_no", "asked", "attempts", "attempts_made", "change_no", "checked"),
        *("checks_made", "claim_no", "code", "code_count", "count", "cycle", "days_before", "done"),
        *("event_epoch", "event_no", "events_from_no", "failed", "failures", "findings"),
        *("http_status", "id", "input_tokens", "output_tokens", "cached_tokens", "interval_s"),
        *("items", "last_number", "last_step", "late", "level", "like_status", "lost_claims"),
        *("low_threshold", "matched", "notified_no", "number", "ordered", "position"),
        *("price_version", "process_id"),
        *("promotional_days", "queued", "ramp_size", "rate_limit_per_s", "rate_per_s", "records"),
        *("request_bytes", "requests_made", "sending", "sequence", "sign_count", "size", "slots"),
        *("status", "streak", "streak_days_max", "tiles", "times", "token", "trial_days", "used"),
        *("bytes_stored", "period", "rows_stored", "sealed_to", "step_no"),
        *("used_count", "uses_max", "uses_per_account", "version"),
        # The two figures of a comparison's report, in whichever unit.
        *("expected", "found"),
    }
)
# Words whose comment lists alternatives, and that say what a row is and not where it stands.
KINDS: Final = frozenset(
    {
        *(
            "act",
            "answer",
            "can",
            "cap_period",
            "choice",
            "delivery_status",
            "disabled_reason",
            "error",
        ),
        *("expires", "interval", "kind", "overage", "part", "place", "protocol", "role", "scope"),
        *("settle", "why", "word"),
    }
)
_OF_TOPUPS: Final = (
    "scheduled",
    "pending",
    "delivered",
    "failed",
    "cancelled",
    "reversing",
    "reversed",
)
_OF_ORDERS: Final = (
    *("pending", "paid", "failed", "expired", "review", "partially_refunded", "refunded"),
    "disputed",
)
_OF_REVERSALS: Final = ("done", "failed", "open", "won", "lost", "asked", "replaced")
_OF_MAILS: Final = ("queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited")
STATES: Final[Mapping[str, Sequence[str]]] = {
    "approvals.status": ("pending", "approved", "denied", "cancelled", "expired"),
    "audit_log.outcome": ("done", "refused"),
    "batch_items.state": ("waiting", "accepted", "reserved", "refused", "dropped"),
    "batches.status": ("accepting", "undoing", "refused", "running", "completed"),
    "deliveries.status": ("pending", "sending", "delivered", "failed", "cancelled"),
    "device_logins.status": ("pending", "approved", "denied", "taken"),
    "disputes.status": ("needs_response", "won", "lost"),
    "endpoints.status": ("enabled", "disabled"),
    "fulfilment_attempts.outcome": (
        *("requested", "waiting", "unknown", "delivered", "refused", "dropped", "revoked"),
        "kept",
    ),
    "holds.status": ("held", "captured", "released", "expired"),
    "machine_payments.state": ("settling", "unknown", "paid", "refused", "refunded"),
    "mails.status": _OF_MAILS,
    "manual_tasks.outcome": ("delivered", "refused"),
    "notices.stage": ("failing", "failing_for_a_day", "failing_for_four_days", "disabled"),
    "order_reversals.status": _OF_REVERSALS,
    "orders.status": _OF_ORDERS,
    "owner_mails.status": _OF_MAILS,
    "period_reversals.status": _OF_REVERSALS,
    "provider_events.outcome": (
        *("applied", "repeated", "ignored", "unknown", "refused", "review"),
    ),
    "refunds.status": ("requested", "unknown", "pending", "succeeded", "failed"),
    "replays.status": ("running", "paused", "done", "cancelled"),
    "sandbox_charges.outcome": ("paid", "declined"),
    "sandbox_checkouts.outcome": ("paid", "failed", "expired"),
    "sandbox_subscriptions.status": ("active", "past_due", "ended"),
    "subscription_steers.status": ("asked", "done", "refused", "given_up"),
    "subscriptions.status": (
        *("incomplete", "active", "past_due", "paused", "cancelled", "expired"),
    ),
    "topup_reversals.outcome": ("reversed", "kept"),
    "topups.status": _OF_TOPUPS,
    "uncredited_reversals.status": _OF_REVERSALS,
}
# What an act of a person set; what a test or the first start made has no entry in the audit log.
_LOGGED: Final = " WHERE {} IN (SELECT subject_id FROM audit_log WHERE action IN ({}))"
_OF_ACTS: Final[Mapping[str, str]] = {
    "api_keys": _LOGGED.format("id", "'key.created'"),
    "account_environments": _LOGGED.format("account_id", "'account.limited'")
    + " AND environment = 'staging'",
    "packs": _LOGGED.format("id", "'pack.create'"),
    "plans": _LOGGED.format("id", "'plan.create'"),
    "coupons": _LOGGED.format("id", "'coupon.create'"),
    "platforms": _LOGGED.format("id", "'platform.create', 'platform.update'"),
    "oauth_apps": _LOGGED.format("id", "'app.created'"),
    "redemption_batches": _LOGGED.format("id", "'codes.create'"),
}
# Of a window: those of single recipients and of what was told count something else.
_TELLING: Final = ("status", "state", "outcome", "kind", "code", "provider", "settle")
_ALTERNATIVES: Final = re.compile(r'_text\("(\w+)"[^#\n]*\),  # [^\n]*\w \| \w')


_SCHEMA: Final = Path(__file__).resolve().parents[2] / "store" / "schema.py"


class Change(NamedTuple):
    """One row with another value in one column; key: what names the row."""

    column: str
    key: Mapping[str, object]
    kind: tuple[object, ...]
    value: object
    tenants: Sequence[Tenant]

    def __str__(self) -> str:
        return f"{self.column} of {self.kind} becomes {self.value!r}"


def is_money(column: sa.Column[object]) -> bool:
    """Tell whether the column states an amount of money or credit, or a part of one."""
    return isinstance(column.type, type(BIGINT)) and bool(_MONEY.search(column.name))


def is_state(column: sa.Column[object]) -> bool:
    """Tell whether the column says where a row stands."""
    return not isinstance(column.type, type(BIGINT)) and column.name in STATE_NAMES


def is_sorted(column: sa.Column[object]) -> bool:
    """Tell whether a column of numbers is of a kind that somebody chose for it."""
    name = column.name
    return bool(is_money(column) or _TIME.search(name) or _FLAG.search(name) or name in COUNTS)


def alternatives() -> set[str]:
    """Return the names of columns whose comment in the schema lists alternatives."""
    return set(_ALTERNATIVES.findall(_SCHEMA.read_text(encoding="utf-8")))


def proved_columns() -> list[sa.Column[object]]:
    """Return every money column and every state column, but those that name a row."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if not column.primary_key and (is_money(column) or is_state(column))
    ]


async def changes(tx: Transaction) -> list[Change]:
    """Return, for each of these columns, one change for each kind of row, or one for each other state."""
    found: list[Change] = []
    for column in proved_columns():
        found += await _of_column(tx, column)
    return found


async def _of_column(tx: Transaction, column: sa.Column[object]) -> list[Change]:
    table = column.table
    keys = [one.name for one in table.primary_key]
    telling = [name for name in _TELLING if name in table.columns and name != column.name]
    telling += ["period"] if table.name == "spend_windows" else []
    whose = [name for name in ("account_id", "owner_id", "environment") if name in table.columns]
    picked = list(dict.fromkeys([*keys, column.name, *telling, *whose]))
    # The newest first: the oldest were made without the acts that people do.
    source = table.name + _OF_ACTS.get(table.name, "")
    rows = await tx.fetch(
        f"SELECT {', '.join(picked)} FROM {source} ORDER BY {' DESC, '.join(keys)} DESC"
    )
    found: list[Change] = []
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        now = row[column.name]
        kind = (*(row[name] for name in telling), now if is_state(column) else now is None)
        if kind in seen:
            continue
        seen.add(kind)
        named = f"{table.name}.{column.name}"
        values = (
            [one for one in STATES[named] if one != now] if is_state(column) else [(now or 0) + 1]
        )
        environments = [row["environment"]] if "environment" in whose else sorted(ENVIRONMENTS)
        accounts = [row[name] for name in whose if name != "environment" and row[name]] or [""]
        if table.name == "batch_items":
            accounts = [await _account_of(tx, str(row["batch_id"]))]
        tenants = [Tenant(one, each) for one in accounts for each in environments]
        key = {name: row[name] for name in keys}
        found += [Change(named, key, kind, value, tenants) for value in values]
    return found


async def _account_of(tx: Transaction, batch_id: str) -> str:
    row = await tx.fetch_one("SELECT account_id FROM batches WHERE id = :id", id=batch_id)
    assert row is not None, "an item is of a batch"
    return str(row["account_id"])


async def apply(tx: Transaction, change: Change) -> None:
    """Write the change, as a hand at the database would."""
    table, _, name = change.column.partition(".")
    where = " AND ".join(f"{key} = :{key}" for key in change.key)
    await tx.execute(
        f"UPDATE {table} SET {name} = :value WHERE {where}", value=change.value, **change.key
    )
