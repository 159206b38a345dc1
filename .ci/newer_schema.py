"""A plugin for pytest, which .ci/old-code gives to the previous release's tests: each database that
they make is migrated by the newer release, whose command is named in NEWER_TOPUP.

Nothing else of the previous release is replaced: its own command `topup migrate`, and what it migrates
to a revision in the middle, stay its own. Processes that a test starts are as they were.
"""

import os
import subprocess

# Before the replacement, so that the command keeps what it has.
import cli.server.migrate  # noqa: F401
import store.migrate

_NEWER_TOPUP = os.environ["NEWER_TOPUP"]
_migrate_by_previous_release = store.migrate.migrate


def _migrate(url: str, *, revision: str = "head") -> None:
    if revision != "head":
        _migrate_by_previous_release(url, revision=revision)
        return
    # This process's Python looks for its modules in the previous release.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    subprocess.run(  # noqa: S603 our own command
        [_NEWER_TOPUP, "migrate"],
        env={**kept, "TOPUP_DATABASE_URL": url},
        check=True,
        stdout=subprocess.DEVNULL,
    )


# The tests are imported after this, so they find it.
store.migrate.migrate = _migrate
