"""A gateway whose live payments are settled by a facilitator of ours."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway, running, settings_of
from tests.support.paying import PAY_TO


@pytest_asyncio.fixture
async def live(
    database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Gateway, FacilitatorService]]:
    """A gateway whose live payments are settled by a facilitator of ours."""
    with FacilitatorService() as facilitator:
        settings = settings_of(
            database_url,
            tmp_path,
            x402_facilitator_url=facilitator.url,
            x402_pay_to=PAY_TO,
            x402_network="eip155:8453",
        )
        async with running(settings) as gateway:
            yield gateway, facilitator
