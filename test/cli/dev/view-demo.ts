// What a pseudo-terminal runs in the view's tests: the view on a made-up minute. `node view-demo.ts <mode>`.
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { startView } from '../../../src/cli/dev/start-view.ts'
import { snapshotAt } from './snapshots.ts'

const mode = process.argv[2] ?? 'live'
const started = Date.now()
let triggered = 0

const view = startView({
  snapshot: () => snapshotAt(Date.now() - started, triggered),
  stdout: process.stdout,
  stdin: process.stdin,
  json: process.argv.includes('--json'),
  env: process.env,
  clock: systemClock,
  on: {
    trigger: () => {
      triggered++
      if (mode === 'print') console.log(`printed ${triggered}`)
      if (mode === 'crash') throw new Error('crashed on purpose')
      if (mode === 'exit') process.exit(3)
      if (mode === 'terminate') process.kill(process.pid, 'SIGTERM')
    },
    quit,
  },
})

if (mode === 'interrupt') process.on('SIGINT', quit)
if (mode === 'brief') setImmediate(quit)

function quit(): void {
  view.finish()
  process.exitCode = 0
  process.off('SIGINT', quit)
}
