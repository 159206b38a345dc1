"""Make requests as a worker sends them, and as a forger would. Stores nothing.

A trial's event has the shape of a real one of staging, names a top-up that no other trial names, and has
{"certify": "true"} in its metadata. It does not say "test": true as samples do, because receivers may ignore
samples. Only bytes of our own are signed.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.ids import new_id
from keys.principal import Environment
from keys.signatures.ed25519 import new_seed, signer_of
from keys.signatures.signing import (
    ID_HEADER,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
    new_webhook_secret,
    signature_headers,
)
from webhooks.deliveries.headers import ATTEMPT_HEADER, DELIVERY_HEADER, EVENT_HEADER, USER_AGENT
from webhooks.events.event import render_event
from webhooks.events.sample import sample_data

ENVIRONMENT: Final[Environment] = "staging"
METADATA: Final[Mapping[str, str]] = {"certify": "true"}
SIGNATURES: Final = (SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER)
# A body may hold these; a receiver that rewrites the JSON before it checks the signature writes them
# otherwise: letters outside ASCII, a slash, an ampersand, an emoji.
_ODD_TEXT: Final = "Zoë & Søn / 株式会社 <café> 🎁"


@dataclass(frozen=True, slots=True)
class TrialEvent:
    """An event that was never stored: its id, its type, and the body's bytes."""

    id: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TrialMessage:
    """One request: its headers but for those of the connection, and its body."""

    headers: Mapping[str, str]
    body: bytes

    def without_signatures(self) -> "TrialMessage":
        """Return the request of a forger who knows no secret."""
        kept = {name: value for name, value in self.headers.items() if name not in SIGNATURES}
        return replace(self, headers=kept)

    def with_headers(self, **changed: str) -> "TrialMessage":
        """Replace headers, by name with _ for -; the signatures stay as they were made."""
        named = {name.replace("_", "-"): value for name, value in changed.items()}
        return replace(self, headers={**self.headers, **named})


def trial_event(
    event_type: str,
    *,
    now_us: int,
    sequence: int,
    transaction_id: str | None = None,
    has_odd_text: bool = False,
    more: Mapping[str, Any] | None = None,
) -> TrialEvent:
    """Make an event about a top-up; more: fields that no version of ours has."""
    data = sample_data("topup.delivered" if more else event_type, {}, now_us=now_us)
    del data["test"]
    data["transaction_id"] = transaction_id or new_id("txn")
    data["metadata"] = {**METADATA, "note": _ODD_TEXT} if has_odd_text else dict(METADATA)
    event_id = new_id("evt")
    body = render_event(
        id=event_id,
        type=event_type,
        created_at_us=now_us,
        environment=ENVIRONMENT,
        sequence=sequence,
        data={**data, **(more or {})},
    )
    return TrialEvent(event_id, event_type, body)


def other_amount(body: bytes) -> bytes:
    """Increase the body's amount a hundredfold, as a forger would."""
    event = msgspec.json.decode(body)
    event["data"]["amount_cents"] *= 100
    return msgspec.json.encode(event)


@dataclass(frozen=True, slots=True)
class TrialSigner:
    """The endpoint's secrets and private keys in force, newest first, and headers of its own."""

    secrets: Sequence[str]
    own_headers: Mapping[str, str]
    signers: Sequence[Ed25519PrivateKey] = ()

    def message(self, event: TrialEvent, *, timestamp_s: int, attempt: int = 1) -> TrialMessage:
        """Return the request of one attempt, as a worker makes it. timestamp_s: Unix seconds."""
        return TrialMessage(
            {
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
                EVENT_HEADER: event.type,
                DELIVERY_HEADER: new_id("dlv"),
                ATTEMPT_HEADER: str(attempt),
                **signature_headers(
                    secrets=self.secrets,
                    signers=self.signers,
                    message_id=event.id,
                    timestamp_s=timestamp_s,
                    body=event.body,
                ),
                **self.own_headers,
            },
            event.body,
        )

    def stranger(self) -> "TrialSigner":
        """Return a signer with another endpoint's secret and key pair."""
        return replace(self, secrets=[new_webhook_secret()], signers=self._new_signers())

    def knows_public_key_alone(self) -> "TrialSigner":
        """Return a signer that uses the public key, which everybody may read, as a secret.

        A receiver whose check lets the sender choose the scheme accepts it.
        """
        assert self.signers, "it has a public key"
        public = self.signers[0].public_key().public_bytes_raw()
        secret = SECRET_PREFIX + base64.b64encode(public).decode("ascii")
        return replace(self, secrets=[secret], signers=())

    def in_rotation(self) -> "TrialSigner":
        """Return a signer in a rotation's overlap: a newer secret and key, which the receiver doesn't have
        yet, sign first.
        """
        return replace(
            self,
            secrets=[new_webhook_secret(), *self.secrets],
            signers=[*self._new_signers(), *self.signers],
        )

    def _new_signers(self) -> Sequence[Ed25519PrivateKey]:
        """Return none for an endpoint without a key pair, which sends no such signature."""
        return [signer_of(new_seed())] if self.signers else []
