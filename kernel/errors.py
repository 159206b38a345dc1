"""Define the base of all errors that a caller can cause or must know about.

    DomainError                 expected; the edge turns it into a code and a status
    |- InvalidInput             a field is missing, mistyped or out of its range
    |- NotFound                 an unknown id, or one of another account or environment
    |- LimitReached             the maximum number exists; remove one first
    `- Unavailable              a part that we need can't respond now; trying again may help

Every other class lives in the module that raises it. Only gateway/http/errors.py knows codes and HTTP
statuses.
"""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """An expected refusal. `detail` is a sentence for the caller, without secrets.

    If values are given, detail is a template such as "{param} must be from {least} to {most}.". `reason` is a
    word for programs if one code has several causes. `extra` is added to the response's error object.
    `retry_after_s` is set if waiting helps.
    """

    def __init__(
        self,
        detail: str,
        *,
        param: str | None = None,
        reason: str | None = None,
        retry_after_s: int | None = None,
        extra: Mapping[str, Any] | None = None,
        **values: object,
    ) -> None:
        self._template, self._values = detail, values
        self.param = param
        super().__init__(self.detail)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.extra: dict[str, Any] = dict(extra or {})

    @property
    def detail(self) -> str:
        if not self._values:
            return self._template
        return self._template.format(param=self.param, **self._values)

    def rename(self, names: Mapping[str, str]) -> None:
        """Replace our field names by the caller's. `names` maps ours to theirs."""
        self.param = names.get(self.param or "", self.param)


class LimitReached(DomainError):
    pass


class InvalidInput(DomainError):
    def __init__(
        self,
        detail: str,
        *,
        param: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        **values: Any,
    ) -> None:
        super().__init__(detail, param=param, **values)
        if errors is None and param is not None:
            errors = [{"param": param, "detail": self.detail}]
        if errors:
            self.extra["errors"] = errors

    def rename(self, names: Mapping[str, str]) -> None:
        told = self.detail
        super().rename(names)
        for problem in self.extra.get("errors", ()):
            problem["param"] = names.get(problem["param"], problem["param"])
            if problem["detail"] == told:
                problem["detail"] = self.detail


class UnknownCursor(InvalidInput):
    def __init__(self, param: str = "cursor") -> None:
        what = "This cursor doesn't belong to this list. Use `next_cursor` from the previous page."
        super().__init__(what, param=param)


class NotFound(DomainError):
    """The object doesn't exist for this caller. `kind` is the word in the message, such as "Webhook not found"."""

    def __init__(self, kind: str, *, param: str | None = None) -> None:
        super().__init__(f"{kind} not found", param=param)
        self.kind = kind


class Unavailable(DomainError):
    pass
