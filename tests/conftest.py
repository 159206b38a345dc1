"""The database and the Redis of a test: SQLite and an embedded Redis always, PostgreSQL and a Redis
server too where TEST_DATABASE_URL and TEST_REDIS_URL name them.

Each test finds a migrated, empty database of its own, so no test sees another's rows.
"""

import gc
import importlib.util
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from kernel.clock import FixedClock, parse_rfc3339
from runtime.embedded_redis import find_server
from store.database import Database
from store.migrate import migrate
from store.open import open_database
from tests.support.databases import Server
from tests.support.embedded_redis import EmbeddedRedis
from tests.support.forked_processes import Collected
from tests.support.long_first import long_first
from tests.support.preloaded import Preloaded
from tests.support.programs import NO_REDIS, NO_SERVER, missing
from tests.support.sampled import PROVE, matrix_of, sample, seed
from tests.support.templates import shared

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "")
DATABASES = ("sqlite", "postgresql")
# Temporary files of tests lie in memory where there is room for them: SQLite waits for the disk at
# each commit, and what a killed process wrote is there all the same.
IN_MEMORY = Path("/dev/shm")
# What of the large matrices is left out, as one line; `.ci/run` reads it in the cache.
SAMPLED = pytest.StashKey[str]()
SAMPLED_IN_CACHE = "topup/sampled"
# Each of these tests runs on one of the databases a day, and on another day on the other; the tests of a subject
# are many, so each day both see it. What kills processes, and the store itself, run on both.
ONE_DATABASE_A_DAY = (
    "tests/billing/",
    "tests/gateway/",
    "tests/cli/",
    "tests/doors/",
    "tests/e2e/",
)
KILLS = "crash"
IN_MEMORY_BYTES_MIN = 4 * 1024**3


# httpx asks at each call whether this library runs the loop. Where it is not installed, that was a
# search of every folder of the path: a fifth of a call.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(OneDatabaseADay())
    # Each connection to PostgreSQL would first make what TLS needs and ask for it, a third of the
    # client's part of its opening, and the tests' own servers have none.
    os.environ.setdefault("PGSSLMODE", "disable")
    # Where a developer is logged in, commands that work both ways would ask that gateway.
    os.environ["XDG_CONFIG_HOME"] = "/nonexistent"
    for name in ("TOPUP_API_KEY", "TOPUP_URL", "TOPUP_PROFILE"):
        os.environ.pop(name, None)
    # Before any process of a run starts: they draw the same sample, at midnight too.
    seed()
    if any("::" in word for word in config.invocation_params.args):
        os.environ[PROVE] = "one test was named"
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _has_room_in_memory():
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(IN_MEMORY)
    # Where CI is set hypothesis does so by itself: how long an example takes says nothing of ours, and a
    # busy machine takes longer than its 200 ms.
    if not os.environ.get("CI"):
        settings.register_profile(
            "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """A run's processes are forked from one that has collected the tests."""
    collected = Collected(config.invocation_params.args)
    config.add_cleanup(collected.close)
    for spec in specs:
        spec.python = collected.python


def _has_room_in_memory() -> bool:
    """Whether programs may be started from there, too: a test installs what it built."""
    if not os.access(IN_MEMORY, os.W_OK):
        return False
    found = os.statvfs(IN_MEMORY)
    is_for_programs = not found.f_flag & os.ST_NOEXEC
    return is_for_programs and found.f_bavail * found.f_frsize >= IN_MEMORY_BYTES_MIN


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    all_use = shared()
    made = all_use.file() if all_use else None
    if made is None:
        made = tmp_path_factory.mktemp("template") / "template.db"
        migrate(f"sqlite:///{made}")
    return made


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    opened = Server(SERVER_URL)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """Starts gateways and workers that have imported everything already."""
    opened = Preloaded()
    yield opened
    opened.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end, so no search for garbage needs to look at it again,
    and a test leaves little: both together took an eighth of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 1000)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process of a run begins with its share of the long tests, so that none starts last; of the large
    matrices there is a sample.
    """
    config.stash[SAMPLED] = sample(config, items)
    if hasattr(config, "workeroutput"):
        config.workeroutput["sampled"] = config.stash[SAMPLED]
    items[:] = long_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


class OneDatabaseADay:
    """Marks tests as sampled by database, where there are two, before `-m` reads the marks."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if SERVER_URL and _is_on_one_a_day(item):
                item.add_marker(pytest.mark.sampled(len(DATABASES)))


def _is_on_one_a_day(item: pytest.Item) -> bool:
    given = getattr(item, "callspec", None)
    return (
        item.nodeid.startswith(ONE_DATABASE_A_DAY)
        and KILLS not in item.nodeid
        and given is not None
        and (given.params.get("database_url") or given.params.get("kind")) in DATABASES
        and item.get_closest_marker("one_database") is None
        and matrix_of(item) is None
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of the run sampled, they all did."""
    node.config.stash[SAMPLED] = getattr(node, "workeroutput", {}).get("sampled", "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    on_each_database(metafunc, "database_url")


def on_each_database(metafunc: pytest.Metafunc, fixture: str) -> None:
    """The fixture once for each kind of database; for one where the test is marked one_database."""
    marks = metafunc.definition.iter_markers("parametrize")
    if fixture in metafunc.fixturenames and all(mark.args[0] != fixture for mark in marks):
        is_one = metafunc.definition.get_closest_marker("one_database") is not None
        metafunc.parametrize(fixture, DATABASES[:1] if is_one else DATABASES, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database; once for each of the two kinds.

    Marked new_database, a test gets one that no other test used, and none will. Marked one_database,
    its promise does not depend on the kind, and SQLite stands for both.
    """
    if request.param == "sqlite":
        path = tmp_path / "topup.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    if not SERVER_URL:
        missing(NO_SERVER)
    server: Server = request.getfixturevalue("postgresql_server")
    url = server.lend(is_new="new_database" in request.keywords)
    yield url
    server.take_back(url)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(params=["embedded", "server"])
async def redis_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty Redis; once for each of the two kinds."""
    if request.param == "embedded":
        embedded = EmbeddedRedis(find_server() or "", tmp_path)
        await embedded.start()
        yield embedded.url
        await embedded.stop()
        return
    if not REDIS_URL:
        missing(NO_REDIS)
    url = _own_redis(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
    async with Redis.from_url(url) as redis:
        await redis.flushdb()
    yield url


def _own_redis(worker: str) -> str:
    """Each process of a run has a database of its own, from the one in the URL upwards."""
    named = urlsplit(REDIS_URL)
    number = int(named.path.strip("/") or 0) + int(worker.removeprefix("gw"))
    return named._replace(path=f"/{number}").geturl()


@pytest.fixture
def clock() -> FixedClock:
    """Noon UTC of the day in the seed's example."""
    return FixedClock(parse_rfc3339("2026-06-13T12:00:00Z"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What was sampled, and what the machine lacked, in a line each: a test that was skipped or left out is not a
    passed one.
    """
    if said := config.stash.get(SAMPLED, ""):
        terminalreporter.write_line(said)
    cache = getattr(config, "cache", None)
    if cache is not None and not config.getoption("lf", default=False):
        cache.set(SAMPLED_IN_CACHE, said)
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
    )
    if reasons:
        told = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"not run here: {told}", yellow=True)
