"""A misspelt variable would go unseen: whatever starts a process says so once."""

import logging
import os

from runtime.settings import unknown_variables
from runtime.supervisor import parent_fd

logger = logging.getLogger("topup.settings")


def warn_of_unknown_variables() -> None:
    """One line with every TOPUP_ variable that names no setting; what `topup dev` starts is silent,
    since it has said so itself.
    """
    names = unknown_variables()
    if names and parent_fd(os.environ) is None:
        logger.warning("settings.unknown_variables", extra={"variables": ", ".join(names)})
