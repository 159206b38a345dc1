"""Find the supplier kinds in a folder: each `x.py` or `x/supplier.py` that defines SUPPLIER."""

import functools
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from billing.fulfilment.protocol import Registration

FOLDER = Path(__file__).parent


def discover(*folders: Path) -> dict[str, Registration]:
    found: dict[str, Registration] = {}
    for registration in (*_built_in(), *(one for folder in folders for one in _kinds_in(folder))):
        if registration.name in found:
            raise ValueError(f"two kinds of suppliers are called {registration.name}")
        found[registration.name] = registration
    return found


@functools.cache
def _built_in() -> tuple[Registration, ...]:
    return tuple(_kinds_in(FOLDER))


def _kinds_in(folder: Path) -> Iterator[Registration]:
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/supplier.py")]):
        registration = getattr(_load(path), "SUPPLIER", None)
        if registration is not None:
            yield registration


def _load(path: Path) -> ModuleType:
    parts = [path.parent.name, path.stem] if path.stem == "supplier" else [path.stem]
    name = ".".join(("billing.fulfilment", *parts))
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
