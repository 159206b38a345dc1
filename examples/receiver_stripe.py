"""A webhook receiver whose signatures the `stripe` library checks (X-AiTopUp-Signature).

pip install stripe
WEBHOOK_SECRET=whsec_… PORT=3000 python receiver_stripe.py
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

SECRET = os.environ["WEBHOOK_SECRET"]
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
            stripe.WebhookSignature.verify_header(
                body.decode(), self.headers.get("X-AiTopUp-Signature", ""), SECRET, tolerance=300
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            print("refused:", error, flush=True)
            self.answer(400)
            return
        event = json.loads(body)
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
