"""Walks through webhooks, events, deliveries and replays, beside a worker that sends."""

import asyncio

from keys.signatures.signing import public_text, signature_headers, signer_of
from tests.gateway.answers.own_walks import SEND, UNKNOWN, account
from tests.gateway.answers.recorder import Recorder
from tests.support.gateway_worker import delivering
from tests.support.recording_receiver import receiver

SECRET = "whsec_" + "QUJD" * 8
SEED = b"s" * 32


async def endpoints(to: Recorder) -> None:
    _, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    async with receiver() as hook, receiver(lambda _: (500, 0.0)) as failing:
        await _register(to, key, hook.url)
        await _change(to, key, stranger)
        await _test(to, key, hook.url, failing.url)
    await _verify(to, key)
    await _portal_links(to, key, stranger)


async def _register(to: Recorder, key: str, url: str) -> None:
    path = "/webhooks/register"
    full = {
        "url": f"{url}?token=1",
        "events": ["topup.delivered", "order.paid"],
        "description": "Shop",
        "headers": {"X-Tenant": "hunter2"},
        "retry_schedule_s": [0, 60],
        "rate_limit_per_s": 5,
        "include_codes": True,
    }
    once = {"Idempotency-Key": "hook-1"}
    await to.own("with all fields", "POST", path, key, json=full, headers=once)
    await to.own("the same again", "POST", path, key, json=full, headers=once)
    await to.own("with none", "POST", path, key, json={"url": url})
    for wrong in ("ftp://example.com/", "http://a:b@127.0.0.1/", "http://127.0.0.1:22/", "x"):
        await to.own("no good address", "POST", path, key, json={"url": wrong})
    await to.own("no such event", "POST", path, key, json={"url": url, "events": ["x"]})
    bad = {"url": url, "retry_schedule_s": [-1], "rate_limit_per_s": 0, "headers": {"Host": "x"}}
    for name in ("retry_schedule_s", "rate_limit_per_s", "headers"):
        body = {"url": url, name: bad[name]}
        await to.own(f"a wrong {name}", "POST", path, key, json=body)
    await to.own("mistyped", "POST", path, key, json={"url": 1, "headers": {"a": 1}})


async def _change(to: Recorder, key: str, stranger: str) -> None:
    page = await to.own("the first", "GET", "/webhooks?limit=1", key)
    await to.own("the next", "GET", f"/webhooks?limit=1&cursor={page['next_cursor']}", key)
    await to.own("a wrong cursor", "GET", "/webhooks?cursor=x", key)
    path = f"/webhooks/{page['items'][0]['id']}"
    await to.own("one", "GET", path, key)
    await to.own("another's", "GET", path, stranger)
    await to.own("disabled", "PATCH", path, key, json={"status": "disabled", "events": []})
    await to.own("no status", "PATCH", path, key, json={"status": "x"})
    await to.own("no good address", "PATCH", path, key, json={"url": "x"})
    await to.own("enabled", "PATCH", path, key, json={"status": "enabled", "headers": {"A": "b"}})
    await to.own("no key pair", "PATCH", path, key, json={"ed25519": False})
    await to.own("a new key pair", "PATCH", path, key, json={"ed25519": True})
    await to.own("another secret", "POST", f"{path}/rotate-secret", key, json={"overlap_s": 60})
    await to.own("too long", "POST", f"{path}/rotate-secret", key, json={"overlap_s": 10**9})
    await to.own("gone", "DELETE", path, key)
    await to.own("gone before", "DELETE", path, key)


async def _test(to: Recorder, key: str, good: str, failing: str) -> None:
    made = await to.own("to be tested", "POST", "/webhooks/register", key, json={"url": good})
    wrong = await to.own("that fails", "POST", "/webhooks/register", key, json={"url": failing})
    path = f"/webhooks/{made['id']}/test"
    await to.own("a sample", "POST", path, key, json={"event": "topup.delivered"})
    await to.own("no such event", "POST", path, key, json={"event": "x"})
    await to.own("not taken", "POST", f"/webhooks/{wrong['id']}/test", key, json={})
    await to.own("unknown", "POST", f"/webhooks/we_{UNKNOWN}/test", key, json={})
    # The receiver that fails: its one answer ends the run, which would else depend on the machine.
    await to.own("that certifies nothing", "POST", f"/webhooks/{wrong['id']}/certify", key, json={})


