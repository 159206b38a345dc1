"""Replays of what was answered alike, and replays that begin with one delivery.

Additive. A worker of before would send all that failed, at once: end those before anybody asks for such a replay.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for name in ("like_id", "like_error", "like_phrase", "paused_reason"):
        op.add_column("replays", sa.Column(name, TEXT, nullable=True))
    for name in ("like_status", "ramp_size", "ramp_at"):
        op.add_column("replays", sa.Column(name, BIGINT, nullable=True))
