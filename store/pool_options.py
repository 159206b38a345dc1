"""An operator's settings for a process's connections to a server; SQLite has none."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """connections_max is for each of the two general pools. statement_cache counts prepared statements a
    connection, 0 for none. pool_timeout_s is how long to wait for a free connection. direct_url is the server
    itself if the database's own URL leads to a pooler; else empty.
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

    connections_max is for roles that aren't superusers; ours have the application_name topup.
    transaction_id_age counts transactions since the oldest unfrozen one: near 2 billion PostgreSQL takes no
    writes.
    """

    connections_max: int
    ours: int
    others: int
    transaction_id_age: int
