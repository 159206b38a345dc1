"""Count all accounts' sends and sales on each UTC day.

One transaction writes the sums and how far they reach, so each transfer is counted once. The rows are read before that
transaction starts, because sends wait while it occupies SQLite's only writer.

A transfer that is committed more than YOUNG_US after its time isn't counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from billing.ledger.chart import Code, LedgerAccountKind
from kernel.clock import DAY_US, MINUTE_US
from kernel.ids import least_id
from store.database import Row, Transaction

VolumeKind = Literal["sent", "sold"]
BACK_US: Final = 31 * DAY_US
YOUNG_US: Final = MINUTE_US
# The number is small, so that reading the rows blocks the event loop only briefly.
STEP_ROWS: Final = 500
_SENDS: Final = frozenset({Code.TOPUP_SEND, Code.TOPUP_HOLD})
_MARK: Final = "SELECT counted_to, counted_at FROM volume_marks WHERE id = 'transfers'"
_MOVE: Final = """
UPDATE volume_marks SET counted_to = :last_id, counted_at = :at
WHERE id = 'transfers' AND counted_to = :after_id
"""
_STEP: Final = f"""
SELECT t.id, t.environment, t.code, t.amount_micros, t.transaction_id, t.created_at, d.name AS provider
FROM (SELECT * FROM transfers WHERE id > :after_id ORDER BY id LIMIT {STEP_ROWS}) AS t
LEFT JOIN ledger_accounts d ON d.id = t.debit_id AND d.kind = '{LedgerAccountKind.PROVIDER}'
ORDER BY t.id
"""
_ADD: Final = """ON CONFLICT (environment, day_start_at, kind, name) DO UPDATE SET
    number = volume_days.number + excluded.number,
    amount_micros = volume_days.amount_micros + excluded.amount_micros"""
_COLUMNS: Final = ("environment", "day_start_at", "kind", "name", "number", "amount_micros")
_DAYS: Final = f"SELECT {', '.join(_COLUMNS)} FROM volume_days WHERE day_start_at >= :since"


class VolumeDay(NamedTuple):
    environment: str
    day_start_at: int
    kind: VolumeKind
    name: str
    number: int
    amount_micros: int


async def volume_since(tx: Transaction, *, since_us: int) -> tuple[Sequence[VolumeDay], int | None]:
    rows = await tx.fetch(_DAYS, since=since_us)
    mark = await tx.fetch_one(_MARK)
    counted_at = None if mark is None or not mark["counted_at"] else int(mark["counted_at"])
    return [VolumeDay(*(row[name] for name in _COLUMNS)) for row in rows], counted_at


class VolumeStep(NamedTuple):
    after_id: str
    last_id: str
    counted_at: int
    rows: int
    sums: Sequence[tuple[str, int, str, str, int, int]]

    @property
    def is_full(self) -> bool:
        return self.rows == STEP_ROWS


async def read_step(tx: Transaction, *, now_us: int) -> VolumeStep:
    mark = await tx.fetch_one(_MARK)
    after_id = least_id("trf", max(0, now_us - BACK_US)) if mark is None else mark["counted_to"]
    old = _before_the_young(await tx.fetch(_STEP, after_id=after_id), now_us)
    whole = _before_the_last(old) if len(old) == STEP_ROWS else old
    last_id = whole[-1]["id"] if whole else after_id
    return VolumeStep(after_id, last_id, now_us - YOUNG_US, len(old), _sums(whole))


async def write_step(tx: Transaction, *, step: VolumeStep) -> None:
    await tx.insert(
        "volume_marks",
        ("id", "counted_to", "counted_at"),
        [("transfers", step.after_id, 0)],
        on_conflict="ON CONFLICT (id) DO NOTHING",
    )
    moved = await tx.execute(
        _MOVE, last_id=step.last_id, at=step.counted_at, after_id=step.after_id
    )
    if moved:
        await tx.insert("volume_days", _COLUMNS, step.sums, on_conflict=_ADD)


def _before_the_young(rows: Sequence[Row], now_us: int) -> Sequence[Row]:
    """Return the rows before the first recent one. Beyond it, transfers with smaller IDs may still be committed."""
    for place, row in enumerate(rows):
        if row["created_at"] > now_us - YOUNG_US:
            return rows[:place]
    return rows


def _before_the_last(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows without those of the last top-up, because more of its rows may follow."""
    last, place = rows[-1]["transaction_id"], len(rows)
    while last is not None and place and rows[place - 1]["transaction_id"] == last:
        place -= 1
    return rows[:place] or rows


def _sums(rows: Sequence[Row]) -> list[tuple[str, int, str, str, int, int]]:
    """Add up the rows. A send that took credit from several places is counted once."""
    numbers: Counter[tuple[str, int, str, str]] = Counter()
    amounts: Counter[tuple[str, int, str, str]] = Counter()
    seen: set[str] = set()
    for row in rows:
        key = _key(row)
        if key is None:
            continue
        amounts[key] += row["amount_micros"]
        if key[2] == "sold" or row["transaction_id"] not in seen:
            numbers[key] += 1
            seen.add(row["transaction_id"])
    return [(*key, numbers[key], amount) for key, amount in sorted(amounts.items())]


def _key(row: Row) -> tuple[str, int, str, str] | None:
    day = row["created_at"] - row["created_at"] % DAY_US
    if row["code"] in _SENDS:
        return row["environment"], day, "sent", ""
    if row["provider"] is not None:
        return row["environment"], day, "sold", row["provider"]
    return None
