"""Find the payment provider modules in a folder. Each is `x.py` or `x/provider.py` that defines PROVIDER.

In staging, a provider without credentials is simulated. It only reads and simulates notifications, which are signed
with a generated secret.
"""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import httpx

from billing.providers.protocol import Charge, Provider, ProviderSettings, Registration
from kernel.clock import Clock
from keys.principal import ENVIRONMENTS, Environment

FOLDER = Path(__file__).parent
_SHARED = frozenset(
    {"__init__", "abilities", "breakdown", "protocol", "registry", "http", "event_log"}
)

Key = tuple[str, Environment]


def discover(*folders: Path) -> dict[str, Registration]:
    found: dict[str, Registration] = {}
    for path in (path for folder in (FOLDER, *folders) for path in _files(folder)):
        registration = _load(path)
        if registration.name in found:
            raise ValueError(f"two payment providers are called {registration.name}")
        found[registration.name] = registration
    return found


def _files(folder: Path) -> list[Path]:
    files = [path for path in folder.glob("*.py") if path.stem[0] != "_"]
    if folder == FOLDER:
        files = [path for path in files if path.stem not in _SHARED]
    return sorted([*files, *folder.glob("*/provider.py")], key=_name)


def _name(path: Path) -> str:
    return path.parent.name if path.stem == "provider" else path.stem


class NotifiedAt(NamedTuple):
    public_url: str


class Providers:
    def __init__(
        self,
        registrations: Mapping[str, Registration],
        settings: Mapping[Key, ProviderSettings],
        *,
        simulated_secrets: Mapping[str, str],
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self._registrations = dict(registrations)
        self._settings: dict[Key, ProviderSettings] = {}
        self._providers: dict[Key, Provider] = {}
        self._readers: dict[str, list[tuple[Environment, Provider]]] = {}
        self._simulated: set[Key] = set()
        for name, registration in self._registrations.items():
            readers = self._readers[name] = []
            for environment in ENVIRONMENTS:
                key: Key = (name, environment)
                given = settings.get(key) or registration.settings()
                if given.webhook_secrets:
                    made = registration.make(given, environment, client, clock)
                    readers.append((environment, made))
                    if given.is_complete:
                        self._providers[key], self._settings[key] = made, given
                        continue
                if environment == "staging" and name in simulated_secrets:
                    given = _simulated_settings(registration, given, simulated_secrets[name])
                    made = registration.make(given, environment, client, clock)
                    readers.append((environment, made))
                    self._providers[key], self._settings[key] = made, given
                    self._simulated.add(key)

    def offered(self, environment: Environment) -> list[str]:
        return [name for name in self._registrations if self._is_offered(name, environment)]

    def of(self, name: str, environment: Environment) -> Provider | None:
        """Return the environment's provider, or None if there is none. A simulated provider only reads and simulates
        notifications, so check is_simulated before any other call.
        """
        return self._providers.get((name, environment))

    def is_simulated(self, name: str, environment: Environment) -> bool:
        return (name, environment) in self._simulated

    def readers(self, name: str) -> list[tuple[Environment, Provider]]:
        """Return the providers of both environments. The one that verifies a notification determines its environment."""
        return list(self._readers.get(name, ()))

    def charge(self, name: str, environment: Environment) -> Charge:
        return self._settings[name, environment].charge

    def methods(self, name: str, environment: Environment) -> tuple[str, ...]:
        return self._settings[name, environment].ways

    def registration(self, name: str) -> Registration | None:
        return self._registrations.get(name)

    @property
    def registrations(self) -> list[Registration]:
        return list(self._registrations.values())

    def label(self, name: str) -> str:
        found = self._registrations.get(name)
        return (found and found.label) or name

    def names(self) -> list[str]:
        return list(self._registrations)

    def _is_offered(self, name: str, environment: Environment) -> bool:
        settings = self._settings.get((name, environment))
        if settings is None:
            return False
        charge = settings.charge
        return not charge.currency or charge.rate is not None


def _simulated_settings(
    registration: Registration, given: ProviderSettings, secret: str
) -> ProviderSettings:
    settings = registration.settings.for_sandbox(secret)
    chosen: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("currency", "price_per_usd")
        if name in given.model_fields_set
    }
    if given.charge.currency and given.charge.rate is None:
        return settings
    return settings.model_copy(update=chosen)


def _load(path: Path) -> Registration:
    name = f"billing.providers.{_name(path)}"
    if path.stem == "provider":
        name += ".provider"
    module = sys.modules.get(name)
    if module is None or getattr(module, "__file__", None) != str(path):
        module = _run(name, path)
    registration = getattr(module, "PROVIDER", None)
    if not isinstance(registration, Registration):
        raise ValueError(  # noqa: TRY004 it is the file that is wrong
            f"{path.name} defines no PROVIDER, which is a Registration"
        )
    return registration


def _run(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        del sys.modules[name]
        raise ValueError(f"{path.name} cannot be loaded: {error}") from error
    return module
