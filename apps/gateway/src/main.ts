#!/usr/bin/env node
import { keepCompiledCode } from './compiled-code.ts'

keepCompiledCode(process.env)
// Imported only now: what is loaded before is compiled at every start.
const { runCommandLine } = await import('./command-line.ts')
await runCommandLine(process.argv.slice(2))
