"""Vendors of models on loopback: their model calls the first tool, then says what the tool answered.

Each speaks its vendor's own API, so that the SDKs and frameworks are as they are installed.
"""

import json
from typing import Any

from tests.support.vendor_service import Answer, VendorService

SEND = {
    "platform": "claude",
    "amount_cents": 900,
    "recipient_email": "user@example.com",
    "idempotency_key": "credit-for-Ana-13-June",
}


def arguments_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return SEND in the words of the tool: amount_cents, or amountCents in TypeScript."""
    words = {name.replace("_", "").lower(): value for name, value in SEND.items()}
    return {name: words[name.replace("_", "").lower()] for name in schema["properties"]}


class ScriptedVendor(VendorService):
    """Answers JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.headers["Content-Type"] = "application/json"


class ScriptedAnthropic(ScriptedVendor):
    """POST /v1/messages of Anthropic."""

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """Return the tool's call, or its result as text."""
        assert (method, path) == ("POST", "/v1/messages"), path
        results = [
            part
            for message in body["messages"]
            if isinstance(message["content"], list)
            for part in message["content"]
            if part["type"] == "tool_result"
        ]
        block: dict[str, Any]
        if results:
            block = {"type": "text", "text": _text(results[-1]["content"])}
        else:
            tool = body["tools"][0]
            given = arguments_of(tool["input_schema"])
            block = {"type": "tool_use", "id": "toolu_1", "name": tool["name"], "input": given}
        return 200, {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [block],
            "stop_reason": "end_turn" if results else "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }


class ScriptedOpenAI(ScriptedVendor):
    """POST /v1/responses of OpenAI."""

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        """Return the tool's call, or its result as text."""
        assert (method, path) == ("POST", "/v1/responses"), path
        results = [one for one in body["input"] if one.get("type") == "function_call_output"]
        item: dict[str, Any]
        if results:
            said = {"type": "output_text", "text": _text(results[-1]["output"]), "annotations": []}
            item = {"type": "message", "id": "msg_1", "role": "assistant", "content": [said]}
        else:
            tool = body["tools"][0]
            given = json.dumps(arguments_of(tool["parameters"]))
            item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "arguments": given}
            item["name"] = tool["name"]
        item["status"] = "completed"
        return 200, {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_795_000_000,
            "status": "completed",
            "model": body["model"],
            "output": [item],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": body["tools"],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }


def _text(content: Any) -> str:
    return content if isinstance(content, str) else str(content[0]["text"])
