"""A release after this tree: the same code with one migration more, which only adds.

    python -m tests.support.next_release FOLDER

writes it and its command FOLDER/topup, which knows `migrate` alone. `make old-code` and `bench.upgrade` migrate by
it while this tree has no migration since the release before.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from store.version import VERSIONS
from tests.support.installation import ROOT, clean_environment

NEXT: Final = f"{int(VERSIONS[-1]) + 1:04d}"
_MIGRATION: Final = """
import sqlalchemy as sa
from alembic import op

revision = "{version}"
down_revision = "{before}"
oldest_code = "{oldest_code}"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("nickname", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("weight", sa.BigInteger(), server_default="1", nullable=False))
    op.create_table("gifts", sa.Column("id", sa.Text(), primary_key=True))
    op.create_index("ix_deliveries_weight", "deliveries", ["weight"])
"""
_COMMAND: Final = """#!/bin/sh
[ "$*" = migrate ] || {{ echo "this one knows migrate alone" >&2; exit 2; }}
PYTHONPATH='{folder}' exec '{python}' -P -c 'import os
from store.migrate import migrate
migrate(os.environ["TOPUP_DATABASE_URL"])'
"""


def make_next_release(folder: Path, *, oldest_code: str = VERSIONS[-1]) -> Path:
    """Write the release into the folder; return its command. oldest_code: the oldest code that runs on it."""
    for name in ("store", "kernel"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = _MIGRATION.format(version=NEXT, before=VERSIONS[-1], oldest_code=oldest_code)
    path = folder / "store/migrations/versions" / f"{NEXT}_pre_gifts.py"
    path.write_text(text, encoding="utf-8")
    command = folder / "topup"
    command.write_text(_COMMAND.format(folder=folder, python=sys.executable), encoding="utf-8")
    command.chmod(0o755)
    return command


def migrate_by_next_release(url: str, folder: Path, *, oldest_code: str = VERSIONS[-1]) -> None:
    """Migrate as the release after this one does."""
    command = make_next_release(folder, oldest_code=oldest_code)
    environment = {**os.environ, **clean_environment(TOPUP_DATABASE_URL=url)}
    subprocess.run([command, "migrate"], env=environment, cwd=folder, check=True)


def newest_migration(tree: Path) -> str:
    """Return the number of the tree's newest migration."""
    return max(path.name[:4] for path in (tree / "store/migrations/versions").glob("[0-9]*.py"))


def main() -> None:
    sys.stdout.write(f"{make_next_release(Path(sys.argv[1]).resolve())}\n")


if __name__ == "__main__":
    main()
