/** What is told of a gateway that listens. */
export interface ServingFacts {
  readonly url: string
  /** Where its configuration came from. */
  readonly title: string
  /** Names clients may ask for. */
  readonly models: readonly string[]
  /** Whether everybody who reaches it may call it. */
  readonly isOpen: boolean
  /** Problems of the configuration that did not stop it, a line each. */
  readonly warnings: readonly string[]
}

/** What a newcomer wants to know: where it is, what it serves, what to type. `workers` is told when there are several. */
export function greeting({ url, title, models, isOpen }: ServingFacts, workers?: string): string {
  const model = models.find((name) => !name.includes('*')) ?? models[0]?.replace('*', 'MODEL') ?? 'MODEL'
  const key = isOpen ? '' : ` -H 'authorization: Bearer YOUR_MASTER_KEY'`
  const body = JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] })
  return [
    '',
    `  TianjiLLM listens on ${url}  (${title})`,
    `  models: ${models.slice(0, 12).join(', ')}${models.length > 12 ? ` and ${models.length - 12} more` : ''}`,
    ...(workers === undefined ? [] : [`  ${workers}`]),
    ...(isOpen ? ['  no master key: everybody who reaches this address may use it'] : []),
    '',
    '  Try it:',
    `  curl -N ${url}/v1/chat/completions -H 'content-type: application/json'${key} -d '${body}'`,
    '',
  ].join('\n')
}
