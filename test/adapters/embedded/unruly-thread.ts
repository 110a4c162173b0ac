import { parentPort, workerData } from 'node:worker_threads'
import type { StageReport } from '../../../src/ports/processor.ts'

// A stage's thread that does not do as it is told.
const { how } = workerData as { how: 'ignores' | 'exits' | 'throws' }
const running: StageReport = { kind: 'state', state: 'running', error: null }
parentPort!.postMessage(running)
parentPort!.on('message', () => {})
if (how === 'exits') process.exit(3)
if (how === 'throws') throw new Error('A fault in a timer of the pipeline file.')
