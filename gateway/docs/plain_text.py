"""Write the documentation as plain text: /llms.txt (at most 2 kB), /llms-full.txt, and Markdown pages."""

from collections.abc import Sequence
from typing import Final

from gateway.answers.response_codes import CODES
from gateway.docs import samples
from gateway.docs.code_repairs import NOTES
from gateway.docs.reference import DocumentedAnswer, DocumentedResource, Field, Operation

SUMMARY: Final = (
    "Prepaid AI credit in one call. Every answer has the same seven fields and a numeric code;"
    " an error's data.error says what to do next."
)
_SANDBOX: Final = r"""A staging account with $10,000.00 of test credit, no sign-up (`key` and `approver_key` are shown once; the
second decides on sends that wait for an approval):

```sh
KEY=$(curl -s -X POST $GATEWAY/api/public/v1/keys/sandbox | sed 's/.*"key":"\([^"]*\)".*/\1/')
```"""
_BY_OPERATOR: Final = (
    "A key `ak_staging_…` or `ak_live_…` comes from whoever runs this gateway; it is `$KEY` below."
)
_SEND: Final = r"""Send $10.00:

```sh
curl -X POST $GATEWAY/api/public/v1/topup/send \
  -H "Authorization: Bearer $KEY" \
  -H "Idempotency-Key: order-1001" \
  -H "Content-Type: application/json" \
  -d '{"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}'
```

`code` 1001: delivered. 1002 or 3006: not yet; ask `GET /api/public/v1/topup/status/{transaction_id}`. No answer: the same
call with the same Idempotency-Key, which never sends twice."""

_MORE: Final = (
    ("/docs/agent.md", "For agents, one page: send, wait, webhooks, errors"),
    ("/docs.md", "Guide"),
    ("/docs/send-once.md", "Send once: Idempotency-Key, intent or reference"),
    ("/docs/errors.md", "Errors"),
    ("/docs/codes.md", "Codes"),
    ("/docs/api.md", "Every call"),
    ("/docs/agent.md#webhooks", "Webhooks: register, verify"),
    ("/openapi/agent.json", "OpenAPI 3.1 for agents"),
    ("/openapi.json", "OpenAPI 3.1, whole"),
    ("/docs/events.md", "Events, with samples"),
    ("/docs/mcp.md", "Tools for agents, at /mcp"),
    ("/docs/x402.md", "Pay without an account: x402, card"),
    ("/docs/search.md?q=signature", "Search"),
    ("/llms-full.txt", "All of it as one text"),
)


def overview(server: str, *, is_open: bool) -> str:
    first = _SANDBOX if is_open else _BY_OPERATOR
    listed = "\n".join(f"- [{about}]({server}{path})" for path, about in _MORE)
    text = f"# Topup Gateway\n\n> {SUMMARY}\n\n{first}\n\n{_SEND}\n\n## More\n\n{listed}\n"
    return text.replace("$GATEWAY", server)


def everything(guides: Sequence[str], listed: Sequence[DocumentedResource]) -> str:
    parts = [guide.strip() for guide in guides]
    parts.append(codes().strip())
    parts += [resource(one).strip() for one in listed]
    return "\n\n".join(parts) + "\n"


def codes() -> str:
    lines = [
        "# Codes",
        "",
        "| code | message | HTTP | next_action | meaning |",
        "|---|---|---|---|---|",
    ]
    for row in CODES.values():
        statuses = ", ".join(map(str, row.http_statuses))
        meaning = NOTES[row.code].replace("|", r"\|")
        lines.append(
            f"| {row.code} | {row.message} | {statuses} | {row.next_action or ''} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


def reference(listed: Sequence[DocumentedResource], path: str) -> str:
    parts = [
        "# Reference",
        (
            "Every call, by resource. A resource's page has bodies, answers and samples. In these `$KEY` is an"
            " API key; where a person has to be signed in, `$COOKIE` is the dashboard's cookie, name and value,"
            " as the browser sends it."
        ),
    ]
    for one in listed:
        calls = (f"- `{call.method} {call.path}`: {call.summary}" for call in one.operations)
        parts.append(
            f"## {one.name}\n\n{one.about} [Page]({path}/{one.slug})\n\n" + "\n".join(calls)
        )
    return "\n\n".join(parts) + "\n"


def resource(one: DocumentedResource) -> str:
    return "\n\n".join([f"# {one.name}", one.about, *map(_operation, one.operations)]) + "\n"


def _operation(one: Operation) -> str:
    parts = [f"## {one.summary}", f"`{one.method} {one.path}`", one.about]
    for title, fields in (("Query", one.query), ("Body", one.body)):
        if fields:
            parts.append(
                "\n".join([f"{title}:", *(_field(field, is_request=True) for field in fields)])
            )
    parts.append(f"```sh\n{samples.curl(one.call)}\n```")
    parts += [_answer(outcome) for outcome in one.answers]
    refused = "; ".join(f"{outcome.status}: {outcome.description}" for outcome in one.refusals)
    parts.append(f"Refusals: {refused}")
    return "\n\n".join(part for part in parts if part)


def _answer(outcome: DocumentedAnswer) -> str:
    lines = [f"Answer {outcome.status}: {outcome.description}"]
    lines += [_field(field, is_request=False) for field in outcome.fields]
    return "\n".join(lines)


def _field(field: Field, *, is_request: bool) -> str:
    required = ", required" if is_request and field.is_required else ""
    about = f": {field.about}" if field.about else ""
    return f"- `{field.name}` ({field.kind}{required}){about}"
