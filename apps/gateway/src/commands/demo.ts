import { createHost } from '@tianjillm/engine'
import type { CommandDef } from 'citty'
import { demoConfig } from '../config-source.ts'
import { runUntilStopped } from '../run-until-stopped.ts'
import { listenArguments } from './arguments.ts'
import { command } from './command.ts'

/** `tianji demo`: serves mock models, for a first look without any key. */
export const demoCommand: CommandDef = command({
  meta: { name: 'demo', description: 'Serve mock models, without any key' },
  args: listenArguments,
  run: ({ args }) => runUntilStopped(() => demoConfig(createHost()), args),
})
