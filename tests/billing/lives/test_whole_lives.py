"""Whole lives at the gateway and at Stripe's stand-in: what each costs and credits, to the micro."""

from pathlib import Path

from kernel.clock import FixedClock
from tests.support.stripe_life import Outcome, open_lives


async def test_try(database_url: str, tmp_path: Path, clock: FixedClock) -> None:
    async with open_lives(database_url, tmp_path, clock) as lives:
        life = await lives.begin()
        await life.subscribe()
        await life.pass_days(31)
        assert await life.outcome() == Outcome(2000, 20_000_000, status="active")
