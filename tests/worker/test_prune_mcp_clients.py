"""What is over of MCP clients goes; what would be noticed if it came again stays."""

from kernel.clock import FixedClock
from keys.authorization import client as mcp_client
from store.database import Database
from tests.support.mcp_client import open_client
from worker.chores import DAY_S, authorization_chore


async def test_what_is_over_of_mcp_clients_goes(database: Database, clock: FixedClock) -> None:
    desk = await open_client(database, clock)
    pair = await desk.signed_in()
    await desk.refresh(pair.refresh)
    forgotten = await open_client(database, clock)
    # A day after an access token's end, and after a code's.
    clock.advance_s(DAY_S + 3601)

    await authorization_chore(database, clock, pause_s=0).run()

    # Two refresh tokens stay, of which one was used: it would be noticed if it came again.
    assert await counted(database, "authorization_tokens") == 2
    assert await counted(database, "authorization_codes") == 0
    assert await counted(database, "authorization_clients") == 1
    assert await database.read(lambda tx: mcp_client.find(tx, desk.client.id)) is not None
    assert await database.read(lambda tx: mcp_client.find(tx, forgotten.client.id)) is None
    clock.advance_s(400 * DAY_S)
    await authorization_chore(database, clock, pause_s=0).run()
    assert await counted(database, "authorization_tokens") == 0
    assert await counted(database, "authorization_clients") == 0


async def counted(database: Database, table: str) -> int:
    row = await database.read(lambda tx: tx.fetch_one(f"SELECT COUNT(*) AS rows FROM {table}"))
    assert row is not None
    return int(row["rows"])
