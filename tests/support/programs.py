"""What some tests need of the machine beside Python: a laptop may lack it, CI may not."""

import os
import shutil
from typing import NoReturn

import pytest

# .ci/run installs these.
CI_BRINGS = {"chromium", "curl", "pgbouncer"}
NO_SERVER = "no PostgreSQL in TEST_DATABASE_URL"
NO_REDIS = "no Redis in TEST_REDIS_URL"


def needed(program: str, *, rather: str = "") -> str:
    """The program's path. Where there is none the test is skipped; CI may not lack what it brings.

    rather: another program that does the same, and is taken where it is found.
    """
    found = (shutil.which(rather) if rather else None) or shutil.which(program)
    if found is not None:
        return found
    if program in CI_BRINGS:
        missing(f"no {program}")
    pytest.skip(f"no {program}")


def missing(what: str) -> NoReturn:
    """Skips the test for want of `what`, or fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: CI brings it, so that nothing is skipped there")
    pytest.skip(what)
