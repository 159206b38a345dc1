"""Define all process settings, each with a description, a unit and a default.

Settings are read once at the start: from the command's options, then the environment, then `.env`. A wrong
value stops the process. The message names the variable and says what it should be, but never shows the value.
Lists are separated by commas or spaces. PLATFORMS is JSON.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import dotenv
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from billing.recipients.smtp_server import SmtpServer, parse_mail_from, parse_smtp_url
from runtime.setting_forms.groups import (
    MailFrom,
    PlatformSetting,
    SettingGroups,
    SmtpUrl,
    discounts_of,
)
from runtime.setting_forms.provider_variables import (
    COMMAND_LINE_VARIABLES,
    NO_PROVIDERS,
    VARIABLE_PREFIX,
    ProviderSetup,
    ProviderSetupRefused,
    read_providers,
)
from runtime.setting_forms.redis_url import check_redis_url


def nearest(name: str, known: Iterable[str], *, most: int) -> str | None:
    """Return the known name that differs in the fewest characters, or None if more than `most` characters differ."""
    near = [(changes(name, one), one) for one in known if abs(len(name) - len(one)) <= most]
    found = min(near, default=None)
    return None if found is None or found[0] > most else found[1]


def changes(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, character in enumerate(one, start=1):
        before, row[0] = row[0], at
        for place, there in enumerate(other, start=1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (character != there)),
            )
    return row[-1]


PREFIX = VARIABLE_PREFIX
ENV_FILE = Path(".env")
DATABASE_FILE = "topup.db"
# The widest networks that an organisation can own are 10.0.0.0/8 and fc00::/7.
_PREFIX_MIN = 7
_TOO_WIDE = {
    "trusted_proxies": "{} names strangers' addresses, who may then claim any other: name the proxy's alone",
    "webhook_allow_cidrs": "{} opens clouds' metadata and everything else inside: name the networks that receivers are in",
}
# Names of at least this length may differ from a known name by one more character.
_LONG_NAME = 18
# Names from before 0.1.0 for which `nearest` doesn't find the current name.
_RENAMED = {
    "TOPUP_DATABASE_WAIT_S": "TOPUP_DATABASE_POOL_TIMEOUT_S",
    "TOPUP_SANDBOXES_MB_PER_DAY": "TOPUP_SANDBOX_TOTAL_MB_PER_DAY",
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode]
Hosts = Annotated[tuple[str, ...], NoDecode]
Folders = Annotated[tuple[Path, ...], NoDecode]
Amounts = Annotated[tuple[Annotated[int, Field(ge=1, le=10_000)], ...], NoDecode]


class SettingsError(Exception):
    """A setting is missing or wrong. The message names its variable and says what to do."""


class Settings(SettingGroups, BaseSettings):
    """A process's settings. Payment providers' settings are declared with the providers."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
        allow_inf_nan=False,
    )

    host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    port: int = Field(
        8000, ge=0, le=65_535, description="Port the gateway listens on. 0 means any free port."
    )
    worker_host: str = Field(
        "127.0.0.1", description="Address a worker listens on; see WORKER_PORT."
    )
    worker_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        description="Port of a worker's /metrics, /healthz and /readyz. 0 means any free port; empty means none.",
    )
    data_dir: Path = Field(
        Path("data"),
        description="Folder of the SQLite file, the dev master key, dev.json and the acknowledged commits.",
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://… or sqlite:///path. If empty, SQLite in the data directory.",
    )
    database_connections: int = Field(
        6, ge=2, le=1_000, description="Connections in each of the two general pools of a process."
    )
    database_statement_cache: int = Field(
        1024, ge=0, le=100_000, description="Prepared statements per connection. 0 means none."
    )
    database_connect_timeout_s: float = Field(
        3, gt=0, le=60, description="Seconds to open a connection to PostgreSQL."
    )
    database_pool_timeout_s: float = Field(
        5, gt=0, le=60, description="Seconds to wait for a free connection in the pool."
    )
    database_statement_timeout_s: float = Field(
        30, ge=1, le=600, description="Seconds after which PostgreSQL ends a statement."
    )
    database_lock_timeout_s: float = Field(
        3, ge=0.1, le=60, description="Seconds that a statement waits for a locked row."
    )
    database_direct_url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://… of the server itself, if DATABASE_URL is a pooler's.",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="redis://…, redis+sentinel://… or unix://path. If empty, embedded or none.",
    )
    shutdown_delay_s: float = Field(
        0,
        ge=0,
        le=300,
        description="Seconds that a stopping gateway continues to serve, while /readyz returns 503.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Master key that encrypts secrets; `new,old` to rotate. If empty, `topup dev` creates one.",
    )
    public_url: str = Field(
        "", description="Address that clients see, without a path. If empty, http://HOST:PORT."
    )
    trusted_proxies: Networks = Field(
        (), description="CIDRs of proxies whose X-Forwarded-For is trusted."
    )
    metrics_cidrs: Networks = Field(
        (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")),
        description="CIDRs that may read /metrics without an operator's credential.",
    )
    operator_api: Networks = Field(
        (), description="CIDRs that may call the operators' API. If empty, the API is off."
    )
    rate_limit_per_s: int = Field(
        200,
        ge=0,
        le=1_000_000,
        description="Requests per second for a key, with bursts of twice as many. 0 means no limit.",
    )
    rate_limit_account_per_s: int = Field(
        1000,
        ge=0,
        description="Requests per second for all keys of an account; a fifth for a sandbox. 0 means no limit.",
    )
    rate_limit_agent_per_s: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Requests per second of one agent (Web Bot Auth). 0 means no limit.",
    )
    connections_per_address_max: int = Field(
        256, ge=0, description="Connections from one address, except proxies. 0 means no limit."
    )
    allowed_hosts: Hosts = Field(
        (), description="Hosts that requests may name, besides that of PUBLIC_URL."
    )
    self_serve_staging: bool = Field(
        True, description="Anyone may create a staging account with POST /keys/sandbox."
    )
    self_serve_live: bool = Field(
        False, description="A verified email address opens live; otherwise an operator does."
    )
    promo_sendable: bool = Field(
        False, description="Promotional credit may be sent to others in live."
    )
    platforms: tuple[PlatformSetting, ...] = Field(
        (),
        description="JSON list of platforms for an empty database; later, use `topup platforms`.",
    )
    provider_folders: Folders = Field(
        (), description="Folders with payment providers, besides the built-in ones."
    )
    webhook_timeout_s: float = Field(
        10,
        gt=0,
        le=60,
        description="Seconds for one webhook attempt, from name lookup to the response's body.",
    )
    webhook_allow_private: bool = Field(
        False, description="DANGER: webhooks may reach private addresses and plain http in live."
    )
    webhook_allow_cidrs: Networks = Field(
        (), description="CIDRs that webhooks may reach although they are private or link-local."
    )
    webhook_allow_hosts: Hosts = Field(
        (), description="Host names whose private addresses webhooks may reach."
    )
    smtp_url: SmtpUrl = Field(
        SecretStr(""),
        description="smtp://, starttls:// or smtps://user:password@host. If empty, no emails are sent.",
    )
    mail_from: MailFrom = Field(
        "",
        validate_default=True,
        description="Sender of emails, such as Acme Credit <us@acme.com>.",
    )
    mail_staging: bool = Field(
        False, description="Also send emails of staging; otherwise they stay in the outbox."
    )
    mail_account_per_day: int = Field(
        1000, ge=0, le=1_000_000, description="Emails for an account and environment in 24 hours."
    )
    mail_recipient_per_day: int = Field(
        10,
        ge=0,
        le=10_000,
        description="Emails to one address in 24 hours, for an account and environment.",
    )
    retention_staging_days: int = Field(
        30,
        ge=1,
        le=36_500,
        description="Days for which events, deliveries, notifications and uses of staging are stored.",
    )
    retention_live_days: int = Field(
        400,
        ge=1,
        le=36_500,
        description="Days for which events, deliveries, notifications and uses of live are stored.",
    )
    retention_security_days: int = Field(
        400, ge=1, le=36_500, description="Days for which the security log is stored."
    )
    newapi_min_topup: int = Field(
        1, ge=1, le=10_000, description="Minimum payment through the Newapi dialect, in US dollars."
    )
    newapi_stripe_min_topup: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Minimum payment through the Newapi dialect at Stripe, in US dollars.",
    )
    newapi_amount_options: Amounts = Field(
        (10, 20, 50, 100, 200, 500), description="Amounts in US dollars that Newapi clients offer."
    )
    newapi_discount: str = Field(
        "",
        description="Discounts in Newapi clients, such as 100:0.95, 500:0.9: the amount, and the part to pay.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log level that is written."
    )
    log_format: Literal["auto", "json", "human"] = Field(
        "auto", description="Format of log lines. auto means human on a terminal, otherwise JSON."
    )

    _providers: ProviderSetup = PrivateAttr(default=NO_PROVIDERS)

    @field_validator("newapi_discount")
    @classmethod
    def _check_discount(cls, value: str) -> str:
        discounts_of(value)
        return value

    @field_validator(
        "allowed_hosts",
        "webhook_allow_hosts",
        "provider_folders",
        "newapi_amount_options",
        mode="before",
    )
    @classmethod
    def _split_words(cls, value: Any) -> Any:
        return _words(value) if isinstance(value, str) else value

    @field_validator(
        "trusted_proxies", "metrics_cidrs", "operator_api", "webhook_allow_cidrs", mode="before"
    )
    @classmethod
    def _split_networks(cls, value: Any) -> Any:
        return _networks(_words(value)) if isinstance(value, str) else value

    @field_validator("trusted_proxies", "webhook_allow_cidrs")
    @classmethod
    def _check_not_all(
        cls, value: tuple[Network, ...], info: ValidationInfo
    ) -> tuple[Network, ...]:
        for network in value:
            if network.prefixlen < _PREFIX_MIN:
                raise ValueError(_TOO_WIDE[str(info.field_name)].format(network))
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("begins with postgresql:// or sqlite:///")
        return value

    @field_validator("database_direct_url")
    @classmethod
    def _check_direct(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        servers = ("postgresql://", "postgres://")
        url = value.get_secret_value()
        if url and not url.startswith(servers):
            raise ValueError("begins with postgresql://")
        pooled: SecretStr | None = info.data.get("database_url")
        if url and pooled is not None and not pooled.get_secret_value().startswith(servers):
            raise ValueError("goes with a TOPUP_DATABASE_URL of PostgreSQL")
        return value

    @field_validator("redis_url")
    @classmethod
    def _check_redis(cls, value: SecretStr) -> SecretStr:
        if url := value.get_secret_value():
            check_redis_url(url)
        return value

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/\s?#@]+/?", value):
            raise ValueError("is http(s)://host[:port] without a path")
        return value.rstrip("/")

    @field_validator("platforms")
    @classmethod
    def _check_platforms(cls, value: tuple[PlatformSetting, ...]) -> tuple[PlatformSetting, ...]:
        if len({platform.id for platform in value}) < len(value):
            raise ValueError("names one id twice")
        return value

    @property
    def providers(self) -> ProviderSetup:
        return self._providers

    def with_providers(self, providers: ProviderSetup) -> Self:
        settings = self.model_copy()
        settings._providers = providers  # noqa: SLF001 of this very class
        return settings

    @property
    def database_address(self) -> str:
        path = (self.data_dir / DATABASE_FILE).absolute()
        return self.database_url.get_secret_value() or f"sqlite:///{path}"

    @property
    def smtp_server(self) -> SmtpServer | None:
        url = self.smtp_url.get_secret_value()
        return parse_smtp_url(url) if url else None

    @property
    def mail_sender(self) -> Address | None:
        return parse_mail_from(self.mail_from) if self.mail_from else None

    @property
    def direct_address(self) -> str:
        return self.database_direct_url.get_secret_value() or self.database_address

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def address(self, port: int | None = None) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port if port is None else port}"


