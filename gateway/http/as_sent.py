"""A refusal names its fields as the caller sent them, whatever the domain calls them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kernel.errors import DomainError

_WORD = re.compile(r"\w+")


@contextmanager
def as_sent(**names: str) -> Iterator[None]:
    """For refusals from within: provider="channel" where what the domain calls provider was sent
    as channel.

    In a detail a name counts where it begins it or has an underscore; elsewhere it is English.
    """
    try:
        yield
    except DomainError as error:
        error.detail = _reworded(error.detail, names)
        error.param = names.get(error.param or "", error.param)
        if "errors" in error.extra:
            error.extra["errors"] = [_renamed(one, names) for one in error.extra["errors"]]
        raise


def _renamed(problem: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    param = problem["param"]
    return {"param": names.get(param, param), "detail": _reworded(problem["detail"], names)}


def _reworded(detail: str, names: Mapping[str, str]) -> str:
    def word(found: re.Match[str]) -> str:
        is_name = found.start() == 0 or "_" in found[0]
        return names.get(found[0], found[0]) if is_name else found[0]

    return _WORD.sub(word, detail)
