"""A webhook receiver whose signatures the `standardwebhooks` library checks (webhook-signature).

pip install standardwebhooks
WEBHOOK_SECRET=whsec_… PORT=3000 python receiver_standardwebhooks.py
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])
BODY_BYTES_MAX = 1 << 20
# Deliveries come at least once, so remember the ID of each event that you handled. In production, store it in
# a unique column of your database, in the transaction that does the work.
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_BYTES_MAX:
            self.answer(413)
            return
        body = self.rfile.read(length)  # the raw bytes, because they are what is signed
        try:
            # Checks every v1 signature, and that the timestamp is at most five minutes old.
            event = WEBHOOK.verify(body, dict(self.headers.items()))
        except (WebhookVerificationError, ValueError) as error:  # ValueError: a malformed header
            print("refused:", error, flush=True)
            self.answer(400)
            return
        if event["id"] not in seen:
            handle(event)
            seen.add(event["id"])
        else:
            print("again:", event["id"], flush=True)
        # Respond within 10 s, or the attempt counts as failed. Put slow work into a queue.
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """handle() says what matters."""


def handle(event: dict) -> None:
    print(event["type"], event["id"], json.dumps(event["data"]), flush=True)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/hook", flush=True)
    server.serve_forever()
