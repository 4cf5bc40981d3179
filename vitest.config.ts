import { availableParallelism } from 'node:os'
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
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    execArgv: ['--conditions=@tianjillm/source'],
  },
})

export default config
