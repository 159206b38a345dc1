"""What every Python peer does to one event: a row, a signature, an attempt. No more than it must."""

import base64
import hashlib
import hmac
import os
import time

DATABASE_URL = os.environ.get("PEER_DATABASE_URL", "")
REDIS_SOCKET = os.environ.get("PEER_REDIS_SOCKET", "")
RECEIVER_URL = os.environ.get("PEER_RECEIVER_URL", "")
INSERT_EVENT = "INSERT INTO events (id, body) VALUES ($1, $2)"
INSERT_ATTEMPT = "INSERT INTO attempts (event_id, status, duration_ms) VALUES ($1, $2, $3)"
CONNECTIONS = 10
TIMEOUT_S = 10.0
_SECRET = b"0123456789abcdef0123456789abcdef"


def signed_headers(event_id: str, body: bytes) -> dict[str, str]:
    """Standard Webhooks' three headers."""
    now_s = str(int(time.time()))
    signed = b"%s.%s.%s" % (event_id.encode(), now_s.encode(), body)
    signature = base64.b64encode(hmac.digest(_SECRET, signed, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": now_s,
        "webhook-signature": f"v1,{signature}",
    }
