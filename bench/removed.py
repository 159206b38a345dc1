"""Colleagues who are removed while what they set in motion falls due, and workers are killed -9.

A part of bench.crash. Each colleague has a session, makes a key and an endpoint, allows a login of the command line,
schedules sends and sends in bulk. One after the other is removed by the owner while their sends fall due. Then the
owner releases some of what waits, and the account's clock goes on by 72 hours.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.scene import HMAC_ALONE, Scene
from bench.tenants import opened
from bench.trial import RETRY_SCHEDULE_S, Judged, Part, drained
from billing.credits.opening import open_account
from kernel.clock import SECOND_US, SystemClock, rfc3339
from keys import member, session
from keys.account import create_account
from store.database import Transaction
from tests.support.installation import API
from tests.support.plain_http import http_client
from tests.support.receiver import Receiver
from tests.support.senders import order

COLLEAGUES: Final = 6
SCHEDULED: Final = 20  # of each colleague
BULK: Final = 40
PRICE_CENTS: Final = 100
# From when the first is removed until the last send for later falls due.
DUE_S: Final = 6.0
AHEAD_S: Final = 5.0
WAIT_HOURS: Final = 72
RELEASED: Final = 5
KILLS: Final = 3
DELIVERED: Final = 1001
OWNER: Final = "owner@acme.example"


@dataclass
class _Colleague:
    """A person's browser, and what they made. at_removal: what of theirs was delivered by then."""

    http: httpx.AsyncClient
    person_id: str = ""
    member_id: str = ""
    key: str = ""
    device_code: str = ""
    at_removal: set[str] = field(default_factory=set)
    is_served: bool = False  # after the removal


@dataclass
class _Team:
    stage: Scene
    receiver: Receiver
    random: random.Random
    owner: httpx.AsyncClient
    colleagues: list[_Colleague]
    funds_cents: int = 0

    async def delivered(self, person_id: str) -> set[str]:
        """Return what of the person's sends is delivered."""
        text = "SELECT id FROM topups WHERE sent_by = :by AND status = 'delivered'"
        return {id_ for (id_,) in await self.stage.installation.fetch(text, by=person_id)}

    async def kill_worker(self) -> None:
        worker = self.random.choice(self.stage.installation.workers)
        worker.kill()
        await asyncio.to_thread(worker.restart)


async def judge(stage: Scene, seed: int) -> Judged:
    count = 2 if stage.kind == "postgresql" else 1
    await asyncio.to_thread(stage.installation.start, gateways=count, workers=count)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        urls = [one.url for one in stage.installation.gateways]
        owner, *tokens = await _joined(stage)
        browsers = [
            await stack.enter_async_context(_browser(urls[number % count], token))
            for number, (_, _, token) in enumerate([owner, *tokens])
        ]
        colleagues = [
            _Colleague(http, person_id, member_id)
            for http, (person_id, member_id, _) in zip(browsers[1:], tokens, strict=True)
        ]
        team = _Team(stage, receiver, random.Random(seed), browsers[0], colleagues)
        team.funds_cents = await _balance_cents(team)
        return await _course(team)


async def _joined(stage: Scene) -> list[tuple[str, str, str]]:
    """Open an account with its colleagues: of each, the owner first, person, membership and session token."""
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> list[tuple[str, str, str]]:
        own = await open_account(tx, name="Acme", email=OWNER, now_us=now_us, has_live=False)
        _, token = await session.begin(tx, account_id=own, user_agent="bench", now_us=now_us)
        found: list[tuple[str, str, str]] = [(own, "", token)]
        for number in range(COLLEAGUES):
            email = f"dev{number}@acme.example"
            person = await create_account(tx, name="Dev", email=email, now_us=now_us)
            made = await member.invite(
                tx, account_id=own, email=email, role="developer", invited_by=own, now_us=now_us
            )
            await member.accept(tx, made, person, now_us=now_us)
            _, token = await session.begin(
                tx, account_id=person, user_agent="bench", acts_for=own, now_us=now_us
            )
            found.append((person, made.id, token))
        return found

    async with opened(stage.installation.database_url) as database:
        return await database.transaction(work)


def _browser(url: str, token: str) -> httpx.AsyncClient:
    # A page of the gateway's own is what may change anything by cookie.
    return http_client(base_url=url, cookies={"topup_session": token}, headers={"Origin": url})


