"""List and add up usage charges, captured holds and apps' charges.

A list for one model or key reads only the days on which credit was spent for it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from billing.usage.usage_day import IS_USAGE, UNCOUNTED
from kernel.clock import DAY_US
from kernel.limits import INT64_MAX
from kernel.tenant import Tenant
from store.database import Row, Transaction

UsageBy = Literal["day", "model", "key"]
UsageKind = Literal["usage", "hold", "app"]
LineKey = tuple[int, str]


class UsageWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Select charges made before `until`. `reference` is the caller's reference, or an app's order_no."""

    since: int = 0
    until: int = INT64_MAX
    model: str | None = None
    key_id: str | None = None
    reference: str | None = None


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: UsageKind
    created_at: int
    amount_micros: int
    description: str
    model: str | None
    key_id: str | None
    app_id: str | None
    reference: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    price_version: int | None

    @property
    def place(self) -> LineKey:
        return self.created_at, self.id


class UsageSum(msgspec.Struct, frozen=True, kw_only=True):
    day_start_at: int | None = None
    model: str | None = None
    key_id: str | None = None
    app_id: str | None = None
    records: int
    amount_micros: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int


async def usage_lines(
    tx: Transaction,
    tenant: Tenant,
    wanted: UsageWanted,
    *,
    after: LineKey | None = None,
    limit: int,
) -> list[UsageLine]:
    if wanted.reference is not None:
        found = await _lines_of_reference(tx, tenant, wanted)
        return [one for one in found if after is None or one.place < after][:limit]
    if wanted.model is None and wanted.key_id is None:
        return await _lines(tx, tenant, wanted, wanted.since, wanted.until, after, limit)
    lines: list[UsageLine] = []
    for day in await _days_with(tx, tenant, wanted):
        since, until = max(wanted.since, day), min(wanted.until, day + DAY_US)
        if len(lines) >= limit:
            break
        if after is None or since <= after[0]:
            left = limit - len(lines)
            lines += await _lines(tx, tenant, wanted, since, until, after, left)
    return lines


async def usage_sums(
    tx: Transaction, tenant: Tenant, wanted: UsageWanted, by: UsageBy | None = None
) -> list[UsageSum]:
    """Add up charges. `since` and `until` are starts of UTC days."""
    columns = _BY[by]
    text = _SUMS[by, wanted.model is not None, wanted.key_id is not None]
    rows = await tx.fetch(text, **_values(tenant, wanted))
    found = [_sum(columns, row) for row in rows if row["records"]]
    if by == "day":
        return sorted(found, key=lambda one: -(one.day_start_at or 0))
    return sorted(found, key=lambda one: (-one.amount_micros, one.model or "", one.key_id or ""))


async def _days_with(tx: Transaction, tenant: Tenant, wanted: UsageWanted) -> Sequence[int]:
    whole = msgspec.structs.replace(wanted, since=wanted.since - wanted.since % DAY_US)
    sums = await usage_sums(tx, tenant, whole, "day")
    return [one.day_start_at for one in sums if one.day_start_at is not None]


async def _lines(
    tx: Transaction,
    tenant: Tenant,
    wanted: UsageWanted,
    since: int,
    until: int,
    after: LineKey | None,
    limit: int,
) -> list[UsageLine]:
    lines: list[UsageLine] = []
    # An empty ID sorts before all others, so the list starts with the charges before `at`.
    at, before_id = (until, "") if after is None or after[0] >= until else after
    for kind in _TABLES:
        if kind == "app" and wanted.model is not None:
            continue
        rows = await tx.fetch(
            _LISTS[kind, wanted.model is not None, wanted.key_id is not None],
            **tenant._asdict(),
            since=since,
            until=until,
            at=at,
            before_id=before_id,
            model=wanted.model,
            key_id=wanted.key_id,
            page_rows=limit,
        )
        lines += [_line(kind, row) for row in rows]
    return sorted(lines, key=lambda one: one.place, reverse=True)[:limit]


async def _lines_of_reference(
    tx: Transaction, tenant: Tenant, wanted: UsageWanted
) -> list[UsageLine]:
    lines: list[UsageLine] = []
    for kind in _TABLES:
        rows = await tx.fetch(_BY_REFERENCE[kind], **tenant._asdict(), reference=wanted.reference)
        lines += [_line(kind, row) for row in rows]
    fits = [
        one
        for one in lines
        if wanted.since <= one.created_at < wanted.until
        and wanted.model in {None, one.model}
        and wanted.key_id in {None, one.key_id, one.app_id}
    ]
    return sorted(fits, key=lambda one: one.place, reverse=True)


def _line(kind: UsageKind, row: Row) -> UsageLine:
    id_, created_at, amount, description, model, key_id, app_id, reference, *tokens = row
    input_tokens, output_tokens, cached_tokens, price_version = tokens
    return UsageLine(
        id=id_,
        kind=kind,
        created_at=created_at,
        amount_micros=amount,
        description=description,
        model=model,
        key_id=key_id,
        app_id=app_id,
        reference=reference,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        price_version=price_version,
    )


