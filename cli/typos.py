"""Settings that would start and be wrong are refused; other unknown names are told once."""

import logging
import os
import tempfile
from pathlib import Path

from cli.output import EXIT_USAGE, fail
from runtime.settings import Settings, nearest_setting, unknown_variables
from runtime.supervisor import parent_fd

logger = logging.getLogger("topup.settings")


def check_start(settings: Settings) -> None:
    """Ends the command for a misspelt TOPUP_ variable and for a data directory that can't be written."""
    for name in unknown_variables():
        meant = nearest_setting(name)
        if meant is not None:
            raise fail(
                f"{name} is no setting", advice=f"did you mean {meant}?", exit_code=EXIT_USAGE
            )
    if "data_dir" in settings.model_fields_set:
        _check_folder(settings.data_dir)


def warn_of_unknown_variables() -> None:
    """One line with the names that resemble no setting: another release, or an orchestrator, may have made them.

    What `topup dev` starts is silent, since it has said so itself.
    """
    names = unknown_variables()
    if names and parent_fd(os.environ) is None:
        logger.warning("settings.unknown_variables", extra={"variables": ", ".join(names)})


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise fail(
            f"TOPUP_DATA_DIR: {folder} cannot be made or written ({error.strerror})",
            advice="name a folder that this user may write",
            exit_code=EXIT_USAGE,
        ) from None
