"""OpenAI Agents SDK: pip install openai-agents ./clients/python"""

import asyncio
import sys

from agents import Agent, Model, Runner, function_tool
from gateway_tools import GatewayTools


def answer(request: str, tools: GatewayTools, model: str | Model | None = None) -> str:
    """Return what the agent says after it did what was requested."""
    agent = Agent(
        name="Buyer of AI credit",
        instructions="Do what next_action of an error says; ask_human and stop end your work.",
        tools=[
            function_tool(tool) for tool in (tools.send_topup, tools.get_topup, tools.get_balance)
        ],
        model=model,
    )
    return str(asyncio.run(Runner.run(agent, request)).final_output)


if __name__ == "__main__":
    print(answer(sys.argv[1], GatewayTools()))
