"""Each fault of a receiver is found by the check that is about it, and a sound one has none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kernel.clock import SystemClock
from kernel.errors import InvalidInput
from keys.signatures.signing import new_webhook_secret, public_text, signer_of
from tests.support.scripted_receiver import ScriptedReceiver, Talk
from tests.support.shop import Shop
from webhooks.certification.certify import Certification, certify
from webhooks.certification.checks import CHECKS
from webhooks.certification.trial import TrialReceiver, TrialSigner
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import Transport

POLICY = Policy(allow_private=True, allow_http=True)
SECRET = new_webhook_secret()
NAMES = [check.name for check in CHECKS]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    resolver = SystemResolver()
    client = Transport(POLICY, resolver, SystemClock())
    yield client
    await client.close()
    resolver.close()


async def certified(
    transport: Transport,
    url: str,
    effects_url: str | None,
    *,
    timeout_s: float = 2,
    run_s: float = 30,
    seed: bytes | None = None,
) -> Certification:
    receiver = TrialReceiver(
        transport,
        policy=POLICY,
        account_id="acc_1",
        url=url,
        effects_url=effects_url,
        timeout_s=timeout_s,
        still_s=0.01,
    )
    signers = [] if seed is None else [signer_of(seed)]
    signer = TrialSigner([SECRET], {"X-Team": "billing"}, signers)
    return await certify(receiver, signer, SystemClock(), url=url, run_s=run_s)


def amiss(run: Certification) -> dict[str, tuple[str, str | None]]:
    """What did not pass: check → (verdict, impact)."""
    return {
        result.name: (result.verdict, result.impact)
        for result in run.checks
        if result.verdict != "passed"
    }


TWICE = ("failed", "twice")
LOST = ("failed", "lost")
FORGED = ("failed", "forged")
WARNED = ("warned", None)
SKIPPED = ("skipped", None)
REPEATS = ("repeated", "repeated_at_once", "lost_answers")
FORGERIES = ("unsigned", "other_secret", "changed_body", "stale", "ahead")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("", {}),
        ("no_signature", {**dict.fromkeys(FORGERIES, FORGED), "ahead": WARNED}),
        ("no_age", {"stale": FORGED, "ahead": WARNED}),
        ("stripe", {"ahead": WARNED}),
        ("rewrites_json", {"bytes": LOST}),
        ("first_signature", {"rotation": LOST}),
        ("strict", {"additions": LOST}),
        ("no_memory", {**dict.fromkeys(REPEATS, TWICE), "other_id": TWICE}),
        ("memory_by_header", {"other_id": TWICE}),
        ("looks_then_writes", {"repeated_at_once": TWICE, "lost_answers": TWICE}),
        ("counts_pending", {"order": TWICE}),
        ("acts_on_all", {"order": TWICE, "additions": TWICE}),
        ("ends_when_hung_up", {"lost_answers": LOST}),
        ("refuses_repeats", {**dict.fromkeys(REPEATS, LOST)}),
        ("fails_at_forgeries", dict.fromkeys(FORGERIES, WARNED)),
        ("refuses", {"genuine": LOST, **dict.fromkeys(NAMES[1:], SKIPPED)}),
    ],
)
async def test_each_fault_is_found_by_the_check_that_is_about_it(
    transport: Transport, fault: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    async with Shop(SECRET, fault) as shop:
        run = await certified(transport, shop.url, shop.effects_url)

    found = amiss(run)
    if fault == "looks_then_writes":
        # Its own check sends at once; whether a repeat comes before the first one is written is chance.
        found.setdefault("lost_answers", TWICE)
    assert found == expected
    assert [result.name for result in run.checks] == NAMES
    assert run.is_certified == (fault in {"", "fails_at_forgeries", "stripe"})


@pytest.mark.parametrize(
    ("fault", "expected"), [("", {}), ("public_key_as_secret", {"other_secret": FORGED})]
)
async def test_a_receiver_that_holds_the_public_key_alone_is_tried_as_well(
    transport: Transport, fault: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    seed = b"s" * 32
    async with Shop("", fault, public_key=public_text(seed)) as shop:
        run = await certified(transport, shop.url, shop.effects_url, seed=seed)

    assert amiss(run) == expected


async def test_without_the_number_of_effects_what_cannot_be_seen_is_said_to_be_unseen(
    transport: Transport,
) -> None:
    async with Shop(SECRET, "no_memory") as shop:
        run = await certified(transport, shop.url, None)

    unseen = ("not_seen", None)
    assert amiss(run) == dict.fromkeys([*REPEATS, "order", "other_id"], unseen)
    assert run.counts == {"passed": 11, "warned": 0, "failed": 0, "not_seen": 5, "skipped": 0}
    assert not run.is_certified
    assert not run.is_faulty


async def test_a_receiver_that_never_answers_ends_with_the_first_check(
    transport: Transport,
) -> None:
    async def hang(talk: Talk) -> None:
        await talk.request()
        await asyncio.Event().wait()

    receiver = ScriptedReceiver(hang)
    await receiver.start("127.0.0.1", 0, None)
    run = await certified(transport, f"http://127.0.0.1:{receiver.port}/", None, timeout_s=0.1)
    await receiver.stop()

    assert amiss(run) == {"genuine": LOST, **dict.fromkeys(NAMES[1:], SKIPPED)}
    assert run.checks[0].detail.startswith("It gave no response in time: the gateway retries")
    # Now nothing listens there.
    away = await certified(transport, f"http://127.0.0.1:{receiver.port}/", None, timeout_s=1)
    assert away.checks[0].detail.startswith("It gave no response (no connection): the gateway")


async def test_looking_at_the_number_of_effects_first_is_a_part_of_the_time(
    transport: Transport,
) -> None:
    async def slow(talk: Talk) -> None:
        while True:
            asked = await talk.request()
            if asked.startswith(b"GET"):
                await asyncio.sleep(0.2)
            talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7")

    receiver = ScriptedReceiver(slow)
    await receiver.start("127.0.0.1", 0, None)
    url = f"http://127.0.0.1:{receiver.port}/"
    # The first look takes two reads, a check another four: there is no time for one.
    run = await certified(transport, url, url, run_s=1)
    await receiver.stop()

    assert {check.verdict for check in run.checks} == {"skipped"}


async def test_what_the_time_does_not_reach_is_skipped(transport: Transport) -> None:
    async with Shop(SECRET) as shop:
        run = await certified(transport, shop.url, None, run_s=0)

    assert amiss(run) == dict.fromkeys(NAMES, SKIPPED)
    assert not run.is_certified


@pytest.mark.parametrize(
    "answer", [b"many", b"1.5", b'{"effects": "2"}', b"[" * 2000, b"9" * 2000, b"", b"true"]
)
async def test_a_number_of_effects_that_is_none_is_refused_before_anything_is_sent(
    transport: Transport, answer: bytes
) -> None:
    async def say(talk: Talk) -> None:
        while True:
            await talk.request()
            talk.say(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    receiver = ScriptedReceiver(say)
    await receiver.start("127.0.0.1", 0, None)
    with pytest.raises(InvalidInput, match="whole number"):
        await certified(transport, "http://127.0.0.1:1/", f"http://127.0.0.1:{receiver.port}/")
    await receiver.stop()


async def test_events_of_a_trial_are_of_staging_and_say_what_they_are(transport: Transport) -> None:
    bodies: list[bytes] = []

    async def keep(talk: Talk) -> None:
        while True:
            head, _, body = (await talk.request()).partition(b"\r\n\r\n")
            bodies.append(body)
            talk.say(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n")
            assert b"X-Team: billing" in head

    receiver = ScriptedReceiver(keep)
    await receiver.start("127.0.0.1", 0, None)
    await certified(transport, f"http://127.0.0.1:{receiver.port}/", None)
    await receiver.stop()

    assert len(bodies) > 40
    assert all(b'"environment":"staging"' in body for body in bodies)
    assert all(b'"certify":"true"' in body for body in bodies)
    assert not any(b'"test":true' in body for body in bodies)
