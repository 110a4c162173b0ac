import { parentPort, workerData } from 'node:worker_threads'
import { asMillraceError } from '../../sdk/errors.ts'
import { type SimulatorOptions, startSimulator } from './simulator.ts'
import type { FromSimulatorThread } from './simulator-thread.ts'

// The thread's entry: says where the simulator listens, or why it does not. Ended by terminating it.
const answer: FromSimulatorThread = await startSimulator(workerData as SimulatorOptions).then(
  ({ url }) => ({ url }),
  error => ({ error: asMillraceError(error).toJSON() }),
)
parentPort?.postMessage(answer)
