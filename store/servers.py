"""What a process sees of the servers that its URL names; SQLite has none."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from store.faults import Fault

Role = Literal["primary", "standby", "unknown"]


class Position(NamedTuple):
    """How far a server is: of two of them the greater one is the database.

    accepted_at: when an operator last accepted a loss there, microseconds by its time, 0 for never.
    timeline: PostgreSQL's; each promotion begins the next one.
    """

    accepted_at: int
    timeline: int


NOWHERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class SeenServer:
    """One look at one server. address: host and port as the URL has them.

    fault: why it is not used, null: nothing is against it. error: the driver's code where it did not
    answer. system: PostgreSQL's system identifier, 0: it does not say. started_at: of the server, in
    microseconds, which tells two servers apart. missing: how many of the commits that were
    acknowledged here it does not have. missing_from_s, missing_to_s: Unix times between which
    commits were acknowledged that are missing there; 0 where none is.
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
    """Which server a database is on."""

    @property
    def fault(self) -> Fault | None:
        """Why there is a server and it is not used; None while one is used, and in an outage."""
        ...

    @property
    def system(self) -> int:
        """The system identifier of the server that is used; 0: there is none, or it does not say."""
        ...

    @property
    def position(self) -> Position:
        """How far the server is that is used, or waited for."""
        ...

    def note(self, system: int, position: Position) -> None:
        """Another process saw this one as the primary: one that is behind it is not used any more."""
        ...

    async def look_around(self) -> list[SeenServer]:
        """Each server that the URL names, as it is now; moves on where one is further. None of a file."""
        ...
