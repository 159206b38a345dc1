"""Describe a 402 for catalogues: the extension `bazaar` of x402, and the service behind the
resource.

The header stays small: by default a proxy takes 4 KiB of response headers.
"""

from collections.abc import Mapping
from typing import Any, Final

from x402.extensions.bazaar import (
    DeclareMcpDiscoveryConfig,
    OutputConfig,
    declare_discovery_extension,
    declare_mcp_discovery_extension,
)

NAME: Final = "bazaar"
_EXAMPLE: Final = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com",
}
_BODY: Final = {
    "type": "object",
    "properties": {
        name: {"type": "integer" if isinstance(value, int) else "string"}
        for name, value in _EXAMPLE.items()
    },
    "required": [*_EXAMPLE],
}
_OUTPUT: Final = OutputConfig(example={"success": True, "code": 1001, "status": "delivered"})


def resource(url: str, *, icon_url: str | None = None) -> dict[str, Any]:
    made = {
        "url": url,
        "description": "A top-up of prepaid AI credit",
        "mimeType": "application/json",
        "serviceName": "Topup Gateway",
        "tags": ["ai-credit", "prepaid", "top-up", "gift"],
    }
    return made if icon_url is None else {**made, "iconUrl": icon_url}


def of_http() -> dict[str, Any]:
    made = declare_discovery_extension(
        input=_EXAMPLE, input_schema=_BODY, body_type="json", output=_OUTPUT
    )[NAME]
    # The package leaves the method to a framework, and its own schema requires it.
    made["info"]["input"]["method"] = "POST"
    return dict(made)


def of_tool(name: str, about: str, input_schema: Mapping[str, Any]) -> dict[str, Any]:
    config = DeclareMcpDiscoveryConfig(
        tool_name=name,
        description=about,
        input_schema=dict(input_schema),
        example=_EXAMPLE,
        output=_OUTPUT,
    )
    return dict(declare_mcp_discovery_extension(config)[NAME])
