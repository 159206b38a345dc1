"""Webhooks that were disabled for failing are asked now and then whether they work again.

Additive. Those that were disabled within two weeks before are asked, too; what a worker of before disables is not.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None
oldest_code = "0011"

_PROBED = "status = 'disabled' AND disabled_reason = 'failing' AND deleted_at IS NULL"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("probe_at", BIGINT, nullable=True))
    # An hour after they were disabled; where that is too long ago the first look ends it.
    endpoints = sa.table("endpoints", sa.column("disabled_at"), sa.column("probe_at"))
    condition = sa.text(_PROBED)
    op.execute(
        endpoints.update().where(condition).values(probe_at=endpoints.c.disabled_at + 3_600_000_000)
    )
    op.create_index(
        "ix_endpoints_probe",
        "endpoints",
        ["probe_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
