"""Examples of answers that no recording reaches, by method, path and HTTP status."""

from typing import Any, Final

WRITTEN: Final[dict[str, Any]] = {}
