import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { inTime, isGatewayError } from '@tianjillm/core'
import { DocumentFault } from './fault.ts'

/** Milliseconds. Ten mebibytes take about five seconds of a core. */
const DEADLINE = 30_000

/** Megabytes of a thread, which a document of aliases of aliases could fill. */
const MEMORY = { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 64 }

/** That no key is there twice takes as long to see as all the rest. */
const how = { merge: true, prettyErrors: false, logLevel: 'error', uniqueKeys: false }

/** What the thread does. It answers JSON, for that has neither aliases nor cycles. */
const work = `
const { parentPort, workerData } = require('node:worker_threads')
const { parse } = require(workerData.library)
parentPort.postMessage(JSON.stringify(parse(workerData.text, workerData.how)) ?? 'null')
`

/** A document of YAML; read in a thread of its own, for meanwhile there are requests to answer. Rejects with DocumentFault. */
export async function parseYaml(text: string): Promise<unknown> {
  const library = createRequire(import.meta.url).resolve('yaml')
  const worker = new Worker(work, {
    eval: true,
    workerData: { text, library, how },
    resourceLimits: MEMORY,
    execArgv: [],
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  worker.on('message', resolve).on('error', reject)
  worker.on('exit', () => reject(new DocumentFault('takes too long to be read')))
  try {
    return JSON.parse(await inTime(DEADLINE, () => promise))
  } catch (cause) {
    if (cause instanceof DocumentFault) throw cause
    const isTooMuch = isGatewayError(cause) || (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    throw new DocumentFault(isTooMuch ? 'takes too long to be read' : 'is neither JSON nor YAML', { cause })
  } finally {
    void worker.terminate()
  }
}
