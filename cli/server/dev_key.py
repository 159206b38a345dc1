"""The master key of `topup dev`: given, or the data directory's.

A key is made only if nothing is sealed yet. Another one would make the children fail at each start.
"""

import click

from cli.output import EXIT_USAGE, fail, run
from runtime.installation import known_secret_key, open_vault, opens_what_is_sealed
from runtime.master_key import FILE_NAME, made_master_key
from runtime.settings import Settings

_SETTING = "TOPUP_SECRET_KEY"


def development_key(settings: Settings) -> str:
    """Return the key that opens what the database holds; end the command without one."""
    file = settings.data_dir / FILE_NAME
    is_given = bool(settings.secret_key.get_secret_value())
    source = _SETTING if is_given else str(file)
    known = known_secret_key(settings)
    if not known and file.exists():
        raise _refused(f"{source} is empty")
    vault = open_vault(known, source=source) if known else None
    if run(opens_what_is_sealed(settings, vault)) is False:
        if vault is None:
            raise _refused(f"{source} is missing, and the database holds what it sealed")
        raise _refused(f"{source} does not open what the database holds: it was another key")
    return known or made_master_key(settings.data_dir)


def _refused(problem: str) -> click.exceptions.Exit:
    return fail(
        problem,
        advice="put the key back that sealed it; or begin anew with another --data-dir",
        exit_code=EXIT_USAGE,
    )
