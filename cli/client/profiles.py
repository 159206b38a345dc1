"""Read and write profiles: gateways and keys that `topup login` stores by name.

They are in $XDG_CONFIG_HOME/topup/profiles.json (or ~/.config/topup), and only their owner can read them. TOPUP_API_KEY
and TOPUP_URL take precedence.
"""

import contextlib
import fcntl
import ipaddress
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from cli.output import EXIT_USAGE, fail

API_PATH: Final = "/api/public/v1"
OPERATOR_PATH: Final = "/api/operator/v1"
_ASKED: Final = "cli.client.asked"

KEY_VARIABLE: Final = "TOPUP_API_KEY"
URL_VARIABLE: Final = "TOPUP_URL"
PROFILE_VARIABLE: Final = "TOPUP_PROFILE"
DEFAULT: Final = "default"
_ADVICE: Final = f"run `topup login`, or set {KEY_VARIABLE} and {URL_VARIABLE}"
F = TypeVar("F", bound=Callable[..., Any])


def checked_url(text: str, *, source: str, allows_http: bool = False) -> str:
    """Return the gateway's address without a path. Exit if the address would send a key unencrypted."""
    import httpx  # noqa: PLC0415 what runs in process needs none

    try:
        url = httpx.URL(text.strip().rstrip("/").removesuffix(API_PATH))
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise fail(
            f"{source}: not the address of a gateway",
            advice="write it as https://topup.acme.example",
            exit_code=EXIT_USAGE,
        )
    if url.scheme == "http" and not allows_http and not _is_this_machine(url.host):
        raise fail(
            f"{source}: http:// would send the key unencrypted",
            advice="use https://, or `topup login --allow-http` in a network that you trust",
            exit_code=EXIT_USAGE,
        )
    return str(url).rstrip("/")


def is_sendable(key: str) -> bool:
    """Return whether a header can contain the key. Headers contain only visible ASCII characters."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def authorization(key: str) -> dict[str, str]:
    """Return the header with the key. Exit if no header can contain it: the connection's error would print it."""
    if not is_sendable(key):
        raise fail(
            "this isn't an API key: it has spaces, line breaks or letters outside ASCII",
            advice=_ADVICE,
            exit_code=EXIT_USAGE,
        )
    return {"Authorization": f"Bearer {key}"}


def note_asked(url: str) -> None:
    click.get_current_context().meta[_ASKED] = url


def requested_address() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_ASKED)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Profile(msgspec.Struct, kw_only=True):
    url: str
    api_key: str
    environment: str

    def __repr__(self) -> str:
        return f"Profile(url={self.url!r})"


class Access(msgspec.Struct, kw_only=True):
    url: str
    api_key: str

    def __repr__(self) -> str:
        return f"Access(url={self.url!r})"

    @property
    def is_staging(self) -> bool:
        """Return whether the key has the prefix of staging keys. Any other key may spend live credit."""
        return self.api_key.startswith("ak_staging_")

    @property
    def is_operators(self) -> bool:
        return self.api_key.startswith("adm_")


def profile_option(command: F) -> F:
    return click.option(
        "--profile",
        envvar=PROFILE_VARIABLE,
        default=DEFAULT,
        show_default=True,
        help=f"The profile to use. {PROFILE_VARIABLE} can also set it.",
    )(command)


def access(profile: str) -> Access:
    """Return the key and address to use. If one is missing, exit and say what to do."""
    key, url = os.environ.get(KEY_VARIABLE, "").strip(), os.environ.get(URL_VARIABLE, "").strip()
    if url:
        url = checked_url(url, source=URL_VARIABLE)
    if key and url:
        return Access(url=url, api_key=key)
    kept = access_kept(profile)
    if url and url != kept.url:
        # Never send a profile's key to any server but the one for which it was stored.
        raise fail(
            f"{URL_VARIABLE} names another gateway than the profile {profile!r}",
            advice=f"set {KEY_VARIABLE}, too, or log in there under another --profile",
            exit_code=EXIT_USAGE,
        )
    return Access(url=kept.url, api_key=key or kept.api_key)


def access_kept(profile: str) -> Access:
    """Return the profile's own key and address, and ignore environment variables. Exit if there is no such profile."""
    kept = load().get(profile)
    if kept is None:
        raise fail(f"there is no profile {profile!r}", advice=_ADVICE, exit_code=EXIT_USAGE)
    return Access(url=kept.url, api_key=kept.api_key)


def url_of(profile: str) -> str:
    url = os.environ.get(URL_VARIABLE, "").strip()
    return checked_url(url, source=URL_VARIABLE) if url else access(profile).url


def is_logged_in() -> bool:
    """Return whether a command without --profile has a key, from an environment variable or the default profile."""
    named = os.environ.get(KEY_VARIABLE) or os.environ.get(PROFILE_VARIABLE)
    return bool(named) or DEFAULT in load()


def load() -> dict[str, Profile]:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=dict[str, Profile])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError:
        raise fail(
            f"{_file()} cannot be read as profiles",
            advice="remove it and run `topup login`",
            exit_code=EXIT_USAGE,
        ) from None


def save(name: str, profile: Profile) -> None:
    with _locked():
        _write({**load(), name: profile})


def forget(name: str) -> bool:
    with _locked():
        kept = load()
        found = kept.pop(name, None)
        if found is not None:
            _write(kept)
    return found is not None


def _folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification says to ignore relative paths.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "topup"


def _file() -> Path:
    return _folder() / "profiles.json"


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Allow one writer at a time, so that simultaneous logins don't lose a profile."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    _folder().chmod(0o700)
    descriptor = os.open(_folder(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(profiles: dict[str, Profile]) -> None:
    # mkstemp creates files with mode 0600. The new file replaces the old one atomically.
    descriptor, path = tempfile.mkstemp(dir=_folder())
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(profiles), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(path).replace(_file())
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