async def _verify(to: Recorder, key: str) -> None:
    body = '{"id":"evt_1"}'
    now_s = to.clock.now_us() // 1_000_000
    headers = signature_headers(
        secrets=[SECRET],
        signers=[signer_of(SEED)],
        message_id="evt_1",
        timestamp_s=now_s,
        body=body.encode(),
    )
    by_key = {"headers": headers, "body": body, "public_key": public_text(SEED)}
    good = {"headers": headers, "body": body, "secret": SECRET}
    path = "/webhooks/verify"
    await to.own("genuine", "POST", path, key, json=good)
    await to.own("changed", "POST", path, key, json={**good, "body": body + " "})
    await to.own("no headers", "POST", path, key, json={**good, "headers": {}})
    await to.own("no secret", "POST", path, key, json={**good, "secret": "x"})
    await to.own("by a public key", "POST", path, key, json=by_key)
    await to.own("no public key", "POST", path, key, json={**by_key, "public_key": "whpk_x"})
    await to.own("by neither", "POST", path, key, json={"headers": headers, "body": body})
    await to.own("nothing", "POST", path, key, json={})
    to.clock.advance_s(3600)
    await to.own("old", "POST", path, key, json=good)


async def _portal_links(to: Recorder, key: str, stranger: str) -> None:
    path = "/portal-links"
    full = {
        "name": "Acme",
        "can": "replay",
        "origins": ["https://app.acme.example"],
        "expires_in_s": 86_400,
    }
    await to.own("with all fields", "POST", path, key, json=full)
    made = await to.own("with none", "POST", path, key, json={})
    for wrong in ({"origins": ["https://*.acme.example"]}, {"can": "own"}, {"expires_in_s": 1}):
        await to.own("that is none", "POST", path, key, json=wrong)
    await to.own("of another's", "POST", path, key, json={"endpoint_ids": [f"we_{UNKNOWN}"]})
    await to.own("both", "GET", path, key)
    await to.own("one", "GET", f"{path}/{made['id']}", key)
    await to.own("another's", "GET", f"{path}/{made['id']}", stranger)
    await to.own("another's", "DELETE", f"{path}/{made['id']}", stranger)
    await to.own("revoked", "DELETE", f"{path}/{made['id']}", key)


async def deliveries(to: Recorder) -> None:
    _, key = await account(to)
    stranger = await to.gateway.key(await to.gateway.account())
    async with receiver() as hook, receiver(lambda _: (410, 0.0)) as gone:
        urls = {"kept": hook.url, "given up": gone.url}
        made = {
            note: await to.own(note, "POST", "/webhooks/register", key, json={"url": url})
            for note, url in urls.items()
        }
        async with delivering(to.gateway):
            await to.own("told to both", "POST", "/topup/send", key, json=SEND)
            # And the one that goes on is told that the other was disabled.
            await _sent(to, key, 3)
            await to.own("told to one", "POST", "/topup/send", key, json={**SEND, "note": "x"})
            await _sent(to, key, 4)
    await _events(to, key, stranger)
    await _log(to, key, stranger, made["given up"]["id"])
    await to.own("given up", "GET", f"/webhooks/{made['given up']['id']}/health", key)
    await to.own("no hours", "GET", f"/webhooks/{made['kept']['id']}/health?hours=0", key)
    await to.own("another's", "GET", f"/webhooks/{made['kept']['id']}/health", stranger)
    await _replays(to, key, stranger, made["kept"]["id"])
    await _cancels(to, key, stranger)


async def _sent(to: Recorder, key: str, attempts: int) -> None:
    """Until the worker has made so many attempts, and has written down what came of them."""
    async with asyncio.timeout(30):
        while True:
            answer = await to.gateway.call("GET", "/deliveries?limit=200", key=key)
            items = answer.json()["data"]["items"]
            if sum(one["attempts_made"] for one in items) == attempts:
                return
            await asyncio.sleep(0.02)


async def _events(to: Recorder, key: str, stranger: str) -> None:
    page = await to.own("the first", "GET", "/events?limit=1", key)
    await to.own("the next", "GET", f"/events?limit=1&cursor={page['next_cursor']}", key)
    page = await to.own("polled", "GET", "/events?after=0&limit=2", key)
    await to.own("polled on", "GET", f"/events?after={page['next_cursor']}", key)
    await to.own("of a type", "GET", "/events?type=topup.delivered", key)
    await to.own("of no type", "GET", "/events?type=x", key)
    await to.own("no cursor", "GET", "/events?after=x", key)
    await to.own("two cursors", "GET", "/events?after=0&cursor=1", key)
    path = f"/events/{page['items'][0]['id']}"
    await to.own("one", "GET", path, key)
    await to.own("another's", "GET", path, stranger)
    await to.own("no cursor", "GET", "/events/stream?after=x", key)
    await to.own("its head", "HEAD", "/events/stream?after=0", key)


