"""An OAuth app names the person who registered it, so that it is listed and ended with what else they made.

Additive: an app of before names nobody.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None
oldest_code = "0077"


def upgrade() -> None:
    op.add_column("oauth_apps", sa.Column("made_by", TEXT, nullable=True))
