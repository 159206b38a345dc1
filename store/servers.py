"""Describe what a process knows about the servers in its database URL. SQLite has no servers."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from store.errors import Fault

Role = Literal["primary", "standby", "unknown"]


class Position(NamedTuple):
    """A server's place in the database's history. The server with the greatest position is used.

    `accepted_at` is when an operator last accepted a loss there, or 0. Each promotion begins a new timeline.
    """

    accepted_at: int
    timeline: int


NOWHERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class SeenServer:
    """The result of checking one server. `address` is its host and port in the URL.

    - fault: why the server isn't used.
    - error: the driver's error if the server didn't respond.
    - started_at: distinguishes two servers with the same system identifier.
    - missing: how many acknowledged commits the server lacks. They date from missing_from_s to missing_to_s.
    """

    address: str
    role: Role = "unknown"
    fault: Fault | None = None
    error: str = ""
    system: int = 0
    position: Position | None = None
    started_at: int = 0
    missing: int = 0
    missing_from_s: float = 0.0
    missing_to_s: float = 0.0


class ServerWatch(Protocol):
    @property
    def fault(self) -> Fault | None:
        """Return the fault if servers respond but none can be used. Otherwise, return None."""
        ...

    @property
    def system(self) -> int: ...

    @property
    def position(self) -> Position: ...

    def note(self, system: int, position: Position) -> None:
        """Record that another process found this server to be the primary. Older primaries are no longer used."""
        ...

    async def check_all(self) -> list[SeenServer]:
        """Check each server, and switch to one with a greater position. SQLite returns an empty list."""
        ...


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Connection pool options.

    connections_max applies to each of the two general pools. statement_cache is the number of prepared statements
    per connection. direct_url bypasses a pooler, or is empty.
    """

    connections_max: int = 6
    statement_cache: int = 1024
    connect_timeout_s: float = 3.0
    pool_timeout_s: float = 5.0
    statement_timeout_s: float = 30.0
    lock_timeout_s: float = 3.0
    direct_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServerRoom:
    """How much of the server's limits is used.

    connections_max excludes connections that are reserved for superusers. As transaction_id_age nears 2 billion,
    PostgreSQL refuses writes.
    """

    connections_max: int
    ours: int
    others: int
    transaction_id_age: int
