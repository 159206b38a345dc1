"""A call of several steps under one key: one process at a time, one answer, whoever is late."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.answers.answer import Answer
from gateway.http.idempotency import run_steps
from kernel.clock import FixedClock
from keys.authenticator import Authenticator
from store.database import Transaction
from store.idempotency import KeyInProgress, KeyReused, request_key
from tests.support.gateway import Gateway, running, settings_of

HOOK = "http://127.0.0.1:9009/hook"


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


async def rows_of(gateway: Gateway, statement: str) -> list[Any]:
    async def work(tx: Transaction) -> list[Any]:
        return list(await tx.fetch(statement))

    return await gateway.context.database.read(work)


class TestSteps:
    """run_steps: a call that leaves the database between its transactions."""

    async def test_a_second_caller_waits_for_the_first_and_replays(
        self, gateway: Gateway, key: str
    ) -> None:
        bundle = await Bundle.of(gateway, key)
        may_go_on = asyncio.Event()
        first = asyncio.create_task(bundle.run(b"first", until=may_go_on))
        await bundle.begun.wait()
        second = asyncio.create_task(bundle.run(b"second"))

        may_go_on.set()
        answers = await asyncio.gather(first, second)

        assert [found.body for found in answers] == [b"first", b"first"]
        assert [found.is_replay for found in answers] == [False, True]

    async def test_a_failed_first_leaves_the_key_free(self, gateway: Gateway, key: str) -> None:
        bundle = await Bundle.of(gateway, key)

        failed = await asyncio.gather(bundle.run(None), return_exceptions=True)
        repaired = await bundle.run(b"again")

        assert isinstance(failed[0], ConnectionError)
        assert repaired == Answer(200, b"again")

    async def test_a_lease_that_ran_out_is_taken_over(self, gateway: Gateway, key: str) -> None:
        bundle = await Bundle.of(gateway, key)
        never = asyncio.Event()
        crashed = asyncio.create_task(bundle.run(b"lost", until=never, lease_s=0))
        await bundle.begun.wait()

        taken_over = await bundle.run(b"mine")

        assert taken_over == Answer(200, b"mine")
        crashed.cancel()
        await asyncio.gather(crashed, return_exceptions=True)

    async def test_who_was_late_gets_the_answer_of_who_took_over(
        self, gateway: Gateway, key: str
    ) -> None:
        bundle = await Bundle.of(gateway, key)
        may_go_on = asyncio.Event()
        late = asyncio.create_task(bundle.run(b"late", until=may_go_on, lease_s=0))
        await bundle.begun.wait()
        taken_over = await bundle.run(b"mine")

        may_go_on.set()

        assert await late == Answer(200, b"mine", is_replay=True)
        assert taken_over == Answer(200, b"mine")
        assert (await bundle.run(b"third")).body == b"mine"

    @pytest.mark.parametrize("end", [b"late", None])
    async def test_who_was_late_lets_nobody_run_beside_who_took_over(
        self, gateway: Gateway, key: str, end: bytes | None
    ) -> None:
        bundle = await Bundle.of(gateway, key)
        late_may_end, second_may_end = asyncio.Event(), asyncio.Event()
        late = asyncio.create_task(bundle.run(end, until=late_may_end, lease_s=0))
        await bundle.begun.wait()
        bundle.begun.clear()
        second = asyncio.create_task(bundle.run(b"second", until=second_may_end))
        await bundle.begun.wait()
        bundle.begun.clear()

        late_may_end.set()
        ended = await asyncio.gather(late, return_exceptions=True)
        third = asyncio.create_task(bundle.run(b"third"))
        await asyncio.sleep(0.1)
        assert not bundle.begun.is_set()
        second_may_end.set()
        answers = await asyncio.gather(second, third)

        assert isinstance(ended[0], KeyInProgress if end else ConnectionError)
        assert [found.body for found in answers] == [b"second", b"second"]

    async def test_a_secret_is_stored_sealed_and_replayed_to_its_credential_alone(
        self, gateway: Gateway
    ) -> None:
        account = await gateway.account()
        bundle = await Bundle.of(gateway, await gateway.key(account))
        other = await Bundle.of(gateway, await gateway.key(account))

        first = await bundle.run(b"https://pay.example/secret", sealed=True)
        again = await bundle.run(b"another", sealed=True)

        assert (again.body, again.is_replay) == (first.body, True)
        (row,) = await rows_of(gateway, "SELECT body, is_sealed FROM idempotency_keys")
        assert row["is_sealed"] == 1
        assert b"pay.example" not in bytes(row["body"])
        with pytest.raises(KeyReused):
            await other.run(b"mine", sealed=True)

    async def test_no_other_credential_runs_beside_a_call_for_a_secret(
        self, gateway: Gateway
    ) -> None:
        account = await gateway.account()
        bundle = await Bundle.of(gateway, await gateway.key(account))
        other = await Bundle.of(gateway, await gateway.key(account))
        may_go_on = asyncio.Event()
        first = asyncio.create_task(bundle.run(b"secret", until=may_go_on, sealed=True))
        await bundle.begun.wait()

        with pytest.raises(KeyReused):
            await other.run(b"mine", sealed=True)
        may_go_on.set()

        assert (await first).body == b"secret"
        assert not other.begun.is_set()

    async def test_who_was_late_gets_the_secret_of_who_took_over(
        self, gateway: Gateway, key: str
    ) -> None:
        bundle = await Bundle.of(gateway, key)
        may_go_on = asyncio.Event()
        late = asyncio.create_task(bundle.run(b"late", until=may_go_on, lease_s=0, sealed=True))
        await bundle.begun.wait()
        await bundle.run(b"mine", sealed=True)

        may_go_on.set()

        assert (await late).body == b"mine"

    async def test_what_takes_long_keeps_its_lease(
        self, database_url: str, tmp_path: Path, clock: FixedClock
    ) -> None:
        async with running(settings_of(database_url, tmp_path), clock) as gateway:
            bundle = await Bundle.of(gateway, await gateway.key(await gateway.account()))
            may_go_on = asyncio.Event()
            long = asyncio.create_task(bundle.run(b"long", until=may_go_on, lease_s=3))
            await bundle.begun.wait()
            clock.advance_s(2)
            for _ in range(500):
                rows = await rows_of(gateway, "SELECT lease_until_at FROM idempotency_keys")
                if rows[0]["lease_until_at"] == clock.now_us() + 3_000_000:
                    break
                await asyncio.sleep(0.01)
            clock.advance_s(2)  # beyond the first lease

            second = asyncio.create_task(bundle.run(b"second"))
            may_go_on.set()

            assert (await long).body == (await second).body == b"long"


class Bundle:
    """Calls of run_steps under one key."""

    def __init__(self, gateway: Gateway, principal: Any) -> None:
        self._context = gateway.context
        self._principal = principal
        self._key = request_key(
            account_id=principal.account_id,
            environment=principal.environment,
            owner=principal.key_owner,
            key_text="steps",
            method="POST",
            path="/",
            canonical_body=b"{}",
        )
        self.begun = asyncio.Event()

    @classmethod
    async def of(cls, gateway: Gateway, key: str) -> "Bundle":
        authenticator: Authenticator = gateway.context.authenticator
        return cls(gateway, await authenticator.authenticate(key))

    async def run(
        self,
        body: bytes | None,
        *,
        until: asyncio.Event | None = None,
        lease_s: int = 60,
        sealed: bool = False,
    ) -> Answer:
        async def steps() -> Answer:
            self.begun.set()
            if until is not None:
                await until.wait()
            if body is None:
                raise ConnectionError
            return Answer(200, body)

        return await run_steps(
            self._context, self._principal, self._key, steps, lease_s=lease_s, sealed=sealed
        )