async def _log(to: Recorder, key: str, stranger: str, given_up: str) -> None:
    page = await to.own("the first", "GET", "/deliveries?limit=1", key)
    await to.own("the next", "GET", f"/deliveries?limit=1&cursor={page['next_cursor']}", key)
    delivered = await to.own("delivered", "GET", "/deliveries?status=delivered", key)
    failed = await to.own("given up", "GET", f"/deliveries?endpoint_id={given_up}", key)
    await to.own("of a type", "GET", "/deliveries?event_type=order.paid", key)
    await to.own("of no type", "GET", "/deliveries?event_type=x", key)
    await to.own("no status", "GET", "/deliveries?status=x", key)
    await to.own("no cursor", "GET", "/deliveries?cursor=x", key)
    await to.own("no time", "GET", "/deliveries?created_after=x", key)
    path = f"/deliveries/{delivered['items'][0]['id']}"
    await to.own("with its attempt", "GET", path, key)
    path_of_failed = f"/deliveries/{failed['items'][-1]['id']}"
    await to.own("that was not taken", "GET", path_of_failed, key)
    await to.own("another's", "GET", path, stranger)
    once = {"Idempotency-Key": "again-1"}
    await to.own("again", "POST", f"{path}/replay", key, json={}, headers=once)
    await to.own("the same again", "POST", f"{path}/replay", key, json={}, headers=once)
    await to.own("unknown", "POST", f"/deliveries/dlv_{UNKNOWN}/replay", key, json={})
    await to.own("all", "GET", "/notices", key)
    await to.own("open ones", "GET", "/notices?open=true", key)
    await to.own("neither", "GET", "/notices?open=x", key)


async def _replays(to: Recorder, key: str, stranger: str, endpoint_id: str) -> None:
    path = f"/webhooks/{endpoint_id}/replay"
    body = {"status": "delivered", "since": "2026-06-13T12:00:00Z"}
    await to.own("counted", "POST", path, key, json={**body, "dry_run": True})
    other = {**body, "events": ["endpoint.disabled"], "rate_per_s": 5}
    one = await to.own("begun", "POST", path, key, json=other)
    await to.own("while it runs", "POST", path, key, json=body)
    narrow = {**body, "events": ["topup.delivered"], "until": "2026-06-13T12:00:05Z"}
    two = await to.own("of a type", "POST", path, key, json=narrow)
    await to.own("no status", "POST", path, key, json={"status": "x"})
    await to.own("too fast", "POST", path, key, json={"rate_per_s": 10**6})
    await to.own("backwards", "POST", path, key, json={**narrow, "since": "2027-01-01T00:00:00Z"})
    await to.own("of no endpoint", "POST", f"/webhooks/we_{UNKNOWN}/replay", key, json=body)
    page = await to.own("the first", "GET", "/replays?limit=1", key)
    await to.own("the next", "GET", f"/replays?limit=1&cursor={page['next_cursor']}", key)
    path = f"/replays/{one['id']}"
    await to.own("one", "GET", path, key)
    await to.own("another's", "GET", path, stranger)
    for word in ("pause", "pause", "resume", "cancel", "resume"):
        await to.own(word, "POST", f"{path}/{word}", key, json={})
    await to.own("the other", "POST", f"/replays/{two['id']}/cancel", key, json={})


async def _cancels(to: Recorder, key: str, stranger: str) -> None:
    """Of one that waits, beside no worker, and of what was delivered before."""
    found = await to.gateway.call("GET", "/deliveries?status=delivered", key=key)
    path = f"/deliveries/{found.json()['data']['items'][0]['id']}"
    again = await to.gateway.call("POST", f"{path}/replay", key=key, json={})
    waits = f"/deliveries/{again.json()['data']['id']}"
    await to.own("another's", "POST", f"{waits}/cancel", stranger, json={})
    await to.own("it waits", "POST", f"{waits}/cancel", key, json={})
    await to.own("once more", "POST", f"{waits}/cancel", key, json={})
    await to.own("it has arrived", "POST", f"{path}/cancel", key, json={})
