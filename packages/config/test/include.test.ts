import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { formatProblem, loadConfig, readConfig } from '../src/index.ts'

function read(files: Record<string, string>) {
  return readConfig(files['main.yaml']!, {
    file: 'main.yaml',
    env: () => undefined,
    include: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('no such file')
      return { file: path, text }
    },
  })
}

describe('include', () => {
  test('joins lists, merges maps and keeps each position in its file', () => {
    const { config, problems, files } = read({
      'main.yaml':
        'include: [models.yaml, base.yaml]\nmodel_list:\n  - {model_name: a, litellm_params: {model: groq/a}}\nlitellm_settings: {num_retries: 1}',
      'models.yaml': 'model_list:\n  - {model_name: b, litellm_params: {model: groq/b}}',
      'base.yaml': 'tianji_settings: {drop_params: true, num_retries: 4}\ngenral_settings: {}',
    })
    expect(files).toEqual(['main.yaml', 'models.yaml', 'base.yaml'])
    expect(problems.map(formatProblem)).toEqual([
      'base.yaml:1:38: warning: tianji_settings.num_retries: is ignored, because main.yaml:4:20 sets it too',
      'base.yaml:2:1: warning: genral_settings: unknown key. Did you mean general_settings?',
    ])
    expect(config?.models.map(({ name, position }) => `${name} ${position.file}:${position.line}`)).toEqual([
      'a main.yaml:3',
      'b models.yaml:2',
    ])
    expect(config).toMatchObject({ settings: { dropParams: true }, router: { numRetries: 1 } })
  })

  test('of one file by two others counts once', () => {
    const { config, problems } = read({
      'main.yaml': 'include: [left.yaml, right.yaml]',
      'left.yaml': 'include: shared.yaml',
      'right.yaml': 'include: shared.yaml',
      'shared.yaml': 'plugins: [x]',
    })
    expect(problems).toEqual([])
    expect(config?.plugins).toHaveLength(1)
  })

  test('in a circle is an error', () => {
    const { config, problems } = read({ 'main.yaml': 'include: a.yaml', 'a.yaml': 'plugins: []\ninclude: [main.yaml]' })
    expect(config).toBeUndefined()
    expect(problems.map(formatProblem)).toEqual([
      'a.yaml:2:11: error: include[0]: the files include each other: main.yaml -> a.yaml -> main.yaml',
    ])
  })

  test('of a file that cannot be read, or that is no path, is an error', () => {
    const { problems } = read({ 'main.yaml': 'include:\n  - gone.yaml\n  - 7' })
    expect(problems.map(formatProblem)).toEqual([
      'main.yaml:2:5: error: include[0]: cannot be read: no such file',
      'main.yaml:3:5: error: include[1]: expected the path of a file',
    ])
  })

  test('reports the errors of all files, the including one first', () => {
    const { problems } = read({ 'main.yaml': 'include: a.yaml\nmodel_list: 3', 'a.yaml': 'b: [' })
    expect(problems.map(({ file }) => file)).toEqual(['main.yaml', 'a.yaml'])
  })

  test('needs somebody who reads files', () => {
    const { problems } = readConfig('include: a.yaml', { env: () => undefined })
    expect(problems.map(formatProblem)).toEqual([
      'proxy_config.yaml:1:1: error: include: files cannot be included here',
    ])
  })
})

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('reads a file and what it includes, relative to each', () => {
    mkdirSync(join(folder, 'parts'))
    writeFileSync(join(folder, 'main.yaml'), 'include: [parts/a.yaml]')
    writeFileSync(join(folder, 'parts', 'a.yaml'), 'include: b.yaml\nplugins: [a]')
    writeFileSync(join(folder, 'parts', 'b.yaml'), 'plugins: [$NAME]')
    const { config, files } = loadConfig(join(folder, 'main.yaml'), (name) => (name === 'NAME' ? 'b' : undefined))
    expect(config?.plugins.map(({ specifier }) => specifier)).toEqual(['a', 'b'])
    expect(files).toEqual([join(folder, 'main.yaml'), join(folder, 'parts', 'a.yaml'), join(folder, 'parts', 'b.yaml')])
  })

  test('reports a file that is not there, or is a folder', () => {
    const missing = loadConfig('nowhere/proxy_config.yaml', () => undefined)
    expect(missing.config).toBeUndefined()
    expect(missing.problems.map(formatProblem)).toEqual([
      'nowhere/proxy_config.yaml:1:1: error: cannot be read: ENOENT',
    ])
    expect(loadConfig(folder, () => undefined).problems[0]?.message).toBe('cannot be read: EISDIR')
  })
})
