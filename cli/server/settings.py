"""`topup settings`: print every setting with its value and source, and mask secrets."""

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
import dotenv
from pydantic import SecretStr

from cli.output import examples, json_option, note, show_rows
from runtime.setting_forms.groups import PlatformSetting
from runtime.settings import ENV_FILE, PREFIX, Settings, load_settings, unknown_variables

MASKED: Final = "********"
# Output to a pipe includes the descriptions, so that a search finds their words.
PIPE_WIDTH: Final = 240
_SECRET_OPTION = re.compile(r"secret|token|key|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    variable: str
    value: str
    source: str
    description: str


@click.command(
    epilog=examples(
        "topup settings",
        "topup settings --json",
    )
)
@json_option
def settings() -> None:
    """Print every setting with its value and source. Secrets are masked."""
    loaded = load_settings()
    rows = [dataclasses.asdict(row) for row in shown_settings(loaded)]
    show_rows(rows, "variable", "value", "source", "description", pipe_width=PIPE_WIDTH)
    for name in unknown_variables():
        note(f"warning: {name} names no setting")
    for sentence in loaded.providers.notes:
        note(f"warning: {sentence}")


def shown_settings(
    settings: Settings, *, overrides: Mapping[str, Any] | None = None
) -> list[Shown]:
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
    if not secret or "://" not in secret:
        return MASKED if secret else ""
    secret = re.sub(r"(?i)\b(password=)[^&\s]+", rf"\1{MASKED}", secret)
    return re.sub(r"^([a-z]+://[^:/@]*):.*@", rf"\1:{MASKED}@", secret)
