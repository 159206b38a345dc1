"""Read the payment providers' variables in the same way as other settings.

TOPUP_<NAME>_<FIELD> is for live, and TOPUP_<NAME>_STAGING_<FIELD> is for staging. The secret that verifies a
notification also identifies its environment. So the two environments need different secrets. Messages never
contain a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from billing.providers.protocol import OPTIONAL, ProviderSettings, Registration, rotated
from billing.providers.registry import Key, discover
from keys.principal import ENVIRONMENTS, Environment

VARIABLE_PREFIX = "TOPUP_"
# cli/client/profiles.py reads these variables to find the gateway that a command calls.
COMMAND_LINE_VARIABLES = {"TOPUP_API_KEY", "TOPUP_URL", "TOPUP_PROFILE"}


class ProviderSetupRefused(ValueError):
    """The providers' variables can't be used. Each problem names a variable and says what is wrong."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{variable}: {sentence}" for variable, sentence in problems))


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    value: str | SecretStr
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class ProviderSetup:
    """The available providers and the operator's settings for each.

    `notes` has a sentence for each provider that isn't offered because it lacks settings.
    """

    registrations: Mapping[str, Registration]
    settings: Mapping[Key, ProviderSettings]
    variables: tuple[Variable, ...] = ()
    notes: tuple[str, ...] = ()


NO_PROVIDERS = ProviderSetup({}, {})


def read_providers(
    folders: Sequence[Path], sources: Sequence[tuple[str, Mapping[str, Any]]]
) -> ProviderSetup:
    """Return the providers' settings. `sources` map upper-case names to values, and earlier sources win.

    Raise ProviderSetupRefused if a setting is missing or wrong.
    """
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise ProviderSetupRefused([("TOPUP_PROVIDER_FOLDERS", "names a folder that is not there")])
    try:
        registrations = discover(*folders)
    except ValueError as error:
        raise ProviderSetupRefused([("TOPUP_PROVIDER_FOLDERS", str(error))]) from None
    problems: list[tuple[str, str]] = []
    settings: dict[Key, ProviderSettings] = {}
    variables: list[Variable] = []
    for name, registration in registrations.items():
        for environment in ENVIRONMENTS:
            found = _found(registration, environment, sources)
            try:
                made = registration.settings(
                    **{field: value for field, (value, _) in found.items()}
                )
            except ValidationError as error:
                problems += _problems(registration, environment, error)
                continue
            settings[name, environment] = made
            variables += _variables(registration, environment, made, found)
        problems += _shared(registration, settings)
    if problems:
        raise ProviderSetupRefused(problems)
    return ProviderSetup(registrations, settings, tuple(variables), tuple(_notes(settings)))


def variable_of(provider: str, environment: Environment, field: str) -> str:
    twin = "STAGING_" if environment == "staging" else ""
    return f"{VARIABLE_PREFIX}{provider.upper()}_{twin}{field.upper()}"


def _found(
    registration: Registration,
    environment: Environment,
    sources: Sequence[tuple[str, Mapping[str, Any]]],
) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {}
    for field in registration.settings.model_fields:
        variable = variable_of(registration.name, environment, field)
        for source, values in sources:
            if values.get(variable):
                found[field] = (values[variable], source)
                break
    return found


def _variables(
    registration: Registration,
    environment: Environment,
    made: ProviderSettings,
    found: Mapping[str, tuple[Any, str]],
) -> Iterator[Variable]:
    for field, info in registration.settings.model_fields.items():
        value = getattr(made, field)
        yield Variable(
            variable_of(registration.name, environment, field),
            value if isinstance(value, SecretStr) else "" if value is None else str(value),
            found[field][1] if field in found else "default",
            f"{registration.name} in {environment}: {info.description or ''}",
        )


def _problems(
    registration: Registration, environment: Environment, error: ValidationError
) -> Iterator[tuple[str, str]]:
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else "settings"
        sentence = problem["msg"].removeprefix("Value error, ")
        variable = variable_of(registration.name, environment, field)
        yield variable, sentence[:1].lower() + sentence[1:]


def _shared(
    registration: Registration, settings: Mapping[Key, ProviderSettings]
) -> Iterator[tuple[str, str]]:
    pair = [settings.get((registration.name, environment)) for environment in ENVIRONMENTS]
    staging, live = pair
    if staging is None or live is None:
        return
    if common := set(staging.webhook_secrets) & set(live.webhook_secrets):
        field = next((one for one, words in _secrets(staging) if common & set(words)), "secret")
        theirs = variable_of(registration.name, "live", field)
        yield (
            variable_of(registration.name, "staging", field),
            f"is also in {theirs}: it tells the environment, so each needs its own",
        )


def _notes(settings: Mapping[Key, ProviderSettings]) -> Iterator[str]:
    for (name, environment), made in settings.items():
        own = [field for field in vars(type(made))["__annotations__"] if _is_needed(made, field)]
        given = [field for field in own if getattr(made, field)]
        missing = [
            variable_of(name, environment, field) for field in own if not getattr(made, field)
        ]
        if given and not made.is_complete:
            yield f"{name} in {environment} is set up in part: give {', '.join(missing)} too"
        elif made.is_complete and made.charge.currency and made.charge.rate is None:
            rate = variable_of(name, environment, "price_per_usd")
            yield f"{name} in {environment} is not offered: {rate} is the price of a US dollar"
        other = settings.get((name, "live"))
        if environment == "staging" and other is not None:
            theirs = {word for _, words in _secrets(other) for word in words}
            for field, words in _secrets(made):
                if theirs & set(words):
                    yield f"{variable_of(name, environment, field)} is live's too: money is real"


def _is_needed(made: ProviderSettings, field: str) -> bool:
    info = type(made).model_fields.get(field)
    if info is None or info.json_schema_extra == OPTIONAL:
        return False
    return info.default in ("", SecretStr(""))


def _secrets(made: ProviderSettings) -> Iterator[tuple[str, tuple[str, ...]]]:
    for field in type(made).model_fields:
        value = getattr(made, field)
        if isinstance(value, SecretStr):
            yield field, rotated(value)
