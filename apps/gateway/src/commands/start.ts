import { createHost } from '@tianjillm/engine'
import type { CommandDef } from 'citty'
import { findConfig } from '../config-source.ts'
import { runUntilStopped } from '../run-until-stopped.ts'
import { listenArguments } from './arguments.ts'
import { command } from './command.ts'

/** `tianji start`: serves a configuration, or what the environment has keys for. */
export const startCommand: CommandDef = command({
  meta: { name: 'start', description: 'Serve a configuration (the default command)' },
  args: {
    config: { type: 'string', alias: 'c', description: 'proxy_config.yaml of LiteLLM or TianjiLLM', valueHint: 'file' },
    ...listenArguments,
  },
  run: ({ args }) => runUntilStopped(findConfig(args.config, createHost()), args),
})
