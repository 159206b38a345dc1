"""What one process saw of the database's servers, the others know."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.embedded_redis import find_server
from runtime.metrics import Metrics
from runtime.redis_link import RedisLink
from runtime.watch import check_servers, hint_key
from store.database import Store
from store.open import open_database
from store.servers import Position
from tests.support.embedded_redis import EmbeddedRedis

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest_asyncio.fixture
async def link(tmp_path: Path) -> AsyncIterator[RedisLink]:
    redis = EmbeddedRedis(find_server() or "", tmp_path)
    await redis.start()
    # Its own fiftieth of a second is for callers, who then go on without; a busy machine takes longer.
    opened = RedisLink(redis.url, timeout_s=10)
    yield opened
    await opened.aclose()
    await redis.stop()


async def test_a_promotion_that_one_process_saw_is_known_to_the_other(
    database: Store, database_url: str, link: RedisLink
) -> None:
    other, metrics = open_database(database_url), Metrics()
    await check_servers(database.servers, link, Metrics(), {})
    await check_servers(other.servers, link, Metrics(), {})
    promoted = Position(0, database.servers.position.timeline + 1)

    database.servers.note(database.servers.system, promoted)
    await check_servers(database.servers, link, Metrics(), {})
    await check_servers(other.servers, link, metrics, {})
    await check_servers(other.servers, link, metrics, {})

    text = metrics.render().decode()
    await other.close()
    assert other.servers.position == promoted
    assert f"topup_database_timeline {promoted.timeline}.0" in text
    assert 'topup_database_refused{reason="old_primary"} 1' in text


@pytest.mark.parametrize("nonsense", [b"", b"x", b"1:", b"9:\xff", b":::"])
async def test_nonsense_in_redis_moves_nobody(
    database: Store, link: RedisLink, nonsense: bytes
) -> None:
    await check_servers(database.servers, link, Metrics(), {})
    before = database.servers.position
    key = hint_key(database.servers.system)
    await link.call(lambda client: client.set(key, nonsense))

    await check_servers(database.servers, link, Metrics(), {})

    assert database.servers.position == before
    # What stood there is written over.
    assert await link.call(lambda client: client.get(key)) == f"0:{before.timeline}".encode()
