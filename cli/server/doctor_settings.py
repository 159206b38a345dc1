"""Check for settings that contradict each other or their environment. Each is valid alone; no sentence has a
secret.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from cli.server.finding import Finding
from gateway.http.auth import parse_address
from kernel.brand import contrast
from runtime.setting_forms.provider_variables import Variable, variable_of
from runtime.settings import Network, Settings
from runtime.traces.open import MISSING, is_installed, sdk_variables

# As Stripe and Creem mark their keys.
_TEST_MARK: Final = "_test_"
_LIVE_MARK: Final = "_live_"
# As the SDK reads them: the first that is set counts.
_COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TEST_HOSTS: Final = ("test", "sandbox", "demo")


def contradictions(settings: Settings) -> Finding:
    """Return one finding; letting strangers in, and mixing real and test money, is unwell."""
    wrong = [*_mixed(settings), *_open(settings)]
    if wrong:
        return Finding("consistency", False, "; ".join(wrong))
    odd = [*_unreachable(settings), *_nameless(settings)]
    if odd:
        return Finding("consistency", None, "; ".join(odd))
    return Finding("consistency", True, "no setting contradicts another one")


def _mixed(settings: Settings) -> Iterator[str]:
    """Yield a provider's test key in live, or its live key in staging."""
    for found in settings.providers.variables:
        text = found.value.get_secret_value() if isinstance(found.value, SecretStr) else found.value
        if _is_staging(found, settings):
            if _LIVE_MARK in str(text):
                yield f"{found.name} is a live key: payments of tests would take real money"
        elif _TEST_MARK in str(text):
            yield f"{found.name} is a test key: live credit would be sold for test money"
        elif found.name.endswith("_API_BASE") and _is_for_tests(str(text)):
            yield f"{found.name} names a test address: live credit would be sold for test money"


def _is_staging(found: Variable, settings: Settings) -> bool:
    return any(
        found.name.startswith(variable_of(name, "staging", ""))
        for name in settings.providers.registrations
    )


def _is_for_tests(url: str) -> bool:
    return any(mark in (urlsplit(url).hostname or "") for mark in _TEST_HOSTS)


def _open(settings: Settings) -> Iterator[str]:
    is_public = bool(settings.public_url) and not names_this_machine(settings.public_url)
    if is_public and any(_is_everybody(network) for network in settings.metrics_cidrs):
        yield "TOPUP_METRICS_CIDRS names every address: strangers may read /metrics"


def _unreachable(settings: Settings) -> Iterator[str]:
    """Yield live payments whose notifications can't reach this address."""
    if settings.public_url and not names_this_machine(settings.public_url):
        return
    for (name, environment), made in settings.providers.settings.items():
        if environment == "live" and made.is_complete:
            yield (
                f"{name} is set up for live, and TOPUP_PUBLIC_URL is not an address that it can"
                " reach: payments would be noticed by asking alone, a minute late or more"
            )


def _nameless(settings: Settings) -> Iterator[str]:
    sells_live = any(
        environment == "live" and made.is_complete
        for (_, environment), made in settings.providers.settings.items()
    )
    if sells_live and not settings.seller.is_known:
        yield (
            "live payments are taken and TOPUP_SELLER_NAME is empty: no receipt is made before it says"
            " who sells"
        )


def payments(settings: Settings) -> Finding:
    """Name the providers that take money; another command calls them."""
    taking = sorted(
        f"{name} in {environment}"
        for (name, environment), made in settings.providers.settings.items()
        if made.is_complete
    )
    if not taking:
        return Finding("payments", True, "no provider has credentials; staging has the sandbox")
    detail = f"{', '.join(taking)}: `topup providers check` asks whether they are set up right"
    return Finding("payments", True, detail)


def brand(settings: Settings) -> Iterator[Finding]:
    own = settings.brand
    if not own.name and not own.color:
        return
    shown = [own.name or "no name"]
    shown.append("no logo" if own.logo is None else f"a logo ({own.logo.suffix})")
    if own.color:
        ratio = contrast(own.color, own.button_text)
        shown.append(f"{own.color} buttons with text in {own.button_text} ({ratio:.1f}:1)")
    yield Finding("brand", True, ", ".join(shown))


def tracing(settings: Settings) -> Finding:
    """Check whether spans can be sent, without calling the collector."""
    if not settings.tracing:
        return Finding("tracing", True, "is off")
    if not is_installed():
        return Finding("tracing", False, MISSING)
    named = [name for name in _COLLECTORS if name in sdk_variables()]
    if not named:
        return Finding(
            "tracing",
            None,
            f"{_COLLECTORS[-1]} is empty: spans go to port 4318 of this machine",
        )
    return Finding("tracing", True, f"spans go where {named[0]} says")


def _is_everybody(network: Network) -> bool:
    return network.prefixlen == 0


def names_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    address = parse_address(name)
    return name == "localhost" or (address is not None and address.is_loopback)
