"""The paths of our own API: which are lists, and which one a wrong path most probably meant."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Final

from gateway.http.routing import Router
from gateway.surfaces import API, API_PREFIX

_ALIKE: Final = 0.7


@cache
def _router() -> Router:
    return Router((API,))


@cache
def _templates() -> Mapping[str, tuple[str, ...]]:
    return {
        resource.template.removeprefix(API_PREFIX): tuple(sorted(resource.routes))
        for resource in _router()
    }


def is_list(template: str) -> bool:
    return "GET" in _templates().get(template, ())


@lru_cache(maxsize=256)
def nearest(method: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    # A path whose parameter came elsewhere, as in /topup/status?transaction_id=…
    alike = [one for one in _templates() if one.rpartition("/{")[0] == path.rstrip("/")][:1]
    alike = alike or get_close_matches(path, _templates(), n=1, cutoff=_ALIKE)
    if not alike:
        last = path.rsplit("/", 1)[-1]
        alike = [one for one in _templates() if last and one.rsplit("/", 1)[-1] == last][:1]
    if not alike:
        return None
    methods = _templates()[alike[0]]
    return alike[0], (method,) if method in methods else methods
