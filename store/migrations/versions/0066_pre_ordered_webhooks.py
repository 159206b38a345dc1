"""A webhook may be sent the events of one object one after the other.

Additive: no webhook is ordered yet. The two indexes hold rows of ordered ones alone, so they are empty; a worker of
before keeps no order.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None
oldest_code = "0011"

_OPEN = "status IN ('pending', 'sending') AND object_id IS NOT NULL"
_SENDING = "status = 'sending' AND object_id IS NOT NULL"


def upgrade() -> None:
    _add("endpoints", sa.Column("ordered", BIGINT, nullable=False, server_default="0"))
    _add("endpoint_queue", sa.Column("again_no", BIGINT, nullable=False, server_default="0"))
    _add("deliveries", sa.Column("object_id", TEXT, nullable=True))
    _add("deliveries", sa.Column("event_no", BIGINT, nullable=True))
    _add("deliveries", sa.Column("waits_since_at", BIGINT, nullable=True))
    first = ("endpoint_id", "object_id", "event_no", "id")
    _index("ix_deliveries_object", first, _OPEN)
    _index("ix_deliveries_object_sending", first[:2], _SENDING)


def _add(table: str, column: sa.Column[object]) -> None:
    op.add_column(table, column)


def _index(name: str, columns: tuple[str, ...], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
