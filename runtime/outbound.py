"""Where the process's own requests may go."""

import ipaddress

from runtime.settings import Settings
from webhooks.http.guard import Policy, UrlRefused, check_url
from webhooks.http.names import OPERATOR_FAILURE_WAIT_S_MAX, OwnAddress, Resolver, VettedNames


def webhook_policy(settings: Settings) -> Policy:
    """Return what WEBHOOK_ALLOW_* permit. http in staging is decided for each endpoint."""
    return Policy.of(
        allow_private=settings.webhook_allow_private,
        allow_http=settings.webhook_allow_private,
        allow_cidrs=[str(network) for network in settings.webhook_allow_cidrs],
        allow_hosts=settings.webhook_allow_hosts,
        own_addresses=_own_addresses(settings.host),
    )


def own_place(settings: Settings, resolver: Resolver) -> OwnAddress:
    try:
        public = check_url(settings.public_url, Policy.of_operator())
    except UrlRefused:
        public = None
    names = VettedNames(resolver, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX)
    worker_port = settings.worker_port or 0
    return OwnAddress(names, port=settings.port, worker_port=worker_port, public=public)


def _own_addresses(host: str) -> list[str]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if address.is_unspecified else [host]
