"""An operator's settings for a process's connections to a server; SQLite has none."""

from dataclasses import dataclass, field


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
