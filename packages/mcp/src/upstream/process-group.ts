import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { McpTransport } from '../settings.ts'

/** Milliseconds that a process has to end by itself once its input has ended, and after it was asked to. */
const PATIENCE = { input: 300, terminate: 1000 }
/** Milliseconds between looks at whether anyone of a group is left. */
const LOOK = 10

/** Variables of the gateway that every process gets; none of them is a secret. */
const HARMLESS = [
  ...['HOME', 'LANG', 'LC_ALL', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'TMPDIR', 'TZ', 'USER'],
  // Where a network has certificates of its own, nothing that is fetched comes without them.
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE'],
]

/** A process with all that it starts. */
export interface ProcessGroup {
  readonly child: ChildProcessWithoutNullStreams
  /** Ends its input, asks it to stop, and kills whoever is left. */
  end(): Promise<void>
}

/** Those that have not ended. */
const running = new Set<ChildProcessWithoutNullStreams>()

/** Starts a command without a shell, in a process group of its own. Rejects when it cannot be started. */
export async function startGroup(command: McpTransport & { readonly type: 'stdio' }): Promise<ProcessGroup> {
  const child = spawn(command.command, [...command.args], {
    detached: true,
    env: { ...harmless(), ...command.env },
    ...(command.cwd !== undefined && { cwd: command.cwd }),
    stdio: 'pipe',
    windowsHide: true,
  })
  await once(child, 'spawn')
  // What breaks is learnt from `close`; without listeners the process of the gateway would fall.
  for (const part of [child, child.stdin, child.stdout, child.stderr]) part.on('error', () => {})
  if (running.size === 0) process.on('exit', killAll)
  running.add(child)
  let ended: Promise<void> | undefined
  const end = () => {
    ended ??= endGroup(child)
    return ended
  }
  child.once('exit', end)
  return { child, end }
}

async function endGroup(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.stdin.end()
  await waitFor(() => hasExited(child), PATIENCE.input)
  signalGroup(child, 'SIGTERM')
  const isGone = () => hasExited(child) && !signalGroup(child, 0)
  await waitFor(isGone, PATIENCE.terminate)
  if (!isGone()) signalGroup(child, 'SIGKILL')
  await waitFor(() => hasExited(child), PATIENCE.terminate)
  // A process that left the group may hold them open for ever.
  child.stdout.destroy()
  child.stderr.destroy()
  running.delete(child)
  if (running.size === 0) process.off('exit', killAll)
}

async function waitFor(isSo: () => boolean, patience: number): Promise<void> {
  for (let waited = 0; waited < patience && !isSo(); waited += LOOK) await pause(LOOK)
}

function hasExited(child: ChildProcessWithoutNullStreams): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Whether there was anyone to signal. */
function signalGroup(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals | 0): boolean {
  const { pid } = child
  if (pid === undefined) return false
  try {
    // Windows has no groups of processes.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-pid, signal)
  } catch {
    return false
  }
}

function killAll(): void {
  for (const child of running) signalGroup(child, 'SIGKILL')
}

function harmless(): Record<string, string> {
  return Object.fromEntries(
    HARMLESS.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
