import { defineConfig, type ViteUserConfig } from 'vitest/config'

const conditions = ['@tianjillm/source', 'node', 'import', 'default']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['{packages,apps}/*/test/**/*.test.ts', 'plugins/*/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    testTimeout: 20_000,
    execArgv: ['--conditions=@tianjillm/source'],
  },
})

export default config
