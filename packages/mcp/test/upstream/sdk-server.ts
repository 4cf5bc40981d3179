// A server over stdio: `older` by the first SDK, `newer` by the second.

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newerServer, nothingSeen, olderServer, someTools } from '@tianjillm/testing-mcp'

if (process.argv[2] === 'newer') serveStdio(newerServer(nothingSeen(), someTools))
else await olderServer().connect(new StdioServerTransport())
