"""A pytest plugin for the previous release's tests: the newer release migrates each database that they create.

.ci/old-code loads it. NEWER_TOPUP names the newer release's command. The rest stays the previous release's:
its command `topup migrate`, migrations to an earlier revision, and processes that a test starts.
"""

import os
import subprocess

# Imported before the replacement, so that the command stays as it is.
import cli.server.migrate  # noqa: F401
import store.migrate

_NEWER_TOPUP = os.environ["NEWER_TOPUP"]
_migrate_by_previous_release = store.migrate.migrate


def _migrate(url: str, *, revision: str = "head") -> None:
    if revision != "head":
        _migrate_by_previous_release(url, revision=revision)
        return
    # Nothing else of this process's environment may affect the newer release.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    subprocess.run(  # noqa: S603 our own command
        [_NEWER_TOPUP, "migrate"],
        env={**kept, "TOPUP_DATABASE_URL": url},
        check=True,
        stdout=subprocess.DEVNULL,
    )


# Tests are imported later, so they use the replacement.
store.migrate.migrate = _migrate
