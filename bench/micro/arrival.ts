import { hash } from 'node:crypto'
import type { KeyConfig } from '@tianjillm/config'
import { createLocalLimiter } from '@tianjillm/limits'
import { admit } from '../../apps/gateway/src/admission/admit.ts'
import { createAccess } from '../../apps/gateway/src/http/access.ts'
import type { Stage } from './measure.ts'

const keys = Array.from({ length: 100 }, (_, index) => keyOf(`sk-bench-${String(index).padStart(32, '0')}`))
const access = createAccess({ masterKey: 'sk-master-of-the-bench', keys, now: Date.now })
const callers = keys.map(({ key }) => ({ headers: headersWith(key!) }))
const stranger = { headers: headersWith('sk-nobody-knows-this-one') }
const limiter = createLocalLimiter(() => performance.now())
const limit = { kind: 'requests' as const, name: 'key:bench', perMinute: 1e12, owner: 'the key "bench"' }
const holds = { rates: [limit], tokens: [], parallel: [], budgets: [] }
let turn = 0

/** From the request's head to its body. */
export const stages: readonly Stage[] = [
  { name: 'read the key and know whose it is, 100 keys', run: () => access.authenticate(callers[turn++ % 100]!) },
  { name: 'refuse a key that nobody has', run: refuse },
  { name: 'take from a rate limit', run: () => limiter.take(limit.name, limit) },
  {
    name: 'take from a rate limit and write its headers',
    run() {
      const headers: string[] = []
      admit({ limiter, ledger: undefined }, holds, headers)
      return headers
    },
  },
]

function refuse(): unknown {
  try {
    return access.authenticate(stranger)
  } catch (error) {
    return error
  }
}

function keyOf(key: string): KeyConfig {
  return {
    ...{ key, keyHash: hash('sha256', key), keyAlias: key.slice(-4), userId: undefined, teamId: 'bench' },
    ...{
      models: [],
      rpmLimit: undefined,
      expires: undefined,
      isBlocked: false,
      metadata: {},
      objectPermission: undefined,
    },
    ...{ allowedRoutes: [], tpmLimit: undefined, modelRpmLimit: new Map(), modelTpmLimit: new Map() },
    ...{ maxParallelRequests: undefined, budget: undefined, modelBudgets: new Map() },
    position: { file: 'bench.yaml', line: 1, column: 1 },
  }
}

/** What clients of OpenAI send. */
function headersWith(key: string): Readonly<Record<string, string>> {
  return {
    host: '127.0.0.1:4000',
    'user-agent': 'OpenAI/Python 2.0.0',
    accept: 'application/json',
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
    'content-length': '300',
  }
}
