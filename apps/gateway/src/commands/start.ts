import { createHost } from '@tianjillm/engine'
import type { CommandDef } from 'citty'
import { findConfig } from '../config-source.ts'
import { runUntilStopped } from '../run-until-stopped.ts'
import { type WorkerCount, workerCount } from '../workers/count.ts'
import { takeSeat } from '../workers/seat.ts'
import { listenArguments } from './arguments.ts'
import { command } from './command.ts'

/** `tianji start`: serves a configuration, or what the environment has keys for. */
export const startCommand: CommandDef = command({
  meta: { name: 'start', description: 'Serve a configuration (the default command)' },
  args: {
    config: { type: 'string', alias: 'c', description: 'proxy_config.yaml of LiteLLM or TianjiLLM', valueHint: 'file' },
    ...listenArguments,
    workers: {
      type: 'string',
      alias: ['num_workers'],
      description: 'Processes that serve: a number, or auto for one a core (1, or TIANJI_WORKERS)',
      valueHint: 'number',
    },
  },
  async run({ args }) {
    const source = () => findConfig(args.config, createHost())
    const seat = takeSeat(process.env)
    if (seat) return (await import('../workers/worker.ts')).serveAsWorker(seat, source, args)
    const workers = countOf(args.workers)
    if (workers === undefined) process.exitCode = 1
    else if (workers.count === 1) await runUntilStopped(source, args)
    else (await import('../workers/primary.ts')).supervise(workers, args['log-level'] ?? process.env.LOG_LEVEL)
  },
})

function countOf(given: string | undefined): WorkerCount | undefined {
  try {
    return workerCount(given, process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return undefined
  }
}
