"""Walks through what keys may still do: a mandate and its refusals, pause and resume, the account's day."""

from tests.gateway.answers.own_walks import UNKNOWN, account
from tests.gateway.answers.recorder import Recorder

MANDATE = {
    "name": "agent",
    "purpose": "credit for colleagues",
    "scopes": ["topup:send", "topup:read", "keys:write"],
    "platforms": ["claude"],
    "recipients": ["*@example.com"],
    "lifetime_cents": 3000,
    "windows": [{"seconds": 3600, "cents": 2000}],
    "per_recipient_per_day_cents": 1200,
    "max_sends_per_hour": 3,
    "max_recipients_per_week": 2,
    "repeat_guard_s": 600,
}
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "ana@example.com"}


async def mandates(to: Recorder) -> None:
    account_id, key = await account(to)
    made = await to.own("with a mandate", "POST", "/keys", key, json=MANDATE)
    wrong = {
        "platforms": [],
        "recipients": ["*@"],
        "windows": [{"seconds": 1, "cents": -1}],
        "max_recipients_per_week": 1001,
        "repeat_guard_s": 0,
    }
    await to.own("a mandate that is none", "POST", "/keys", key, json=wrong)
    await to.own("no domain", "POST", "/keys", key, json={"recipients": ["*@"]})
    twice = {"windows": [{"seconds": 60, "cents": 1}, {"seconds": 60, "cents": 2}]}
    await to.own("one length twice", "POST", "/keys", key, json=twice)
    agent = made["key"]
    wider = {"recipients": ["bo@example.org"]}
    await to.own("a child with more", "POST", "/keys", agent, json=wider)
    child = await to.own("a child", "POST", "/keys", agent, json={"lifetime_cents": 500})

    await to.own("sent", "POST", "/topup/send", agent, json=SEND)
    await to.own("the same again", "POST", "/topup/send", agent, json=SEND)
    other = {**SEND, "platform": "gemini"}
    await to.own("another platform", "POST", "/topup/send", agent, json=other)
    other = {**SEND, "recipient_email": "ana@example.org"}
    await to.own("another recipient", "POST", "/topup/send", agent, json=other)
    another = {**SEND, "distinct": True}
    await to.own("too much for one", "POST", "/topup/send", agent, json=another)
    other = {**SEND, "recipient_email": "bo@example.com", "amount_cents": 1100}
    await to.own("too much for an hour", "POST", "/topup/send", agent, json=other)

    await to.own("what is left", "GET", "/keys/self", agent)
    await to.own("of a child", "GET", "/keys/self", child["key"])
    path = f"/keys/{made['id']}"
    await to.own("with its child", "GET", f"{path}/tree", key)
    await to.own("of no key", "GET", f"/keys/key_{UNKNOWN}/tree", key)
    await to.own("changed", "PATCH", path, key, json={"windows": None, "purpose": None})

    await to.own("paused", "POST", f"{path}/pause", agent)
    await to.own("paused before", "POST", f"{path}/pause", key)
    to.clock.advance_s(60)
    await to.own("while it is paused", "POST", "/topup/send", child["key"], json=SEND)
    await to.own("by itself", "POST", f"{path}/resume", agent)
    await to.own("by the key above", "POST", f"{path}/resume", key)
    stranger = await to.gateway.key(await to.gateway.account())
    await to.own("of another account", "POST", f"{path}/resume", stranger)
    approver = await to.gateway.key(account_id, scopes=["approvals:write"])
    await to.own("by an approver", "POST", f"{path}/resume", approver)

    await to.own("no limit", "GET", "/account/limits", key)
    await to.own("by a key", "PUT", "/account/limits", key, json={"per_day_cents": 100})
