/** Kinds of plugins, as in the names of their packages. */
export type AliasedKind = 'provider' | 'guardrail' | 'callback' | 'search'

/** Other names that configurations have for a plugin, and the plugin's own. */
const aliases: Readonly<Record<AliasedKind, ReadonlyMap<string, string>>> = {
  provider: new Map([
    ['ai21_chat', 'ai21'],
    ['anthropic_text', 'anthropic'],
    ['azure_text', 'azure'],
    ['bedrock_converse', 'bedrock'],
    ['cohere_chat', 'cohere'],
    ['custom_openai', 'openai'],
    ['ollama_chat', 'ollama'],
    ['openai_like', 'openai'],
    ['text-completion-codestral', 'codestral'],
    ['text-completion-openai', 'openai'],
    ['tianji_proxy', 'litellm_proxy'],
    ['vertex_ai_beta', 'vertex_ai'],
    ['vllm', 'hosted_vllm'],
    ['watsonx_text', 'watsonx'],
  ]),
  guardrail: new Map(),
  callback: new Map([['weave_otel', 'weave']]),
  search: new Map(),
}

/** The plugin that a configuration means by a name: its alias, else the name with `-` and `/` as `_`. */
export function pluginName(kind: AliasedKind, written: string): string {
  return aliases[kind].get(written) ?? written.replaceAll(/[-/]/g, '_')
}

/** Whether a provider has this other name. */
export function isProviderAlias(name: string): boolean {
  return aliases.provider.has(name)
}
