"""Anthropic's SDK, tool use: pip install anthropic ./clients/python"""

import sys

from anthropic import Anthropic, beta_tool
from gateway_tools import GatewayTools

MODEL = "claude-sonnet-5"


def answer(request: str, tools: GatewayTools, client: Anthropic | None = None) -> str:
    """Return what the model says after it did what was requested."""
    runner = (client or Anthropic()).beta.messages.tool_runner(
        model=MODEL,
        max_tokens=1024,
        system="Do what next_action of an error says; ask_human and stop end your work.",
        tools=[beta_tool(tool) for tool in (tools.send_topup, tools.get_topup, tools.get_balance)],
        messages=[{"role": "user", "content": request}],
    )
    said = runner.until_done().content
    return "".join(block.text for block in said if block.type == "text")


if __name__ == "__main__":
    print(answer(sys.argv[1], GatewayTools()))
