import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeOnBoth } from '@tianjillm/testing'
import { expect, it } from 'vitest'
import { MASTER_KEY } from './support.ts'
import { bareEnvironment, tianji } from './tianji.ts'

const folder = join(import.meta.dirname, '../../../examples/teams-and-budgets')
const execute = promisify(execFile)

// Both say the same, for there is one file of what is said.
describeOnBoth('examples/teams-and-budgets', (newUrl) => {
  it('runs into every limit and budget, and finds all of it written down', { timeout: 60_000 }, async () => {
    const gateway = tianji(['--config', join(folder, 'proxy_config.yaml'), '--host', '127.0.0.1', '--port', '0'], {
      env: { DATABASE_URL: newUrl(), TIANJI_MASTER_KEY: MASTER_KEY },
    })
    await expect(await tour(await gateway.url)).toMatchFileSnapshot(join(folder, 'output.txt'))
    // A soft budget only warns, where the operator sees it.
    expect(gateway.output().match(/has spent its soft budget[^"\\]*/g)).toEqual(['has spent its soft budget of $0.50.'])
  })
})

async function tour(url: string): Promise<string> {
  const { stdout } = await execute(
    process.execPath,
    ['--conditions=@tianjillm/source', join(folder, 'tour.ts')],
    // Nothing of this machine's surroundings.
    { env: { ...bareEnvironment, BASE_URL: url, TIANJI_MASTER_KEY: MASTER_KEY } },
  )
  return stdout
}
