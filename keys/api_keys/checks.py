"""Check several fields and report every one that fails."""

from collections.abc import Callable
from typing import Any

from kernel.errors import DomainError, InvalidInput


class Checks:
    """Continues after a failed check."""

    def __init__(self) -> None:
        self._failed: list[DomainError] = []

    def of(self, check: Callable[..., Any], *values: Any) -> Any:
        """Return the check's result, or None if it refuses."""
        try:
            return check(*values)
        except DomainError as error:
            self._failed.append(error)
            return None

    def end(self) -> None:
        """Raise the only refusal, or InvalidInput that names each field, with the first one's words."""
        if len(self._failed) == 1:
            raise self._failed[0]
        if self._failed:
            first = self._failed[0]
            told = [entry for error in self._failed for entry in _entries(error)]
            raise InvalidInput(first.detail, param=first.param, errors=told)


def _entries(error: DomainError) -> list[dict[str, Any]]:
    return list(error.extra.get("errors") or [{"param": error.param, "detail": error.detail}])
