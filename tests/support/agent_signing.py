"""An agent that signs its requests by Web Bot Auth."""

import base64
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.signatures.web_bot_auth import Target, thumbprint

AGENT: Final = "https://agent.example/keys"
NOW_S: Final = 1_780_000_000


class SignedAgent:
    def __init__(self, url: str = AGENT) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.url = url
        self.public = self._private.public_key().public_bytes_raw()

    @property
    def jwk(self) -> dict[str, str]:
        x = base64.urlsafe_b64encode(self.public).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x}

    def sign(
        self, target: Target, components: str, *, covers_agent: bool = True, **params: Any
    ) -> Target:
        """The request with its three headers; params replace the usual ones, None leaves one out."""
        covered = components + (' "signature-agent";key="sig1"' if covers_agent else "")
        usual = {
            "created": NOW_S - 10,
            "expires": NOW_S + 300,
            "keyid": f'"{thumbprint(self.public)}"',
            "alg": '"ed25519"',
            "tag": '"web-bot-auth"',
        }
        given = {name: value for name, value in {**usual, **params}.items() if value is not None}
        listed = f"({covered})" + "".join(f";{name}={value}" for name, value in given.items())
        lines = [f"{part}: {self._value(target, part)}" for part in covered.split(" ") if part]
        lines.append(f'"@signature-params": {listed}')
        signature = base64.b64encode(self._private.sign("\n".join(lines).encode())).decode()
        headers = {
            **target.headers,
            b"signature-agent": f'sig1="{self.url}"'.encode(),
            b"signature-input": f"sig1={listed}".encode(),
            b"signature": f"sig1=:{signature}:".encode(),
        }
        return target._replace(headers=headers)

    def _value(self, target: Target, part: str) -> str:
        query = f"?{target.query}" if target.query else ""
        return {
            '"@method"': target.method,
            '"@authority"': target.authority,
            '"@path"': target.path,
            '"@query"': query or "?",
            '"@target-uri"': f"{target.scheme}://{target.authority}{target.path}{query}",
            '"signature-agent";key="sig1"': f'"{self.url}"',
        }.get(part, "")
