import { formatProblem } from '@tianjillm/config'
import { createHost } from '@tianjillm/engine'
import type { CommandDef } from 'citty'
import { findConfig } from '../config-source.ts'
import { namesIn } from '../mcp/client-of.ts'
import { type StdioServing, serveStdio } from '../mcp/serve-stdio.ts'
import { takeOutput } from '../own-output.ts'
import { explain } from '../run-until-stopped.ts'
import { command } from './command.ts'

/** `tianji mcp`: serves the MCP servers and tools of a configuration to the program that started it. */
export const mcpCommand: CommandDef = command({
  meta: { name: 'mcp', description: 'Serve MCP servers and tools over standard input and output, for desktop clients' },
  args: {
    config: { type: 'string', alias: 'c', description: 'proxy_config.yaml of LiteLLM or TianjiLLM', valueHint: 'file' },
    key: { type: 'string', alias: 'k', description: 'Whose view and limits (TIANJI_API_KEY, else the operator)' },
    servers: { type: 'string', description: 'Servers, access groups or tags, with commas between (all)' },
    'log-level': { type: 'string', description: 'debug, info, warn, error or silent (info)', valueHint: 'level' },
  },
  async run({ args }) {
    const output = takeOutput(process)
    try {
      const serving = await serveStdio({
        source: findConfig(args.config, createHost()),
        key: args.key || process.env.TIANJI_API_KEY || undefined,
        servers: namesIn(args.servers),
        logLevel: args['log-level'] ?? process.env.LOG_LEVEL,
        input: process.stdin,
        output,
      })
      for (const warning of serving.warnings) console.error(formatProblem(warning))
      stopWithClient(serving)
    } catch (error) {
      console.error(explain(error))
      process.exitCode = 1
    }
  },
})

/** Ends when the client has gone, or asks for it. */
function stopWithClient(serving: StdioServing): void {
  let isStopping = false
  const stop = async () => {
    isStopping = true
    await serving.stop()
    process.exit(0)
  }
  const onSignal = () => {
    // A second signal means now.
    if (isStopping) process.exit(1)
    void stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  void serving.ended.then(() => (isStopping ? undefined : stop()))
}
