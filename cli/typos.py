"""Refuse settings that would start and be wrong; report other unknown names once."""

import logging
import os
import tempfile
from pathlib import Path

from cli.output import EXIT_USAGE, fail
from runtime.settings import Settings, nearest_setting, unknown_variables
from runtime.supervisor import parent_fd

logger = logging.getLogger("topup.settings")


def check_start(settings: Settings) -> None:
    """End the command for a misspelt TOPUP_ variable or an unwritable data directory."""
    for name in unknown_variables():
        meant = nearest_setting(name)
        if meant is not None:
            raise fail(
                f"{name} is no setting", advice=f"did you mean {meant}?", exit_code=EXIT_USAGE
            )
    if "data_dir" in settings.model_fields_set:
        _check_folder(settings.data_dir)


def warn_of_unknown_variables() -> None:
    """Print the names that resemble no setting: another release or an orchestrator may set them.

    Children of `topup dev` are silent, because it has said so.
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
