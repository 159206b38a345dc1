"""What an answer says of a top-up that isn't at its end: what to poll, and when."""

from typing import Any, Final

from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import code_of, status_of, transaction_id_of
from gateway.answers.refused import Link
from gateway.answers.words import API_PREFIX
from gateway.http.request_context import RequestContext
from keys.act import WAIT_S_MAX

POLL_S: Final = 5
POLL_APPROVAL_S: Final = 30
POLL_SCHEDULED_S: Final = 60
_WAITING: Final = frozenset({codes.PENDING, codes.APPROVAL_REQUIRED})


def poll_links(
    call: RequestContext[Any, Any],
    topup: TopUp,
    approval_id: str | None = None,
    *,
    can_cancel: bool = True,
) -> list[Link]:
    """Return the links[] of a waiting top-up: what to poll, and how to cancel it."""
    api, wait = call.home + API_PREFIX, f"?wait_s={WAIT_S_MAX}"
    # A scheduled one may be days away: a poll that waits for it would only hold a connection.
    poll = f"{api}/topup/status/{topup.id}{'' if topup.status == 'scheduled' else wait}"
    links = [Link(rel="poll", method="GET", href=poll)]
    if approval_id is not None:
        href = f"{api}/approvals/{approval_id}{wait}"
        links.append(Link(rel="approval", method="GET", href=href))
    if not can_cancel:
        return links
    body = {"transaction_id": topup.id}
    links.append(Link(rel="cancel", method="POST", href=f"{api}/topup/cancel", body=body))
    return links


def told_to_poll(call: RequestContext[Any, Any], given: Answer) -> Answer:
    """Add headers to a response of 1002 or 3006 that say what to poll and when, on replays, too."""
    if code_of(given.body) in _WAITING:
        topup_id = transaction_id_of(given.body)
        location = f"{call.home}{API_PREFIX}/topup/status/{topup_id}"
        call.reply_headers += (
            (b"location", location.encode()),
            (b"retry-after", b"%d" % _poll_after_s(given.body)),
        )
    return given


def _poll_after_s(body: bytes) -> int:
    if code_of(body) == codes.APPROVAL_REQUIRED:
        return POLL_APPROVAL_S
    return POLL_SCHEDULED_S if status_of(body) == "scheduled" else POLL_S