def load_settings(**overrides: Any) -> Settings:
    """Load the settings. `overrides` may include providers' settings, and take precedence over the environment.

    Raise SettingsError if a setting is missing or wrong.
    """
    try:
        settings = Settings(**overrides)
        return settings.with_providers(_read_providers(settings, overrides))
    except ProviderSetupRefused as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        lines = [_sentence(problem["loc"], problem["msg"]) for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except Exception as error:
        # If JSON can't be parsed, pydantic-settings raises an error that contains the value.
        raise SettingsError(_sentence((_field_of(error),), "is not valid JSON")) from None


def known_variables() -> set[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | COMMAND_LINE_VARIABLES
    return known | {found.name for found in load_settings().providers.variables}


def nearest_setting(name: str) -> str | None:
    most = 2 if len(name) < _LONG_NAME else 3
    return _RENAMED.get(name.upper()) or nearest(name.upper(), known_variables(), most=most)


def unknown_variables() -> list[str]:
    """Return the TOPUP_ variables that aren't settings. Ignore the *_FD variables of `topup dev`."""
    known = known_variables()
    present = {*os.environ, *dotenv.dotenv_values(ENV_FILE)}
    ours = {name for name in present if name.upper().startswith(PREFIX)}
    return sorted(name for name in ours if name.upper() not in known and not name.endswith("_FD"))


def _read_providers(settings: Settings, overrides: Mapping[str, Any]) -> ProviderSetup:
    command = {PREFIX + name.upper(): value for name, value in overrides.items()}
    environment = {name.upper(): value for name, value in os.environ.items()}
    file = {name.upper(): value for name, value in dotenv.dotenv_values(ENV_FILE).items()}
    sources = [("command", command), ("environment", environment), (ENV_FILE.name, file)]
    return read_providers(settings.provider_folders, sources)


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"[,\s]+", text.strip(", ")))


def _networks(words: Sequence[str]) -> tuple[Network, ...]:
    found = []
    for number, word in enumerate(words, start=1):
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError:
            raise ValueError(f"entry {number} is not a network such as 10.0.0.0/8") from None
    return tuple(found)


def _sentence(location: tuple[int | str, ...], problem: str) -> str:
    problem = problem.removeprefix("Value error, ")
    if not location:  # A problem that concerns several settings already names them.
        return problem
    where = "".join(f"[{part}]" for part in location[1:])
    return f"{PREFIX}{str(location[0]).upper()}{where}: {problem[:1].lower()}{problem[1:]}"


def _field_of(error: Exception) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    return found[1] if found else "settings"
