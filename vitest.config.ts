import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const conditions = ['@tianjillm/source', 'node']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  // Packages that are not ours are loaded by node itself, where `import` would hold for their `require` too.
  ssr: { resolve: { conditions, externalConditions: ['@tianjillm/source', 'node'] } },
  test: {
    include: ['{packages,apps}/*/test/**/*.test.ts', 'plugins/*/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    // They wait more than they work: for processes to start, and for clocks.
    maxWorkers: Math.max(4, availableParallelism()),
    // What is waited for comes late on a busy machine: these tell a test that hangs, not one that is slow.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    execArgv: ['--conditions=@tianjillm/source'],
    // Tests start some hundred processes, which need half the time when the code is compiled.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
  },
})

export default config
