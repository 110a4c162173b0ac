import { openEmbeddedOrchestrator } from '../../../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { systemClock, systemRandom } from '../../../../src/adapters/system/clock.ts'
import { hold } from './tasks.ts'

/** Serves the file given as its argument with a task that never ends, until killed. */
const path = process.argv[2]!
const orchestrator = openEmbeddedOrchestrator({ path, clock: systemClock, random: systemRandom })
await orchestrator.serve(
  {
    user_automation: task => {
      task.logger.log('info', 'holding')
      return hold(task)
    },
  },
  new AbortController().signal,
)
