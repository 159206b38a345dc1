"""A device with a passkey, made of the standard's own words (WebAuthn Level 2, 6.1 and 7): what a browser would send."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:8080"
RP_ID = "localhost"
_PRESENT, _VERIFIED, _NEW = 0x01, 0x04, 0x40


@dataclass
class SoftPasskey:
    """One key at one device; count: what its counter says next."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 1

    def made(self, options: dict[str, Any], *, origin: str = ORIGIN, rp_id: str = RP_ID) -> str:
        """Its answer to navigator.credentials.create."""
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        # COSE: an ES256 key on P-256.
        public_key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + public_key
        data = self._data(rp_id, _PRESENT | _VERIFIED | _NEW) + attested
        told = _told("webauthn.create", options["challenge"], origin)
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(told, attestationObject=statement)

    def shown(
        self,
        options: dict[str, Any],
        *,
        origin: str = ORIGIN,
        rp_id: str = RP_ID,
        kind: str = "webauthn.get",
        flags: int = _PRESENT,
        signer: "SoftPasskey | None" = None,
    ) -> str:
        """Its answer to navigator.credentials.get; signer: another device that signs in its name."""
        data, told = self._data(rp_id, flags), _told(kind, options["challenge"], origin)
        signed = data + hashlib.sha256(told).digest()
        signature = (signer or self).key.sign(signed, ec.ECDSA(SHA256()))
        return self._answer(told, authenticatorData=data, signature=signature)

    def _data(self, rp_id: str, flags: int) -> bytes:
        count = self.count.to_bytes(4, "big")
        self.count += 1
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count

    def _answer(self, told: bytes, **parts: bytes) -> str:
        own = _text(self.credential_id)
        response = {name: _text(part) for name, part in {"clientDataJSON": told, **parts}.items()}
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": response})


def _told(kind: str, challenge: str, origin: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()


def _text(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")
