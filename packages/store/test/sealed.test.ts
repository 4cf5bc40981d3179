import { expect, test } from 'vitest'
import { createSeal } from '../src/index.ts'

const seal = createSeal('sk-a-master-key')

test('what is sealed is opened by the same secret, at the same place', () => {
  const closed = seal.close('pässword', 'table/1')
  expect(closed).not.toContain('pässword')
  expect(createSeal('sk-a-master-key').open(closed, 'table/1')).toBe('pässword')
})

test('another secret opens nothing, nor does another place', () => {
  const closed = seal.close('password', 'table/1')
  expect(createSeal('sk-another').open(closed, 'table/1')).toBeUndefined()
  expect(seal.open(closed, 'table/2')).toBeUndefined()
})

test('the same text is never sealed alike', () => {
  expect(seal.close('password', 'table/1')).not.toBe(seal.close('password', 'table/1'))
})

test.each([
  ['changed', (closed: string) => `${closed.slice(0, -4)}AAAA`],
  ['cut', (closed: string) => closed.slice(0, 20)],
  ['of another kind', () => 'password'],
  ['empty', () => ''],
])('what was %s is not opened', (_, change) => {
  expect(seal.open(change(seal.close('password', 'table/1')), 'table/1')).toBeUndefined()
})
