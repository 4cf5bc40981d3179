import asyncio
import json
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

task = json.loads(sys.argv[1])
way = task["way"]


def transport():
    if way["transport"] == "stdio":
        return StdioServerParameters(command=way["command"], args=way["args"], env=way["env"])
    if way["transport"] == "sse":
        return sse_client(way["url"], headers=way["headers"])
    return streamable_http_client(way["url"], http_client=httpx2.AsyncClient(headers=way["headers"], timeout=60))


async def main():
    async with Client(transport()) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        results = await asyncio.gather(*[client.call_tool(call["name"], call["arguments"]) for call in task["calls"]])
    texts = ["\n".join(getattr(block, "text", "") for block in result.content) for result in results]
    print(json.dumps({"tools": tools, "texts": texts}))


asyncio.run(main())
