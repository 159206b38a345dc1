"""Compare keys' counted spending with their top-ups and usage.

A key's month must equal the sum of its days. Its newest day is recounted. Rolling windows, and accounts with an
advanced clock, are skipped.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from billing.ledger.money import MICROS_PER_CENT
from billing.proof.check import Broken, Place, Step, differs, page
from kernel.clock import DAY_US, SystemClock, day_start_us, month_start_us
from kernel.ids import least_id
from kernel.tenant import Tenant
from keys import caps
from store.database import Row, Transaction

MONTH: Final = "a key's month is the sum of its days"
DETAILED: Final = "a window that counts by its detail has no sum"
DAY: Final = "a key's newest day counts what was sent and used"

_USES: Final = "uses"
_OWN: Final = "account_id = :account_id AND environment = :environment"
_KEYS: Final = f"SELECT id FROM api_keys WHERE {_OWN} AND id > :after"
_WINDOWS: Final = """
SELECT key_id, period, window_start_at, spent_micros FROM spend_windows
WHERE key_id IN :ids[text]"""
# IDs contain the machine's time, but windows use the account's time. If the two differ, all IDs are read.
_SPENT: Final = f"""
SELECT created_at, spent_by, counted_in, (amount_cents + COALESCE(fee_cents, 0)) * {MICROS_PER_CENT} AS micros,
    0 AS is_use
FROM topups WHERE {_OWN} AND id >= :topups_from AND created_at >= :day AND spent_by IS NOT NULL
  AND status IN ('scheduled', 'pending', 'delivered', 'reversing')
UNION ALL
SELECT created_at, key_id, NULL, amount_micros, 1 FROM usage_records
WHERE {_OWN} AND id >= :usage_from AND created_at >= :day AND key_id IS NOT NULL
UNION ALL
SELECT created_at, spent_by, counted_in, CASE status WHEN 'held' THEN amount_micros
    WHEN 'captured' THEN captured_micros + COALESCE(overage_micros, 0) ELSE 0 END, 0
FROM holds WHERE {_OWN} AND id >= :holds_from AND created_at >= :day AND spent_by IS NOT NULL
UNION ALL
SELECT created_at, '', NULL, amount_micros, 1 FROM oauth_charges
WHERE {_OWN} AND id >= :charges_from AND created_at >= :day"""
_CLOCK: Final = f"""
SELECT clock_ahead_us, (SELECT MAX(w.window_start_at) FROM api_keys k
    JOIN spend_windows w ON w.key_id = k.id AND w.period = 'day'
    WHERE k.account_id = :account_id AND k.environment = :environment) AS day
FROM account_environments WHERE {_OWN}"""


class WindowCheck:
    rules = (MONTH, DAY, DETAILED)

    async def step(self, tx: Transaction, at: Place) -> Step:
        keys, onward = await page(tx, _KEYS, at)
        if not keys:
            return Step((), None)
        clock = await tx.fetch_one(_CLOCK, **at.tenant._asdict())
        windows = await tx.fetch(_WINDOWS, ids=[row["id"] for row in keys])
        broken = [one for row in windows for one in _detailed(row)]
        broken += _months([row for row in windows if row["period"] in {"day", "month"}])
        if clock is not None and not clock["clock_ahead_us"] and clock["day"] is not None:
            spent = await _spent(tx, at.tenant, int(clock["day"]))
            own = {row["id"] for row in keys}
            mine = {place: spent[place] for place in spent if place[0] in own}
            broken += _days(windows, mine, int(clock["day"]))
            if not at.after:
                broken += await _of_account(tx, at.tenant, spent, int(clock["day"]))
        return Step(broken, onward)


def _detailed(row: Row) -> Iterator[Broken]:
    if row["period"].partition(":")[0] in {"last", "count", "recipients", "same", caps.LIFETIME}:
        yield from differs(DETAILED, row["key_id"], 0, row["spent_micros"])


def _months(windows: Sequence[Row]) -> Iterator[Broken]:
    days: defaultdict[tuple[str, int], int] = defaultdict(int)
    months: defaultdict[tuple[str, int], int] = defaultdict(int)
    for row in windows:
        start = int(row["window_start_at"])
        if row["period"] == "day":
            days[row["key_id"], month_start_us(start)] += int(row["spent_micros"])
        else:
            months[row["key_id"], start] += int(row["spent_micros"])
    for place in sorted({*days, *months}):
        yield from differs(MONTH, place[0], days[place], months[place])


def _days(
    windows: Sequence[Row], spent: Mapping[tuple[str, str], int], day: int
) -> Iterator[Broken]:
    counted = {
        (row["key_id"], row["period"]): int(row["spent_micros"])
        for row in windows
        if row["window_start_at"] == day and row["period"].partition(":")[0] in {"day", "to"}
    }
    for place in sorted({*counted, *spent}):
        yield from differs(DAY, place[0], spent.get(place, 0), counted.get(place, 0))


async def _of_account(
    tx: Transaction, tenant: Tenant, spent: Mapping[tuple[str, str], int], day: int
) -> Sequence[Broken]:
    period = f"account:{tenant.environment}"
    row = await tx.fetch_one(
        """SELECT spent_micros FROM spend_windows
           WHERE key_id = :key_id AND period = :period AND window_start_at = :day""",
        key_id=tenant.account_id,
        period=period,
        day=day,
    )
    least = spent.get((tenant.account_id, period), 0)
    most = least + spent.get((tenant.account_id, _USES), 0)
    found = 0 if row is None else int(row["spent_micros"])
    expected = min(max(found, least), most)
    return list(differs(DAY, tenant.account_id, expected, found))


async def _spent(tx: Transaction, tenant: Tenant, day: int) -> Mapping[tuple[str, str], int]:
    is_plausible = day <= day_start_us(SystemClock().now_us())
    from_us = day - DAY_US if is_plausible else 0
    rows = await tx.fetch(
        _SPENT,
        **tenant._asdict(),
        day=day,
        topups_from=least_id("txn", from_us),
        usage_from=least_id("usg", from_us),
        holds_from=least_id("hld", from_us),
        charges_from=least_id("chg", from_us),
    )
    alone = {row["spent_by"] for row in rows if " " not in row["spent_by"]}
    known = await tx.fetch(
        "SELECT id, lineage FROM api_keys WHERE id IN :ids[text]", ids=sorted(alone)
    )
    lineages = {row["id"]: (row["id"], *row["lineage"].split()) for row in known}
    spent: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if row["created_at"] >= day + DAY_US:
            continue
        for key in lineages.get(row["spent_by"], row["spent_by"].split()):
            spent[key, "day"] += int(row["micros"])
        for key, period, start in caps.read_places(row["counted_in"]):
            if start == day and period.startswith(("to:", "account:")):
                spent[key, period] += int(row["micros"])
        if row["is_use"]:
            spent[tenant.account_id, _USES] += int(row["micros"])
    return spent