async def _course(team: _Team) -> Judged:
    due_us = SystemClock().now_us() + round(AHEAD_S * SECOND_US)
    await asyncio.gather(*(_prepare(team, one, due_us) for one in team.colleagues))
    removed = team.colleagues[:-1]  # The last one stays.
    await asyncio.sleep(max(0.0, (due_us - SystemClock().now_us()) / SECOND_US))
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(removed):
            group.create_task(_remove(team, one, (number + 0.5) * DUE_S / len(removed)))
        group.create_task(_kill_now_and_then(team))
    await drained(team.stage.installation, _UNDECIDED)
    waiting = await _waiting(team)
    released = waiting[:: max(1, len(waiting) // RELEASED)]
    for approval in released:
        answer = await team.owner.post(f"{API}/approvals/{approval['id']}/approve", json={})
        assert answer.status_code == 200, answer.text
    ended = [await _ended(team, one) for one in removed]
    await team.owner.post(f"{API}/sandbox/clock", json={"advance_s": WAIT_HOURS * 3600})
    await team.kill_worker()
    await drained(team.stage.installation, _LEFT)
    return await _judged(team, removed, {one["transaction_id"] for one in released}, sum(ended))


async def _prepare(team: _Team, one: _Colleague, due_us: int) -> None:
    """Let a colleague set everything in motion; their sends fall due one after the other from due_us on."""
    name = {"name": "theirs", "scopes": ["topup:send", "topup:read"]}
    one.key = (await _posted(one.http, "/keys", name))["key"]
    hook = {
        "url": f"{team.receiver.url}/{one.person_id}",
        "retry_schedule_s": RETRY_SCHEDULE_S,
        **HMAC_ALONE,
    }
    await _posted(one.http, "/webhooks/register", hook)
    login = await _posted(one.http, "/cli/login", {"name": "a laptop"})
    one.device_code = login["device_code"]
    allowed = {"code": login["user_code"], "decision": "allow", "is_own": "1", "target": "staging"}
    page = await one.http.post(
        "/dashboard/cli", data={**allowed, "life_days": "90", "scopes": ["topup:send"]}
    )
    assert page.status_code == 200, page.text
    step_us = round(DUE_S * SECOND_US) // SCHEDULED
    times = [rfc3339(due_us + number * step_us) for number in range(SCHEDULED)]
    for at in times:
        await _posted(one.http, "/topup/send", order(PRICE_CENTS, send_at=at))
    await _posted(one.http, "/topup/bulk", {"items": _items(f"later-{one.person_id}", times)})


def _items(name: str, times: Sequence[str | None]) -> list[dict[str, object]]:
    return [
        order(PRICE_CENTS, reference=f"{name}-{number}", **({"send_at": at} if at else {}))
        for number, at in enumerate(times)
    ]


async def _remove(team: _Team, one: _Colleague, after_s: float) -> None:
    """Remove a colleague while their sends fall due and a bulk send of theirs is under way."""
    await asyncio.sleep(after_s)
    body = {"items": _items(f"now-{one.person_id}", [None] * BULK)}
    bulk = asyncio.create_task(one.http.post(f"{API}/topup/bulk", json=body))
    answer = await team.owner.post(f"/dashboard/team/{one.member_id}/remove", data={})
    assert "member-removed" in answer.headers.get("location", ""), (
        answer.status_code,
        answer.headers.get("location"),
    )
    one.at_removal = await team.delivered(one.person_id)
    await bulk
    # A gateway may know their session for half a second more.
    for _ in range(5):
        sent = await one.http.post(f"{API}/topup/send", json=order(PRICE_CENTS))
        one.is_served = one.is_served or sent.json().get("code") == DELIVERED
        await asyncio.sleep(0.1)


async def _kill_now_and_then(team: _Team) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(team.random.uniform(0.2, DUE_S / KILLS))
        await team.kill_worker()


async def _waiting(team: _Team) -> list[dict[str, Any]]:
    """Return the approvals that wait for the owner since their sender left."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"status": "pending", "limit": 100}
    while True:
        listed = (await team.owner.get(f"{API}/approvals", params=query)).json()["data"]
        found += [one for one in listed["items"] if one["reason"] == "sender_left"]
        if not listed["has_more"]:
            return found
        query["cursor"] = listed["next_cursor"]


async def _ended(team: _Team, one: _Colleague) -> int:
    """Return how much of what goes on without its maker does not: the key, and the endpoint with it."""
    async with http_client(headers={"Authorization": f"Bearer {one.key}"}) as http:
        url = f"{one.http.base_url}".rstrip("/")
        answer = await http.post(f"{url}{API}/topup/send", json=order(PRICE_CENTS))
    if answer.json().get("code") != DELIVERED:
        return 1
    id_ = answer.json()["transaction_id"]
    hook = one.person_id
    came = lambda: any(  # noqa: E731
        got.path.endswith(hook) and got.event["data"].get("transaction_id") == id_
        for got in team.receiver.received
    )
    try:
        await team.receiver.until(came)
    except TimeoutError:
        return 1
    return 0


async def _posted(http: httpx.AsyncClient, path: str, body: object) -> dict[str, Any]:
    answer = await http.post(f"{API}{path}", json=body)
    assert answer.is_success, answer.text[:500]
    return dict(answer.json()["data"])


async def _balance_cents(team: _Team) -> int:
    data = (await team.owner.get(f"{API}/topup/balance")).json()["data"]
    return int(data["balance_cents"])


async def _judged(
    team: _Team, removed: Sequence[_Colleague], released: set[str], ended: int
) -> Judged:
    installation = team.stage.installation
    findings = await installation.findings()
    rows = await installation.fetch("SELECT id, sent_by, status FROM topups")
    status = {id_: one for id_, _, one in rows}
    theirs = {one.person_id: {id_ for id_, by, _ in rows if by == one.person_id} for one in removed}
    without_owner, delivered = 0, 0
    for one in removed:
        now = {id_ for id_ in theirs[one.person_id] if status[id_] == "delivered"}
        without_owner += len(now - one.at_removal - released)
        delivered += len(one.at_removal)
    stays = team.colleagues[-1].person_id
    codes = [
        await one.http.post(f"{API}/cli/login/token", json={"device_code": one.device_code})
        for one in removed
    ]
    failed = [id_ for ids in theirs.values() for id_ in ids if status[id_] == "failed"]
    paid = sum(one == "delivered" for one in status.values())
    spent_cents = team.funds_cents - await _balance_cents(team)
    counts = {
        "sends without the owner": without_owner,
        "calls of who was removed": sum(one.is_served for one in removed),
        "logins that gave a key": sum(answer.status_code == 201 for answer in codes),
        "released and not delivered": sum(status[id_] != "delivered" for id_ in released),
        "without their end after 72 h": sum(
            status[id_] not in {"delivered", "failed"} for ids in theirs.values() for id_ in ids
        ),
        "of who stayed not delivered": sum(
            by == stays and one != "delivered" for _, by, one in rows
        ),
        "keys or endpoints ended": ended,
        "cents lost": abs(spent_cents - PRICE_CENTS * paid),
        "findings of the audit": len(findings),
    }
    broken = [f"{count} {what}, at most 0" for what, count in counts.items() if count]
    if not released or not delivered:
        broken.append("nothing was delivered before the removal, or nothing waited after it")
    cells = [
        len(removed),
        sum(map(len, theirs.values())),
        delivered,
        without_owner,
        len(released),
        len(failed),
        counts["cents lost"],
        counts["logins that gave a key"],
        ended,
    ]
    return Judged(PART.name, team.stage.kind, cells, broken, findings)


PART: Final = Part(
    "removed",
    "Colleagues who are removed while what they set in motion falls due",
    (
        "",
        "removed",
        "their sends",
        "delivered before",
        "without the owner",
        "released",
        "failed after 72 h",
        "cents lost",
        "logins let in",
        "keys, endpoints ended",
        "ledger",
        "",
    ),
    judge,
)
# What is due, and neither ended nor waits for the owner.
_UNDECIDED: Final = """
SELECT COUNT(*) FROM topups t WHERE status IN ('scheduled', 'pending', 'approval_required')
    AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.transaction_id = t.id)
"""
_LEFT: Final = """
SELECT (SELECT COUNT(*) FROM topups WHERE status NOT IN ('delivered', 'failed'))
    + (SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'sending'))
"""
