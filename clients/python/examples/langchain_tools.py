"""LangChain, with any chat model that calls tools: pip install langchain-anthropic ./clients/python"""

from gateway_tools import GatewayTools
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

TURNS_MAX = 10
SYSTEM = "Do what next_action of an error says; ask_human and stop end your work."


def tools_of(tools: GatewayTools) -> list[BaseTool]:
    """Return the tools for create_agent, a graph, or the loop below."""
    return [
        StructuredTool.from_function(tool, parse_docstring=True)
        for tool in (tools.send_topup, tools.get_topup, tools.get_balance)
    ]


def answer(request: str, tools: GatewayTools, model: BaseChatModel) -> str:
    """Return what the model says after it did what was requested."""
    named = {tool.name: tool for tool in tools_of(tools)}
    caller = model.bind_tools(list(named.values()))
    messages: list[BaseMessage] = [SystemMessage(SYSTEM), HumanMessage(request)]
    for _ in range(TURNS_MAX):
        said = caller.invoke(messages)
        messages.append(said)
        if not said.tool_calls:
            return str(said.text)
        for call in said.tool_calls:
            result = named[call["name"]].invoke(call["args"])
            messages.append(ToolMessage(result, tool_call_id=call["id"]))
    raise RuntimeError(f"The model didn't finish in {TURNS_MAX} turns.")
