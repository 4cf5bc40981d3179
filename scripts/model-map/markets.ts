/** Who sells models, under which names the sources and LiteLLM have him. */
export interface Market {
  /** The gateway's provider. */
  readonly provider: string
  /** What stands before an id in the map. */
  readonly prefix: string
  /** Lists of genai-prices; the first that has an id counts. */
  readonly prices?: readonly string[]
  /** The list of pi-ai. */
  readonly catalog?: string
  /** Ids that are his. Default: all. */
  readonly only?: RegExp
  /** An id as the vendor spells it; whether it is listed in the catalog. */
  readonly respell?: (id: string, isListed: boolean) => string
  /** Whether the catalog knows the prices better, as where they differ by region. */
  readonly trustsCatalog?: boolean
  /** Whether audio that has no price of its own costs what text does. https://ai.google.dev/gemini-api/docs/pricing */
  readonly pricesAudioAsText?: boolean
}

const withoutMaker = (id: string) => id.slice(id.indexOf('/') + 1)

/** In no order that matters: no two have the same provider, prefix and ids. */
export const markets: readonly Market[] = [
  { provider: 'anthropic', prefix: '', prices: ['anthropic'], catalog: 'anthropic' },
  {
    provider: 'azure',
    prefix: 'azure/',
    prices: ['azure', 'openai'],
    catalog: 'azure',
    only: /^(gpt-|o\d|text-embedding|codex|computer|model-router)/,
  },
  { provider: 'azure_ai', prefix: 'azure_ai/', prices: ['azure'], only: /^(phi|wizardlm)[^:]*$/ },
  { provider: 'baseten', prefix: 'baseten/', prices: ['baseten'], catalog: 'baseten' },
  {
    provider: 'bedrock',
    prefix: '',
    prices: ['aws'],
    catalog: 'amazon-bedrock',
    trustsCatalog: true,
    respell: (id, isListed) => (isListed ? id : id.replace(/^(global|regional)\./, '')),
  },
  { provider: 'cerebras', prefix: 'cerebras/', prices: ['cerebras'], catalog: 'cerebras' },
  {
    provider: 'cloudflare',
    prefix: 'cloudflare/',
    prices: ['cloudflare'],
    catalog: 'cloudflare-workers-ai',
    only: /^@/,
  },
  { provider: 'cohere', prefix: '', prices: ['cohere'] },
  { provider: 'deepseek', prefix: 'deepseek/', prices: ['deepseek'], catalog: 'deepseek' },
  {
    provider: 'fireworks_ai',
    prefix: 'fireworks_ai/',
    prices: ['fireworks'],
    catalog: 'fireworks',
    only: /^accounts\//,
  },
  {
    provider: 'gemini',
    prefix: 'gemini/',
    prices: ['google'],
    catalog: 'google',
    only: /^(gemini-(?!flash-1|pro-1|pro$)|gemma-.*-it$|deep-research)[^:]*$/,
    pricesAudioAsText: true,
  },
  { provider: 'groq', prefix: 'groq/', prices: ['groq'], catalog: 'groq' },
  { provider: 'huggingface', prefix: 'huggingface/', catalog: 'huggingface' },
  { provider: 'hyperbolic', prefix: 'hyperbolic/', prices: ['huggingface_hyperbolic'] },
  { provider: 'minimax', prefix: 'minimax/', prices: ['minimax'], catalog: 'minimax', only: /^M/ },
  { provider: 'mistral', prefix: 'mistral/', prices: ['mistral'], catalog: 'mistral', only: /^[^/:]+$/ },
  { provider: 'moonshot', prefix: 'moonshot/', prices: ['moonshotai'], catalog: 'moonshotai' },
  { provider: 'nebius', prefix: 'nebius/', prices: ['huggingface_nebius'] },
  { provider: 'novita', prefix: 'novita/', prices: ['novita'] },
  { provider: 'nscale', prefix: 'nscale/', prices: ['huggingface_nscale'] },
  { provider: 'nvidia_nim', prefix: 'nvidia_nim/', catalog: 'nvidia' },
  { provider: 'openai', prefix: '', prices: ['openai'], catalog: 'openai', only: /^(?!ft:gpt-3\.5-turbo-$)[^ ]+$/ },
  { provider: 'ovhcloud', prefix: 'ovhcloud/', prices: ['ovhcloud'] },
  { provider: 'perplexity', prefix: 'perplexity/', prices: ['perplexity'] },
  { provider: 'sambanova', prefix: 'sambanova/', prices: ['huggingface_sambanova'], respell: withoutMaker },
  { provider: 'together_ai', prefix: 'together_ai/', prices: ['together'], catalog: 'together' },
  {
    provider: 'vertex_ai',
    prefix: '',
    prices: ['google'],
    catalog: 'google-vertex',
    only: /^gemini-([\d.]+-|e)[^:]*$/,
    pricesAudioAsText: true,
  },
  { provider: 'vertex_ai', prefix: 'vertex_ai/', prices: ['google'], only: /^claude-(?!4-)/ },
  { provider: 'voyage', prefix: 'voyage/', prices: ['voyageai'] },
  { provider: 'xai', prefix: 'xai/', prices: ['x-ai'], catalog: 'xai', only: /^grok/ },
  { provider: 'zai', prefix: 'zai/', prices: ['zai'], catalog: 'zai', respell: (id) => id.toLowerCase() },
]
