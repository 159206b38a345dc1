"""The same request with the same key gets the first answer's bytes; anything else is told apart."""

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.errors import InvalidInput
from store import idempotency
from store.database import Database, Transaction
from store.idempotency import KeyInProgress, KeyReused, RequestKey, StoredAnswer, request_key

NOW = 1_781_352_000_000_000  # 2026-06-13T12:00:00Z
SECOND = 1_000_000
DAY = 86_400 * SECOND


def key(text: str = "k1", **changes: Any) -> RequestKey:
    request: dict[str, Any] = {
        "account_id": "acc_1",
        "environment": "staging",
        "owner": "key_1",
        "method": "POST",
        "path": "/topup/send",
        "canonical_body": b"{}",
    }
    return request_key(key_text=text, **{**request, **changes})


async def look(database: Database, wanted: RequestKey, now_us: int = NOW) -> StoredAnswer | None:
    found = await database.read(lambda tx: idempotency.find(tx, [wanted]))
    return idempotency.check(found.get(wanted.place), wanted, now_us)


async def keep(
    database: Database, *answers: tuple[RequestKey, StoredAnswer], now_us: int = NOW
) -> None:
    await database.transaction(lambda tx: idempotency.save(tx, answers, now_us=now_us))


async def begin(
    database: Database, started: RequestKey, lease_until_at: int, token: str = "first"
) -> None:
    await database.transaction(
        lambda tx: idempotency.begin(
            tx, started, token=token, lease_until_at=lease_until_at, now_us=NOW
        )
    )


@pytest.mark.parametrize("text", ["k", "!~", "x" * 255, "0b7e8f6a-1f6e-4d3b-9b0e-9c6b2a1d4e5f"])
def test_a_key_is_visible_ascii(text: str) -> None:
    assert len(key(text).digest) == 32


@pytest.mark.parametrize("text", ["", "x" * 256, "a b", "a\tb", "a\x00", "\x7f", "é", "\u202e"])
def test_any_other_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        key(text)

    assert caught.value.param == "Idempotency-Key"


@pytest.mark.parametrize(
    "change",
    [{"method": "PATCH"}, {"path": "/topup/cancel"}, {"canonical_body": b'{"amount_cents":1}'}],
)
def test_another_request_has_another_fingerprint_under_the_same_key(change: dict[str, Any]) -> None:
    other = key(**change)

    assert other.place == key().place
    assert other.fingerprint != key().fingerprint


def test_the_parts_of_a_request_do_not_run_into_each_other() -> None:
    split = key(path="/a", canonical_body=b"b")

    assert split.fingerprint != key(path="/ab", canonical_body=b"").fingerprint


async def test_the_first_answer_is_replayed_byte_for_byte(database: Database) -> None:
    assert await look(database, key()) is None

    await keep(database, (key(), StoredAnswer(201, b'{"a": 1}')))

    assert await look(database, key()) == StoredAnswer(201, b'{"a": 1}', is_replay=True)


@pytest.mark.parametrize("change", [{"account_id": "acc_2"}, {"environment": "live"}])
async def test_a_key_is_its_accounts_and_environments_own(
    database: Database, change: dict[str, Any]
) -> None:
    await keep(database, (key(), StoredAnswer(200, b"mine")))

    assert await look(database, key(**change)) is None


async def test_a_key_that_came_with_another_request_is_refused(database: Database) -> None:
    await keep(database, (key(), StoredAnswer(200, b"")))

    with pytest.raises(KeyReused):
        await look(database, key(canonical_body=b"[]"))


async def test_many_keys_are_kept_and_found_at_once(database: Database) -> None:
    keys = [key(f"k{number}") for number in range(50)]
    await keep(database, *((one, StoredAnswer(200, one.digest.encode())) for one in keys))
    before = database.statements_run

    found = await database.read(lambda tx: idempotency.find(tx, [*keys, *keys, key("none")]))

    assert {place: stored.body for place, stored in found.items()} == {
        one.place: one.digest.encode() for one in keys
    }
    # BEGIN, the one look, the end.
    assert database.statements_run - before == 3


@pytest.mark.parametrize(
    ("now_us", "retry_after_s"),
    [(NOW, 30), (NOW + 1, 30), (NOW + 29 * SECOND, 1), (NOW + 30 * SECOND - 1, 1)],
)
async def test_a_running_call_is_told_apart_until_its_lease_ends(
    database: Database, now_us: int, retry_after_s: int
) -> None:
    await begin(database, key(), NOW + 30 * SECOND)

    with pytest.raises(KeyInProgress) as caught:
        await look(database, key(), now_us)

    assert caught.value.retry_after_s == retry_after_s


async def test_a_call_whose_lease_ended_may_run_again(database: Database) -> None:
    await begin(database, key(), NOW + 30 * SECOND)

    assert await look(database, key(), NOW + 30 * SECOND) is None


async def test_another_request_cannot_take_over_a_lease(database: Database) -> None:
    await begin(database, key(), NOW + 30 * SECOND)

    with pytest.raises(KeyReused):
        await look(database, key(path="/other"), NOW + 31 * SECOND)


async def test_a_finished_call_ends_its_lease(database: Database) -> None:
    await begin(database, key(), NOW + 30 * SECOND)

    await keep(database, (key(), StoredAnswer(200, b"done", is_sealed=True)))

    assert await look(database, key()) == StoredAnswer(200, b"done", is_replay=True, is_sealed=True)


