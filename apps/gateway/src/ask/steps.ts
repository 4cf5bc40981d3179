import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import type { AgentEvent } from '@tianjillm/agent'

/** Shows what an agent does while it does it. */
export interface Steps {
  hear(event: AgentEvent): void
  /** That an MCP server is waited for, and no more. */
  wait(server: string): void
  waited(server: string): void
  /** Leaves nothing behind that moves. */
  end(): void
}

/** Where it is shown, and what must not be. */
export interface StepsSettings {
  readonly output: Writable & { readonly isTTY?: boolean }
  readonly redact: (text: string) => string
}

const frames = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏']
const FRAME_TIME = 100
/** Letters of arguments, and of what a tool says of its failure. */
const LONGEST = 120

/** One line for each model and each call of a tool; on a terminal what is under way besides. */
export function createSteps({ output, redact }: StepsSettings): Steps {
  const underWay = new Map<string, { readonly words: string; readonly since: number }>()
  const style = (format: 'green' | 'red' | 'dim', text: string) => styleText(format, text, { stream: output })
  const shown = (text: string) => printable(redact(text)).replaceAll(/\s+/g, ' ').trim()
  const short = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1).toWellFormed()}…` : text)
  let model = ''
  let frame = 0
  let timer: NodeJS.Timeout | undefined

  const wipe = () => void (timer && output.write('\r\u001b[K'))
  const draw = () => {
    const [first, ...others] = [...underWay.values()]
    wipe()
    if (first === undefined) return
    const seconds = Math.floor((performance.now() - first.since) / 1000)
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    output.write(
      style('dim', `${frames[frame++ % frames.length]} ${first.words}${more}${seconds ? ` ${seconds} s` : ''}`),
    )
  }
  const begin = (id: string, words: string) => {
    underWay.set(id, { words, since: performance.now() })
    if (output.isTTY) timer ??= setInterval(draw, FRAME_TIME).unref()
  }
  const say = (line: string) => {
    wipe()
    output.write(`${line}\n`)
  }

  return {
    hear(event) {
      if (event.type === 'step') {
        const asked = shown(`${event.provider}, ${event.model}`)
        if (asked !== model) say(style('dim', asked))
        model = asked
        underWay.clear()
        begin('', `asking ${asked}`)
      } else if (event.type === 'tool_call') {
        underWay.delete('')
        begin(event.id, shown(event.toolName))
      } else if (event.type === 'tool_result') {
        underWay.delete(event.id)
        const { toolName, arguments: given = {}, durationMs, error } = event
        const mark = error === undefined ? style('green', '✓') : style('red', '✗')
        const why = error === undefined ? '' : `: ${short(shown(error.message))}`
        const input = style('dim', short(shown(JSON.stringify(given))))
        say(`${mark} ${shown(toolName)} ${input} ${Math.round(durationMs)} ms${why}`)
      }
    },
    wait: (server) => begin(`server ${server}`, `starting ${shown(server)}`),
    waited: (server) => void underWay.delete(`server ${server}`),
    end() {
      wipe()
      clearInterval(timer)
      timer = undefined
    },
  }
}

/** The text without what a terminal takes for orders. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '')
}
