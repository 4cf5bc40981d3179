import { readConfig } from '@tianjillm/config'
import { expect, it } from 'vitest'
import { secretsOf } from '../src/secrets.ts'

it('knows the secrets of MCP servers and of the database, wherever they are', () => {
  const { config } = readConfig(
    `
mcp_servers:
  docs:
    url: https://docs.example/mcp
    auth_type: bearer_token
    auth_value: of-the-docs
    static_headers: { x-api-key: of-a-header, accept: everything }
  cloud: { url: https://mcp.example, aws_access_key_id: of-a-key, aws_region_name: eu-west-1 }
  files: { command: node, env: { FILES_TOKEN: of-the-files, LEVEL: high } }
general_settings: { master_key: of-the-master }
`,
    { env: () => undefined },
  )
  const secrets = secretsOf(config!, { DATABASE_URL: 'postgresql://me:word@host/name', PATH: '/bin' })
  expect([...secrets].toSorted()).toEqual(
    [
      'of-a-header',
      'of-a-key',
      'of-the-docs',
      'of-the-files',
      'of-the-master',
      'postgresql://me:word@host/name',
    ].toSorted(),
  )
})
