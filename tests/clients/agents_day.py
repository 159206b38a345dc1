"""Each framework's own loop with its vendor's own client.

Importing it takes seconds, because of the frameworks: a test imports it when it runs.
"""

import asyncio

import anthropic_tools
import langchain_tools
import openai_agents
from agents import OpenAIResponsesModel, set_tracing_disabled
from anthropic import Anthropic
from gateway_tools import GatewayTools
from langchain_anthropic import ChatAnthropic
from openai import AsyncOpenAI

from tests.support.scripted_vendors import ScriptedAnthropic, ScriptedOpenAI

REQUEST = "Send Ana nine dollars for Claude."


async def answers_of_each(tools: GatewayTools) -> list[str]:
    """Return what OpenAI's framework, Anthropic's and LangChain say at the end, each over the same tools."""
    set_tracing_disabled(True)
    with ScriptedAnthropic() as anthropic, ScriptedOpenAI() as openai:
        caller = AsyncOpenAI(api_key="none", base_url=f"{openai.url}/v1")
        responses = OpenAIResponsesModel("scripted", openai_client=caller)
        messages = Anthropic(api_key="none", base_url=anthropic.url)
        chat = ChatAnthropic(model="scripted", api_key="none", base_url=anthropic.url)
        said = [
            await asyncio.to_thread(openai_agents.answer, REQUEST, tools, responses),
            await asyncio.to_thread(anthropic_tools.answer, REQUEST, tools, messages),
            await asyncio.to_thread(langchain_tools.answer, REQUEST, tools, chat),
        ]
        assert [len(one.asked) for one in (openai, anthropic)] == [2, 4]
        return said
