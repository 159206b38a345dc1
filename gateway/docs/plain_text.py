"""The documentation as plain text for programs: /llms.txt, an overview, and /llms-full.txt, all of it.

Promise: the same sources as the pages: the guides, the OpenAPI document, the table of codes. Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.answers.response_codes import CODES
from gateway.docs import samples
from gateway.docs.reference import Field, Operation, Outcome, Resource

SUMMARY: Final = (
    "Prepaid AI credit in one call: a ledger, vouchers and signed webhooks behind one REST API."
    " Every answer has the same seven fields and a numeric code. Staging keys (ak_staging_) are free."
)


def overview(guides: Sequence[tuple[str, str]], listed: Sequence[Resource], server: str) -> str:
    """What there is and where; guides are (path, title)."""
    first = (
        f"A key in one call, no sign-up: `POST {server}/api/public/v1/keys/sandbox`; its"
        " `approver_key` decides on sends that wait for an approval."
    )
    lines = ["# Topup Gateway", "", f"> {SUMMARY}", ""]
    lines += [
        f"{first} Agents: MCP at {server}/mcp.",
        "",
        "## Guides",
        "",
        *(f"- [{title}]({server}{path})" for path, title in guides),
        f"- [Codes]({server}/docs/codes)",
        "",
        "## Reference",
        "",
        *(
            f"- [{resource.name}]({server}/docs/api/{resource.slug}): {resource.about}"
            for resource in listed
        ),
        "",
        "## For programs",
        "",
        f"- [OpenAPI 3.1]({server}/openapi.json)",
        f"- [JSON Schemas of the webhooks]({server}/docs/events)",
        f"- [Everything as one text]({server}/llms-full.txt)",
    ]
    return "\n".join(lines) + "\n"


def everything(guides: Sequence[str], listed: Sequence[Resource]) -> str:
    """The guides' texts, every call and every code."""
    parts = [guide.strip() for guide in guides]
    parts.append("# Codes\n\n" + "\n".join(_code_rows()))
    parts += [_resource(resource) for resource in listed]
    return "\n\n".join(parts) + "\n"


def _code_rows() -> Iterator[str]:
    yield "| code | message | HTTP | next_action |"
    yield "|---|---|---|---|"
    for row in CODES.values():
        statuses = ", ".join(map(str, row.http_statuses))
        yield f"| {row.code} | {row.message} | {statuses} | {row.next_action or ''} |"


def _resource(one: Resource) -> str:
    return "\n\n".join([f"# {one.name}", one.about, *map(_operation, one.operations)])


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


def _answer(outcome: Outcome) -> str:
    lines = [f"Answer {outcome.status}: {outcome.description}"]
    lines += [_field(field, is_request=False) for field in outcome.fields]
    return "\n".join(lines)


def _field(field: Field, *, is_request: bool) -> str:
    required = ", required" if is_request and field.is_required else ""
    about = f": {field.about}" if field.about else ""
    return f"- `{field.name}` ({field.kind}{required}){about}"
