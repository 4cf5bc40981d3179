import { readConfig } from '@tianjillm/config'
import { type FakeUpstream, fakeUpstream } from '@tianjillm/testing'
import { afterAll, beforeAll } from 'vitest'
import { type Started, start } from '../src/index.ts'

/** The gateway's key in tests. */
export const MASTER_KEY = 'sk-master-for-tests'

/** Starts the real gateway on a free port with this proxy_config.yaml; `env` is all the environment its file sees. */
export async function startGateway(yaml: string, env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const { config, problems } = readConfig(yaml, { env: (name) => env[name] })
  const source = { config, problems, title: 'test', folder: import.meta.dirname }
  return start({ source, port: 0, host: '127.0.0.1', logLevel: 'silent' })
}

/** A gateway in front of a fake upstream for all tests of a file. `yaml` is told the fake's URL. */
export function gatewayAndUpstream(yaml: (upstream: string) => string): {
  readonly gateway: () => Started
  readonly upstream: () => FakeUpstream
} {
  let gateway: Started
  let upstream: FakeUpstream
  beforeAll(async () => {
    upstream = await fakeUpstream()
    gateway = await startGateway(yaml(upstream.url))
  })
  afterAll(async () => {
    await gateway.stop(1_000)
    await upstream.close()
  })
  return { gateway: () => gateway, upstream: () => upstream }
}
