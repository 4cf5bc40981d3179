import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second, whatever the hardware does. */
const TICK = 0.01
const PAGE = 4096

/** User and system CPU seconds that a process and its descendants have used. */
export function cpuSeconds(pid: number): number {
  return sum(tree(pid), (id) => {
    const fields = statOf(id)
    // `stat` counts ended threads but only whole ticks; `schedstat` is exact but forgets threads that ended.
    const coarse = (Number(fields[11]) + Number(fields[12])) * TICK
    const exact = sum(list(`/proc/${id}/task`), (thread) => firstNumber(`/proc/${id}/task/${thread}/schedstat`) / 1e9)
    return Math.max(coarse, exact)
  })
}

/** Resident bytes of a process and its descendants. */
export function residentBytes(pid: number): number {
  return sum(tree(pid), (id) => Number(read(`/proc/${id}/statm`).split(' ')[1] ?? 0) * PAGE)
}

/** CPU seconds that the machine has been busy, all cores together. */
export function machineBusySeconds(): number {
  const [user, nice, system, , , interrupt, softInterrupt] = read('/proc/stat')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user! + nice! + system! + interrupt! + softInterrupt!) * TICK
}

function tree(root: number): number[] {
  const parents = list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ id: Number(name), parent: Number(statOf(Number(name))[1]) }))
  const found = [root]
  // Grows while it is walked.
  for (const id of found) for (const process of parents) if (process.parent === id) found.push(process.id)
  return found
}

/** The fields behind the program's name, which may hold spaces: state, parent, ... */
function statOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** What a file says; nothing when its process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function firstNumber(path: string): number {
  return Number(read(path).split(' ')[0] || 0)
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + (of(item) || 0), 0)
}
