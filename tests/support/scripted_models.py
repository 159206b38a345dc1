"""Models of the agent frameworks that send a top-up and then say what the tool answered.

Importing it takes seconds, because of the frameworks: a test imports it when it runs.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anthropic_tools
import langchain_tools
import openai_agents
from agents import Model, ModelResponse, Usage, set_tracing_disabled
from anthropic import Anthropic
from gateway_tools import GatewayTools
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

SEND = {
    "platform": "claude",
    "amount_cents": 900,
    "recipient_email": "user@example.com",
    "idempotency_key": "credit-for-Ana-13-June",
}


async def answers_of_each(tools: GatewayTools) -> list[str]:
    """What OpenAI's framework, Anthropic's and LangChain say at the end, each over the same tools."""
    set_tracing_disabled(True)
    with scripted_messages() as url:
        anthropic = Anthropic(api_key="none", base_url=url)
        return [
            await asyncio.to_thread(openai_agents.answer, "Send it", tools, ScriptedResponses()),
            await asyncio.to_thread(anthropic_tools.answer, "Send it", tools, anthropic),
            await asyncio.to_thread(langchain_tools.answer, "Send it", tools, ScriptedChat()),
        ]


class ScriptedResponses(Model):
    """A model of OpenAI's SDK: calls the tool, then says its answer."""

    async def get_response(self, *_: Any, **more: Any) -> ModelResponse:
        given = more["input"]
        output: list[Any] = [a_call()] if len(given) < 2 else [words(given)]
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def a_call() -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        arguments=json.dumps(SEND), call_id="call", name="send_topup", type="function_call"
    )


def words(given: Any) -> ResponseOutputMessage:
    text = ResponseOutputText(text=str(given[-1]["output"]), type="output_text", annotations=[])
    return ResponseOutputMessage(
        id="message", role="assistant", status="completed", type="message", content=[text]
    )


class ScriptedChat(GenericFakeChatModel):
    """A model of LangChain's: the same."""

    messages: Any = None

    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self

    def invoke(self, given: Any, *_: Any, **__: Any) -> AIMessage:
        if len(given) > 1:
            return AIMessage(given[-1].content)
        return AIMessage("", tool_calls=[{"name": "send_topup", "args": SEND, "id": "call"}])


class _Messages(BaseHTTPRequestHandler):
    """Anthropic's endpoint: the same."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        *_, last = body["messages"]
        if isinstance(last["content"], str):
            use = {"type": "tool_use", "id": "tool", "name": "send_topup", "input": SEND}
            self._answer("tool_use", use)
        else:
            self._answer("end_turn", {"type": "text", "text": str(last["content"][0]["content"])})

    def _answer(self, stop_reason: str, block: dict[str, Any]) -> None:
        message = {
            "id": "msg",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [block],
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        encoded = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


@contextlib.contextmanager
def scripted_messages() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Messages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
