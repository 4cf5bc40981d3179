import type { McpSettings } from '@tianjillm/config'
import { type AskModel, createSafety, embed, type Host, inTime, similarity, type Vector } from '@tianjillm/core'
import { askModel } from '@tianjillm/engine'
import { callFor, type Visitor } from '../inner-call.ts'

/** What is known of a tool when it is judged. */
export interface Described {
  readonly name: string
  readonly description?: string | undefined
}

/** Tools that fit a request. */
export interface Relevant<Tool> {
  /** In the order they came in. */
  readonly tools: readonly Tool[]
  /** What the answer's headers tell of it: names without their prefix, and values. */
  readonly notes: readonly (readonly [name: string, value: string])[]
}

/** Chooses those of many tools that fit what is asked. */
export interface ToolRelevance {
  /** Tells whether it goes on under other settings. */
  readonly mark: string
  /**
   * The tools that fit best; all of them when there are few, when none fits, or when the model that tells cannot be asked
   * in time. Rejects only when whoever asks has gone.
   */
  find<Tool>(tools: readonly Tool[], asked: Question<Tool>): Promise<Relevant<Tool>>
}

/** What tools are wanted for. */
export interface Question<Tool> {
  /** What the user says. */
  readonly query: string
  describe(tool: Tool): Described
  /** Asks on behalf of the user, and of nobody in particular. */
  readonly ask: AskModel
  readonly askApart: AskModel
  readonly signal?: AbortSignal | undefined
}

/** How models are asked what a visitor's words mean, and what tools are. */
export function asksFor(visitor: Visitor): Pick<Question<unknown>, 'ask' | 'askApart'> {
  const route = visitor.route ?? '/mcp'
  return {
    ask: (operation, input, signal) =>
      callFor(visitor, { operation, input, model: input.model, route, signal, isOperators: true }),
    // Nobody in particular pays for what all have the use of.
    askApart: askModel(visitor.gateway.engine),
  }
}

/** Milliseconds until a request goes on with all tools, and of one batch of descriptions, which nobody waits for. */
const DEADLINE = 2_000
const BATCH_DEADLINE = 10_000
const BATCH = 100
/** Descriptions whose meanings are kept: some 25 MB. */
const MOST_KEPT = 2_000
/** Characters of a request, and of a description, that are judged. */
const LONGEST = 8_000
/** Characters of the header with the tools' names. */
const LONGEST_NAMES = 150

/** The relevance that these settings ask for. */
export function createToolRelevance(
  { embeddingModel: model, topK, threshold }: NonNullable<McpSettings['semanticFilter']>,
  host: Pick<Host, 'log' | 'now'>,
): ToolRelevance {
  const task = `MCP tools cannot be chosen by ${model}, so models are offered all of them`
  const safety = createSafety({ task, deadline: DEADLINE, host })
  const meanings = createMeanings(model)
  return {
    mark: JSON.stringify([model, topK, threshold]),
    async find(tools, { query, describe, ask, askApart, signal }) {
      if (tools.length <= topK || query.trim() === '') return { tools, notes: [] }
      const texts = tools.map((tool) => textOf(describe(tool)))
      const outcome = await safety.attempt(async (until) => {
        const ended = signal === undefined ? until : AbortSignal.any([signal, until])
        const [[asked], known] = await Promise.all([
          embed([query.slice(0, LONGEST)], model, ask, ended),
          meanings.of(texts, askApart),
        ])
        return relevantTools(
          tools,
          known.map((vector) => similarity(asked!, vector)),
          { topK, threshold },
        )
      })
      const found = outcome.isDone ? outcome.result : tools
      return {
        tools: found,
        notes: notesOf(
          tools.length,
          found.map((tool) => describe(tool).name),
        ),
      }
    },
  }
}

/** As many of the tools as `topK` whose scores are highest, and at least the threshold, in their own order; if there are none, all. */
export function relevantTools<Tool>(
  tools: readonly Tool[],
  scores: readonly number[],
  { topK, threshold }: { readonly topK: number; readonly threshold: number },
): readonly Tool[] {
  const best = [...scores.keys()]
    .filter((index) => scores[index]! >= threshold)
    .sort((one, other) => scores[other]! - scores[one]!)
    .slice(0, topK)
  if (best.length === 0) return tools
  const chosen = new Set(best)
  return tools.filter((_tool, index) => chosen.has(index))
}

interface Meanings {
  /** Rejects with GatewayError. What could not be learned is tried again by the next who asks. */
  of(texts: readonly string[], ask: AskModel): Promise<readonly Vector[]>
}

/** The meanings of texts, each learned once, in batches, and kept; those that were learned first are forgotten first. */
function createMeanings(model: string): Meanings {
  const known = new Map<string, Promise<Vector>>()

  const learn = (texts: readonly string[], ask: AskModel) => {
    const learning = inTime(BATCH_DEADLINE, (signal) => embed(texts, model, ask, signal))
    for (const [index, text] of texts.entries()) {
      const vector = learning.then((vectors) => vectors[index]!)
      known.set(text, vector)
      vector.catch(() => known.delete(text))
    }
  }

  return {
    of(texts, ask) {
      const missing = [...new Set(texts)].filter((text) => !known.has(text))
      for (let from = 0; from < missing.length; from += BATCH) learn(missing.slice(from, from + BATCH), ask)
      const found = Promise.all(texts.map((text) => known.get(text)!))
      for (const text of known.keys()) {
        if (known.size <= MOST_KEPT) break
        known.delete(text)
      }
      return found
    },
  }
}

function textOf({ name, description = '' }: Described): string {
  return `${name}: ${description}`.slice(0, LONGEST)
}

/** LiteLLM's headers. https://docs.litellm.ai/docs/mcp_semantic_filter */
function notesOf(all: number, names: readonly string[]): Relevant<never>['notes'] {
  const told = names.map((name) => name.replaceAll(/[^\x21-\x7e]/g, '_')).join(',')
  return [
    ['semantic-filter', `${all}->${names.length}`],
    ['semantic-filter-tools', told.length > LONGEST_NAMES ? `${told.slice(0, LONGEST_NAMES - 3)}...` : told],
  ]
}
