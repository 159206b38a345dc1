"""The database checks of `topup doctor`: does it store what is written, which server is it, has it room."""

import time
from typing import Final

from cli.server.finding import CheckError, CheckWarning
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from runtime.context import connections_of_a_process
from runtime.installation import open_store, pool_options
from runtime.settings import Settings
from runtime.watch import staging_left
from store.database import Transaction
from store.kept.backups import last_finished
from store.open import file_of, open_database
from store.sqlite.space import space as space_of
from store.version import changed_tables, differs, migrated_by, schema_version

CLOCK_OFF_S_MAX: Final = 2.0
# Two nights, as in the alerts CopyOld and CopyElsewhereOld.
COPY_AGE_H_MAX: Final = 50
_PLACES: Final = {"local": "a file of `topup backup`", "elsewhere": "on another machine"}
MB: Final = 1_000_000


async def database(settings: Settings) -> str:
    kind = settings.database_address.partition(":")[0]
    async with open_store(settings) as database:
        started_s = time.perf_counter()
        version = await schema_version(database)
        took_ms = (time.perf_counter() - started_s) * 1000
        if version is not None and (changed := await changed_tables(database, version)):
            raise differs(version, changed)
        await database.probe(b"", now_us=SystemClock().now_us())
        by = version and await migrated_by(database, version)
    made = f" by {by}" if by else ""
    return f"{kind}, schema {version}{made}, answers in {took_ms:.1f} ms and keeps what is written"


async def backups(settings: Settings) -> str:
    async with open_store(settings) as database:
        began = await database.read(last_finished)
    now_us = SystemClock().now_us()
    ages_h = {place: (now_us - at_us) / HOUR_US for place, at_us in began.items()}
    if not ages_h:
        raise CheckWarning("none is recorded: run `topup backup`, each night by a timer")
    detail = "the last one was taken " + " and ".join(
        f"{age_h:.0f} h ago ({_PLACES[place]})" for place, age_h in sorted(ages_h.items())
    )
    if min(ages_h.values()) > COPY_AGE_H_MAX:
        raise CheckWarning(f"{detail}: run `topup backup`, each night by a timer")
    if ages_h.get("elsewhere", 0) > COPY_AGE_H_MAX:
        raise CheckWarning(
            f"{detail}: take one to another machine, then run `topup backup --elsewhere`"
        )
    return detail


async def servers(settings: Settings) -> str:
    """Say whether just one server claims to be the primary, and has what was acknowledged here."""
    async with open_store(settings) as database:
        seen = await database.servers.look_around()
        timeline = database.servers.position.timeline
    if not seen:
        return "none: the database is a file"
    refused = [
        f"{one.address} is refused ({one.fault.value})"
        for one in seen
        if one.fault is not None and one.role == "primary"
    ]
    if refused:
        raise CheckError("; ".join([*refused, "`topup database status` and docs/failover.md"]))
    away = [one.address for one in seen if one.role == "unknown" and one.fault is not None]
    if away:
        raise CheckWarning(f"{', '.join(away)} does not answer: nothing to take over from, or to")
    if not timeline:
        return "one, and it does not say who it is: a failover is not noticed"
    standbys = sum(one.role == "standby" for one in seen)
    return f"one primary, on timeline {timeline}, and {standbys} standbys that the URL names"


async def connections(settings: Settings) -> str:
    """Say whether the server has connections for all processes and two more."""
    async with open_store(settings) as database:
        room = await database.room()
    if room is None:
        return "are to a file: no server counts them"
    each = connections_of_a_process(settings)
    fits = max(0, room.connections_max - room.others) // each
    detail = (
        f"up to {each} for each gateway and worker: the server's {room.connections_max} less"
        f" {room.others} of others have room for {fits}; {room.ours} are open"
    )
    if max(2 * each, room.ours) > fits * each:
        raise CheckWarning(
            f"{detail}. Too few: raise max_connections, lower TOPUP_DATABASE_CONNECTIONS or start"
            " fewer processes"
        )
    return detail


async def pooler(settings: Settings) -> str:
    """Say whether what needs a session of the server can have one."""
    direct = settings.database_direct_url.get_secret_value()
    async with open_store(settings) as database:
        place = await database.place()
        is_sharing = database.is_sharing_sessions
    if not direct:
        if is_sharing:
            raise CheckWarning(
                "gives each transaction another session, and TOPUP_DATABASE_DIRECT_URL is not set:"
                " migrate, backup and restore need it, and wake-ups without Redis"
            )
        return "none that shares sessions"
    server = open_database(direct, options=pool_options(settings))
    try:
        if await server.place() != place:
            raise CheckError("TOPUP_DATABASE_DIRECT_URL leads to another database than the pooler")
    finally:
        await server.close()
    if server.is_sharing_sessions:
        raise CheckError("TOPUP_DATABASE_DIRECT_URL leads to a pooler that shares sessions, too")
    return "is passed by where a session is needed"


async def space(settings: Settings) -> str:
    path = file_of(settings.database_address)
    if path is None:
        return "is the server's"
    async with open_store(settings):
        found = space_of(path)
    detail = f"{found.size / MB:.1f} MB, of which {found.free / MB:.1f} MB are free"
    if not found.can_give_back:
        raise CheckWarning(
            f"{detail}; the file never gets smaller: `topup vacuum` at a calm moment"
        )
    return f"{detail}; workers give it back in steps"


async def staging(settings: Settings) -> str:
    """Say whether there is room for staging beside live's reserve."""
    async with open_store(settings) as database:
        left = await staging_left(settings, database)
    if left is None:
        return "has no reserve: TOPUP_STAGING_RESERVE_MB (a file) or TOPUP_STAGING_DATABASE_MAX_MB (a server)"
    if left < 0:
        raise CheckError(
            f"is refused: {-left / MB:,.0f} MB more than its limit are in use. Make room, or change"
            " TOPUP_STAGING_RESERVE_MB (a file's disk) or TOPUP_STAGING_DATABASE_MAX_MB (a server)"
        )
    return f"may use {left / MB:,.0f} MB more before it is refused"


async def clock(settings: Settings) -> str:
    async def work(tx: Transaction) -> int | None:
        row = await tx.fetch_one("SELECT DATABASE_NOW_US() AS now_us")
        return None if row is None or row["now_us"] is None else int(row["now_us"])

    async with open_store(settings) as database:
        theirs_us = await database.read(work)
    if theirs_us is None:
        return "is the database's own"
    off_s = abs(theirs_us - SystemClock().now_us()) / SECOND_US
    if off_s > CLOCK_OFF_S_MAX:
        raise CheckError(
            f"{off_s:.0f} s apart from the database's: run a time daemon on both machines"
        )
    return "agrees with the database's"