async def test_who_was_late_changes_nothing_of_who_took_over(database: Database) -> None:
    async def late(tx: Transaction) -> tuple[bool, bool]:
        await idempotency.abandon(tx, key(), token="first")
        return (
            await idempotency.extend(tx, key(), token="first", lease_until_at=NOW + 99 * SECOND),
            await idempotency.complete(
                tx, key(), StoredAnswer(200, b"late"), token="first", now_us=NOW
            ),
        )

    await begin(database, key(), NOW + SECOND)
    await begin(database, key(), NOW + 30 * SECOND, token="second")

    assert await database.transaction(late) == (False, False)
    with pytest.raises(KeyInProgress) as running:
        await look(database, key())
    assert running.value.retry_after_s == 30
    done = await database.transaction(
        lambda tx: idempotency.complete(
            tx, key(), StoredAnswer(200, b"done"), token="second", now_us=NOW
        )
    )
    assert done
    assert await database.transaction(late) == (False, False)
    assert await look(database, key()) == StoredAnswer(200, b"done", is_replay=True)


async def test_a_lease_is_extended_by_its_holder(database: Database) -> None:
    await begin(database, key(), NOW + SECOND)

    held = await database.transaction(
        lambda tx: idempotency.extend(tx, key(), token="first", lease_until_at=NOW + 30 * SECOND)
    )

    assert held
    with pytest.raises(KeyInProgress):
        await look(database, key(), NOW + 2 * SECOND)


async def test_an_abandoned_call_is_forgotten_a_finished_one_is_not(database: Database) -> None:
    async def abandon_both(tx: Transaction) -> None:
        await idempotency.abandon(tx, key("begun"), token="first")
        await idempotency.abandon(tx, key("finished"), token="first")

    await begin(database, key("begun"), NOW + 30 * SECOND)
    await keep(database, (key("finished"), StoredAnswer(200, b"done")))

    await database.transaction(abandon_both)

    assert await look(database, key("begun")) is None
    assert await look(database, key("finished")) == StoredAnswer(200, b"done", is_replay=True)


@pytest.mark.parametrize(
    ("is_sealed", "age_us", "pruned"),
    [
        (True, DAY, 0),
        (True, DAY + 1, 1),
        (False, DAY + 1, 0),
        (False, 30 * DAY, 0),
        (False, 30 * DAY + 1, 1),
    ],
)
async def test_answers_are_kept_for_their_time(
    database: Database, is_sealed: bool, age_us: int, pruned: int
) -> None:
    await keep(database, (key(), StoredAnswer(200, b"", is_sealed=is_sealed)), now_us=NOW - age_us)

    gone = await database.transaction(lambda tx: idempotency.prune(tx, now_us=NOW))

    assert gone == pruned
    assert (await look(database, key()) is None) == bool(pruned)


async def test_pruning_is_done_in_bounded_steps(database: Database) -> None:
    answers = [(key(f"k{number}"), StoredAnswer(200, b"")) for number in range(501)]
    await keep(database, *answers, now_us=NOW - 31 * DAY)

    async def prune(tx: Transaction) -> int:
        return await idempotency.prune(tx, now_us=NOW)

    steps = [await database.transaction(prune) for _ in range(3)]

    assert steps == [500, 1, 0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "keep", "abandon"]),
        st.sampled_from(["k1", "k2"]),
        st.integers(min_value=0, max_value=3),
    ),
    max_size=8,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_any_order_of_steps_replays_the_last_answer(
    database: Database, steps: list[tuple[str, str, int]]
) -> None:
    expected: dict[str, bytes | None] = {}

    async def work(tx: Transaction) -> dict[Any, Any]:
        expected.clear()
        await tx.execute("DELETE FROM idempotency_keys")
        for step, text, number in steps:
            if step == "begin":
                await idempotency.begin(
                    tx, key(text), token="mine", lease_until_at=NOW + number, now_us=NOW
                )
                expected[text] = None
            elif step == "keep":
                answer = StoredAnswer(200, b"%d" % number)
                await idempotency.save(tx, [(key(text), answer)], now_us=NOW)
                expected[text] = answer.body
            else:
                await idempotency.abandon(tx, key(text), token="mine")
                if expected.get(text, b"") is None:
                    del expected[text]
        return await idempotency.find(tx, [key("k1"), key("k2")])

    found = await database.transaction(work)

    assert {place: stored.body for place, stored in found.items()} == {
        key(text).place: body for text, body in expected.items()
    }


async def test_the_same_text_from_another_owner_is_another_key(database: Database) -> None:
    own, others = key(), key(owner="key_2")
    await keep(database, (own, StoredAnswer(200, b"mine")))

    assert own.digest != others.digest
    assert await look(database, others) is None
    assert key(owner="key_1", text="2k1").digest != key(owner="key_12", text="k1").digest


async def test_a_secrets_key_is_nobody_elses(database: Database) -> None:
    own = key()
    sealed = StoredAnswer(201, b"sealed", is_sealed=True)
    await keep(database, (own, sealed))
    await database.transaction(lambda tx: idempotency.save_text(tx, own))

    await database.read(lambda tx: idempotency.check_text(tx, own))
    for free in (key("k2", owner="key_2"), key(owner="key_2", account_id="acc_2")):
        await database.read(partial(idempotency.check_text, key=free))
    with pytest.raises(KeyReused) as refused:
        await database.read(lambda tx: idempotency.check_text(tx, key(owner="key_2")))
    assert refused.value.reason == "other_credential"