def _sum(columns: Sequence[str], row: Row) -> UsageSum:
    words = {name: row[name] or None for name in columns if name != "day_start_at"}
    return UsageSum(
        day_start_at=int(row["day_start_at"]) if "day_start_at" in columns else None,
        model=words.get("model"),
        key_id=words.get("key_id"),
        app_id=words.get("app_id"),
        records=int(row["records"]),
        amount_micros=int(row["amount_micros"]),
        input_tokens=int(row["input_tokens"]),
        output_tokens=int(row["output_tokens"]),
        cached_tokens=int(row["cached_tokens"]),
    )


def _values(tenant: Tenant, wanted: UsageWanted) -> dict[str, object]:
    return {
        "account_id": tenant.account_id,
        "environment": tenant.environment,
        "since": wanted.since,
        "until": wanted.until,
        "model": wanted.model,
        "key_id": wanted.key_id,
    }


_TABLES: Final[Mapping[UsageKind, str]] = {
    "usage": "usage_records",
    "hold": "holds",
    "app": "oauth_charges",
}
_TOKENS: Final = "input_tokens, output_tokens, cached_tokens, price_version"
_KEY_OF_HOLD: Final = "NULLIF(SUBSTR(COALESCE(spent_by, ''), 1, 20), '')"
_COLUMNS: Final[Mapping[UsageKind, str]] = {
    "usage": f"""id, created_at, amount_micros, description, model, key_id, NULL AS app_id,
        reference, {_TOKENS}""",
    "hold": f"""id, created_at, captured_micros + COALESCE(overage_micros, 0) AS amount_micros,
        description, model, {_KEY_OF_HOLD} AS key_id, NULL AS app_id, reference, {_TOKENS}""",
    "app": """id, created_at, amount_micros, remark AS description, NULL AS model, NULL AS key_id,
        app_id, order_no AS reference, NULL AS input_tokens, NULL AS output_tokens,
        NULL AS cached_tokens, NULL AS price_version""",
}
_OF_KEY: Final[Mapping[UsageKind, str]] = {
    "usage": "key_id = :key_id",
    "hold": f"{_KEY_OF_HOLD} = :key_id",
    "app": "app_id = :key_id",
}
_OF_REFERENCE: Final[Mapping[UsageKind, str]] = {
    "usage": "reference = :reference",
    "hold": "reference = :reference",
    "app": "order_no = :reference",
}
_OWN: Final = "account_id = :account_id AND environment = :environment"
_FLAGS: Final = (False, True)


def _list_text(kind: UsageKind, *, of_model: bool, of_key: bool) -> str:
    """Compare (created_at, id) as a pair, so that one index serves both bounds.

    `created_at > 0` lets the database use the partial index.
    """
    clauses = [
        _OWN,
        IS_USAGE[_TABLES[kind]],
        "created_at > 0 AND created_at >= :since AND created_at < :until",
        "(created_at, id) < (:at, :before_id)",
    ]
    clauses += ["model = :model"] if of_model else []
    clauses += [_OF_KEY[kind]] if of_key else []
    return f"""SELECT {_COLUMNS[kind]} FROM {_TABLES[kind]} WHERE {" AND ".join(clauses)}
        ORDER BY created_at DESC, id DESC LIMIT :page_rows"""


_LISTS: Final = {
    (kind, of_model, of_key): _list_text(kind, of_model=of_model, of_key=of_key)
    for kind in _TABLES
    for of_model in _FLAGS
    for of_key in _FLAGS
}
_BY_REFERENCE: Final = {
    kind: f"""SELECT {_COLUMNS[kind]} FROM {table}
        WHERE {_OWN} AND {IS_USAGE[table]} AND {_OF_REFERENCE[kind]}"""
    for kind, table in _TABLES.items()
}
_FIGURES: Final = ("records", "amount_micros", "input_tokens", "output_tokens", "cached_tokens")
_BY: Final[Mapping[UsageBy | None, Sequence[str]]] = {
    None: (),
    "day": ("day_start_at",),
    "model": ("model",),
    "key": ("key_id", "app_id"),
}


def _sums_text(by: UsageBy | None, *, of_model: bool, of_key: bool) -> str:
    columns = _BY[by]
    named = "".join(f"{name}, " for name in columns)
    figures = ", ".join(f"COALESCE(SUM({name}), 0) AS {name}" for name in _FIGURES)
    clauses = ["day_start_at >= :since AND day_start_at < :until"]
    clauses += ["model = :model"] if of_model else []
    clauses += ["(key_id = :key_id OR app_id = :key_id)"] if of_key else []
    group = f"GROUP BY {', '.join(columns)}" if columns else ""
    where = " AND ".join(clauses)
    listed = f"day_start_at, key_id, app_id, model, {', '.join(_FIGURES)}"
    return f"""SELECT {named}{figures} FROM (
            SELECT {listed} FROM usage_days WHERE {_OWN} AND {where}
            UNION ALL
            SELECT {listed} FROM ({UNCOUNTED}) AS u WHERE {where}) AS d {group}"""


_SUMS: Final = {
    (by, of_model, of_key): _sums_text(by, of_model=of_model, of_key=of_key)
    for by in _BY
    for of_model in _FLAGS
    for of_key in _FLAGS
}
