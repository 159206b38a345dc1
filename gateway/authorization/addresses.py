"""Build the metadata documents and their addresses (RFC 9728, 8414, 9207, 8707, and MCP 2026-07-28,
basic/authorization).
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from keys.principal import MCP_DEFAULT_SCOPES, MCP_SCOPES

MCP: Final = "/mcp"
AUTHORIZE: Final = "/oauth/authorize"
TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
REGISTER: Final = "/oauth/register"
REVOKE: Final = "/oauth/revoke"
RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
SERVER_METADATA: Final = "/.well-known/oauth-authorization-server"
# Clients also try the OpenID address. The document there offers no OpenID identities.
OPENID_METADATA: Final = "/.well-known/openid-configuration"


def resource_of(server: str) -> str:
    return server + MCP


def is_resource(text: str, server: str) -> bool:
    try:
        asked, known = urlsplit(text.removesuffix("/")), urlsplit(resource_of(server))
        is_same = (asked.scheme.lower(), asked.netloc.lower()) == (known.scheme, known.netloc)
    except ValueError:
        return False
    return is_same and (asked.path, asked.query, asked.fragment) == (known.path, "", "")


def resource_metadata(server: str) -> Mapping[str, Any]:
    """Describe the resource with the fewest useful scopes. Clients request more when a call needs them."""
    return {
        "resource": resource_of(server),
        "authorization_servers": [server],
        "scopes_supported": list(MCP_DEFAULT_SCOPES),
        "bearer_methods_supported": ["header"],
        "resource_name": "Topup Gateway",
        "resource_documentation": f"{server}/docs/mcp",
    }


def server_metadata(server: str) -> Mapping[str, Any]:
    return {
        "issuer": server,
        "authorization_endpoint": server + AUTHORIZE,
        "token_endpoint": server + TOKEN,
        "registration_endpoint": server + REGISTER,
        "revocation_endpoint": server + REVOKE,
        "scopes_supported": list(MCP_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "service_documentation": f"{server}/docs/mcp",
    }


def challenge(server: str, **more: str) -> bytes:
    """Return the value of WWW-Authenticate (RFC 6750, and RFC 9728 section 5.1)."""
    address = f"{server}{RESOURCE_METADATA}{MCP}"
    parameters = {**more, "resource_metadata": address}
    return (
        "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    ).encode()
