"""Finds the ways of fulfilment in their folder, and sets each platform's up.

Adding one is one new file that defines FULFILMENT; nothing else names it.
"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import httpx

from billing.fulfilment.protocol import Fulfilment, OptionsRefused, Registration
from billing.topups.platform import Platform
from kernel.clock import Clock

FOLDER = Path(__file__).parent
_NOT_WAYS = frozenset({"__init__", "protocol", "registry", "asking"})


def discover(*folders: Path) -> dict[str, Registration]:
    """Registrations by name, of this folder and of others; raises ValueError for a name met twice."""
    found: dict[str, Registration] = {}
    for folder in (FOLDER, *folders):
        for path in sorted(folder.glob("*.py")):
            if path.stem in _NOT_WAYS:
                continue
            registration = _load(path).FULFILMENT
            if registration.name in found:
                raise ValueError(f"two fulfilments are called {registration.name}")
            found[registration.name] = registration
    return found


def set_up(
    platforms: Sequence[Platform],
    registrations: Mapping[str, Registration],
    *,
    client: httpx.AsyncClient,
    clock: Clock,
) -> dict[str, Fulfilment]:
    """Each platform's fulfilment; raises OptionsRefused for options or a name that do not fit."""
    for platform in platforms:
        if platform.fulfilment not in registrations:
            known = ", ".join(sorted(registrations))
            raise OptionsRefused(f"{platform.id}: fulfilment is one of {known}")
    return {
        platform.id: registrations[platform.fulfilment].make(platform.options, client, clock)
        for platform in platforms
    }


def asynchronous(registrations: Mapping[str, Registration]) -> frozenset[str]:
    """Names of those that answer later."""
    return frozenset(r.name for r in registrations.values() if r.is_asynchronous)


def _load(path: Path) -> ModuleType:
    name = f"billing.fulfilment.{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
