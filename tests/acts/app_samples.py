"""Samples of OAuth apps; see samples.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts.sample import Sample

APP: Final = {
    "name": "Chat",
    "scope": "advanced_access",
    "redirect_uris": ["https://chat.example/cb"],
}
OBJECTS: Final = {"apps": ("apps.create", APP)}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "apps.create": (
        Sample({**APP, "cap_cents": 2_000, "cap_period": "day"}),
        Sample(
            {
                "name": "Desk",
                "scope": "general_api_access",
                "redirect_uris": ["http://127.0.0.1/cb"],
                "public": True,
            }
        ),
        Sample({"name": "Wiki", "scope": "advanced_access", "redirect_host": "wiki.example"}),
    ),
    "apps.list": (Sample({"limit": 1}),),
    "apps.show": (Sample(),),
    "apps.rotate": (Sample(),),
    "apps.disable": (Sample(is_again=True),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "apps.create": (
        {**APP, "name": ""},
        {**APP, "scope": "nonsense"},
        {**APP, "redirect_uris": ["x"]},
        {"name": "Shop", "scope": "advanced_access"},
        {"name": "Wiki", "scope": "advanced_access", "redirect_host": "w.example", "public": True},
        {**APP, "cap_cents": -1},
    ),
    "apps.list": ({"cursor": "key_1"},),
}
