"""Settings as they are printed: each with its value and where it came from, secrets masked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dotenv
from pydantic import SecretStr

from runtime.platform_setting import PlatformSetting
from runtime.settings import ENV_FILE, PREFIX, Settings, load_settings

MASKED = "********"
_SECRET_OPTION = re.compile(r"secret|token|key|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as printed: secrets masked. source: default, environment, .env or command."""

    variable: str
    value: str
    source: str
    description: str


def shown_settings(
    settings: Settings, *, overrides: Mapping[str, Any] | None = None
) -> list[Shown]:
    """Every setting, in the order of the class, then the payment providers'."""
    in_file = {name.upper() for name in dotenv.dotenv_values(ENV_FILE)}
    in_environment = {name.upper() for name, value in os.environ.items() if value}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = PREFIX + name.upper()
        source = "default"
        if overrides and name in overrides:
            source = "command"
        elif variable in in_environment:
            source = "environment"
        elif variable in in_file:
            source = ENV_FILE.name
        value = _shown(getattr(settings, name))
        rows.append(Shown(variable, value, source, field.description or ""))
    rows += [
        Shown(found.name, _shown(found.value), found.source, found.description)
        for found in settings.providers.variables
    ]
    return rows


def unknown_variables() -> list[str]:
    """TOPUP_ variables that name no setting: a typo would otherwise go unseen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {found.name for found in load_settings().providers.variables}
    present = {*os.environ, *dotenv.dotenv_values(ENV_FILE)}
    ours = {name for name in present if name.upper().startswith(PREFIX)}
    # Descriptors are handed from `topup dev` to its children.
    return sorted(name for name in ours if name.upper() not in known and not name.endswith("_FD"))


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value())
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, PlatformSetting):
        options = {
            key: MASKED if _SECRET_OPTION.search(key) else option
            for key, option in value.options.items()
        }
        return f"{value.id} ({value.fulfilment}{' ' + str(options) if options else ''})"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _masked(secret: str) -> str:
    """A URL keeps all but its password; anything else is hidden whole."""
    if not secret or "://" not in secret:
        return MASKED if secret else ""
    secret = re.sub(r"(?i)\b(password=)[^&\s]+", rf"\1{MASKED}", secret)
    return re.sub(r"^([a-z]+://[^:/@]*):.*@", rf"\1:{MASKED}@", secret)
