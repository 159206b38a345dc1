"""What a process knows of the servers that its URL names; SQLite has none."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from store.errors import Fault

Role = Literal["primary", "standby", "unknown"]


class Position(NamedTuple):
    """How far a server is. The server with the greater position is the database.

    accepted_at: when an operator last accepted a loss there, or 0. Each promotion begins the next timeline.
    """

    accepted_at: int
    timeline: int


NOWHERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class SeenServer:
    """The result of checking one server, by host and port as in the URL.

    - fault: why it isn't used. error: the driver's code if it didn't respond.
    - started_at tells two servers of one system identifier apart.
    - missing: how many commits acknowledged here it lacks, between the Unix times missing_from_s and
      missing_to_s.
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
        """Return why a responding server isn't used; None while one is used, and in an outage."""
        ...

    @property
    def system(self) -> int:
        """Return the system identifier of the server in use, or 0."""
        ...

    @property
    def position(self) -> Position: ...

    def note(self, system: int, position: Position) -> None:
        """Record that another process saw this server as the primary. A server behind it is no longer used."""
        ...

    async def look_around(self) -> list[SeenServer]:
        """Check each server of the URL, and switch if one is further; return none for a file."""
        ...


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """connections_max is for each of the two general pools; statement_cache counts prepared statements a
    connection. direct_url bypasses a pooler, or is empty.
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
    """What is left of the server's limits.

    connections_max is for roles that aren't superusers. Near 2 billion of transaction_id_age PostgreSQL
    takes no writes.
    """

    connections_max: int
    ours: int
    others: int
    transaction_id_age: int
