"""What /metrics says of a database that went away: nothing that was read before, and since when."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from store.database import Transaction
from store.kept.backups import record_elsewhere
from tests.support.database_proxy import proxied
from tests.support.gateway import Gateway, running, settings_of


async def figures(gateway: Gateway) -> dict[str, float]:
    text = (await gateway.client.get("/metrics")).text
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def until(gateway: Gateway, sample: str, value: float | None) -> dict[str, float]:
    """Return the first figures in which the sample has the value, or is gone for None."""
    async with asyncio.timeout(20):
        while (found := await figures(gateway)).get(sample) != value:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def hide(tx: Transaction) -> None:
    await tx.execute("ALTER TABLE commit_tokens RENAME TO hidden")


async def test_readiness_is_a_metric(gateway: Gateway) -> None:
    before = await figures(gateway)
    await gateway.context.database.transaction(hide, durable=False)
    # A commit that was kept counts for five seconds.
    after = await until(gateway, 'topup_ready{check="writes"}', 0)

    assert before['topup_ready{check="database"}'] == 1
    assert before['topup_ready{check="batches"}'] == 1
    assert before['topup_ready{check="writes"}'] == 1
    assert after['topup_ready{check="database"}'] == 1


async def test_the_age_of_the_last_copy_is_a_metric(gateway: Gateway) -> None:
    before = await figures(gateway)
    copied = partial(record_elsewhere, now_us=1_781_352_000_000_000, code_version="0.1.0")
    await gateway.context.database.transaction(copied)

    sample = 'topup_copied_timestamp_seconds{place="elsewhere"}'
    await until(gateway, sample, 1_781_352_000)

    assert not any(name.startswith("topup_copied") for name in before)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_gauges_leave_with_their_source_and_return_with_it(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        proxied(database_url) as (proxy, url),
        running(settings_of(url, tmp_path / "gateway")) as gateway,
    ):
        before = await figures(gateway)
        proxy.refusals = 1_000_000
        proxy.silence()
        gone = await until(gateway, "topup_overlooked_seconds", None)
        read_at_s = gone['topup_source_read_timestamp_seconds{source="backlog"}']
        unready = await until(gateway, 'topup_ready{check="database"}', 0)
        proxy.refusals = 0
        back = await until(gateway, "topup_overlooked_seconds", 0)

    assert before["topup_overlooked_seconds"] == 0
    assert before['topup_supplier_wait_seconds{environment="live"}'] == 0
    assert before["topup_server_connections"] >= 1
    assert before["topup_server_connections_max"] > before["topup_server_connections"]
    assert before["topup_database_transaction_id_age"] > 0
    assert unready['topup_source_read_timestamp_seconds{source="backlog"}'] == read_at_s
    assert back['topup_source_read_timestamp_seconds{source="backlog"}'] > read_at_s
