"""Find the vendor APIs in this folder. Each `x.py` or `x/routes.py` defines SURFACE or SURFACES."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from gateway.http.routing import ApiSurface

FOLDER = Path(__file__).parent
_OWN = Path(__file__)


def discover(*folders: Path) -> tuple[ApiSurface, ...]:
    found: list[ApiSurface] = []
    for path in _files((FOLDER, *folders)):
        module = _load(path)
        found += getattr(module, "SURFACES", None) or (module.SURFACE,)
    return tuple(found)


def _files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        found = [*folder.glob("*.py"), *folder.glob("*/routes.py")]
        yield from (path for path in sorted(found) if path.stem[0] != "_" and path != _OWN)


def _load(path: Path) -> ModuleType:
    name = f"gateway.dialects.{path.stem}"
    if path.stem == "routes":
        name = f"gateway.dialects.{path.parent.name}.routes"
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
