"""Colleagues who act for an account by a role, and which account a session looks at.

Additive. To a process of before a session is of the account that its person signs in with, and of no other:
there, a colleague sees their own account.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("acts_for", TEXT, nullable=True))
    op.create_table(
        "members",
        sa.Column("id", TEXT, primary_key=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("account_id", "email", "role")),
        sa.Column("invited_by", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("invitation_id", TEXT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("person_id", TEXT, nullable=True),
        *(
            sa.Column(name, BIGINT, nullable=True)
            for name in ("joined_at", "removed_at", "chosen_at")
        ),
    )
    _index("ux_members_email", ["account_id", "email"], unique=True, where="removed_at IS NULL")
    _index(
        "ux_members_invitation", ["invitation_id"], unique=True, where="invitation_id IS NOT NULL"
    )
    _index("ix_members_account", ["account_id", "person_id"])
    _index("ix_members_person", ["person_id"], where="person_id IS NOT NULL")


def _index(
    name: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    only = None if where is None else sa.text(where)
    op.create_index(
        name, "members", columns, unique=unique, sqlite_where=only, postgresql_where=only
    )
