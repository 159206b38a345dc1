"""What events say of money, held against the transfers that they tell of: each sum to the unit that is told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from store.database import Row, Transaction

Sums = Mapping[tuple[str, str], int]
_GONE = {"order.refunded", "order.disputed", "order.dispute_lost"}
_CREDIT_MICROS, _CENT_MICROS = 1_000, 10_000


async def overstatements(tx: Transaction) -> list[str]:
    """A sentence for each amount that events tell and transfers do not bear out; of all tenants."""
    rows = await tx.fetch(
        "SELECT type, body FROM events WHERE is_sample = 0 ORDER BY account_id, environment, event_no"
    )
    told = [(row["type"], msgspec.json.decode(bytes(row["body"]))["data"]) for row in rows]
    moved = await _moved(tx)
    return [
        *_of_topups(told, moved),
        *await _of_orders(tx, told, moved),
        *await _of_plans(tx, told, moved),
        *await _of_ends(tx, told, moved),
    ]


async def _moved(tx: Transaction) -> Sums:
    """Micros by what they are about and why they moved."""
    rows = await tx.fetch(
        """SELECT COALESCE(transaction_id, subject_id, '') AS about, code,
               SUM(amount_micros) AS micros
           FROM transfers GROUP BY COALESCE(transaction_id, subject_id, ''), code"""
    )
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    sums.update({(row["about"], row["code"]): int(row["micros"]) for row in rows})
    return sums


def _sum(moved: Sums, about: str, *codes: str) -> int:
    return sum(moved.get((about, code), 0) for code in codes)


def _of_topups(told: Sequence[tuple[str, Any]], moved: Sums) -> list[str]:
    found = []
    for kind, data in told:
        if kind not in {"topup.delivered", "topup.failed", "topup.cancelled", "topup.reversed"}:
            continue
        about, cents = data["transaction_id"], data["amount_cents"]
        fee = data.get("fee_cents") or 0
        is_back = kind in {"topup.failed", "topup.cancelled"}
        codes = ("topup_refund",) if is_back else ("topup_send", "topup_deliver")
        whole = (cents + fee if is_back else cents) * _CENT_MICROS
        if kind == "topup.reversed":
            codes, whole = ("topup_reverse",), (cents + fee) * _CENT_MICROS
        if (micros := _sum(moved, about, *codes)) != whole:
            found.append(f"{kind} of {about} says {whole} micros, {micros} moved")
    return found


async def _of_orders(tx: Transaction, told: Sequence[tuple[str, Any]], moved: Sums) -> list[str]:
    rows = await tx.fetch("SELECT id, kind, refunded_amount FROM orders")
    orders = {row["id"]: row for row in rows}
    gone: defaultdict[str, int] = defaultdict(int)
    found = []
    for kind, data in told:
        if kind == "order.paid" and orders[data["id"]]["kind"] != "subscription":
            micros = _sum(moved, data["id"], "purchase", "debt", "grant")
            if micros < data["credits"] * _CREDIT_MICROS:
                found.append(f"{kind} of {data['id']} says {data['credits']} credits: {micros}")
        if kind in _GONE:
            gone[data["id"]] += data["refunded_cents"]
            if data["refunded_cents"] < 0:
                found.append(f"{kind} of {data['id']} is below 0")
        if kind == "order.restored":
            gone[data["id"]] -= data["restored_cents"]
        if kind in {*_GONE, "order.restored"} and (
            gone[data["id"]] != data["refunded_total_cents"]
        ):
            found.append(f"{kind} of {data['id']} says {data['refunded_total_cents']} in all")
    for order_id, amount in gone.items():
        if amount != orders[order_id]["refunded_amount"]:
            found.append(f"events of {order_id} say that {amount} went back")
    return found


async def _of_plans(tx: Transaction, told: Sequence[tuple[str, Any]], moved: Sums) -> list[str]:
    """credits_granted_now, all turns together: each period but what came of it later, in parts."""
    periods = await tx.fetch("SELECT id, subscription_id, comp_reason FROM subscription_periods")
    parts = await tx.fetch(
        "SELECT period_id, granted_micros FROM plan_grants WHERE kind = 'part' ORDER BY starts_at, id"
    )
    later: defaultdict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for row in parts:
        if row["period_id"] in seen:
            later[row["period_id"]] += int(row["granted_micros"])
        seen.add(row["period_id"])
    granted: defaultdict[str, int] = defaultdict(int)
    for row in periods:
        micros = _sum(moved, row["id"], "subscription", "debt") - later[row["id"]]
        granted[row["subscription_id"]] += micros // _CREDIT_MICROS
    said: defaultdict[str, int] = defaultdict(int)
    for kind, data in told:
        if kind.startswith("subscription."):
            said[data["id"]] += _once(kind, data)
    return [
        f"events of {one} say that {said[one]} credits were granted, {micros} were"
        for one, micros in granted.items()
        if said[one] != micros
    ]


def _once(kind: str, data: Mapping[str, Any]) -> int:
    """Of a turn that is told by two events the first counts."""
    is_payment = kind in {"subscription.started", "subscription.activated", "subscription.renewed"}
    is_change = kind == "subscription.changed"
    return int(data["credits_granted_now"]) if is_payment or is_change else 0


async def _of_ends(tx: Transaction, told: Sequence[tuple[str, Any]], moved: Sums) -> list[str]:
    rows = await tx.fetch("SELECT id, rolled_micros, unreported_micros FROM plan_grants")
    parts = {row["id"]: row for row in rows}
    lost: defaultdict[str, int] = defaultdict(int)
    for kind, data in told:
        if kind == "credit.expired":
            lost[data["id"]] += data["amount_micros"]
    ended = {about for about, code in moved if code == "expiry"}
    return [line for about in sorted(ended) if (line := _end(about, lost[about], moved, parts))]


def _end(about: str, lost: int, moved: Sums, parts: Mapping[str, Row]) -> str:
    micros = _sum(moved, about, "expiry")
    if about in parts:
        part = parts[about]
        micros -= int(part["rolled_micros"]) + abs(int(part["unreported_micros"]))
    if lost == micros:
        return ""
    return f"credit.expired of {about} says {lost} micros, {micros} were lost"
