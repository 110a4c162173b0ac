/** A process that holds the state directory it is given, until it is killed. */
import { openStateDirectory } from '../../../src/adapters/embedded/state-directory.ts'

const [path] = process.argv.slice(2)
openStateDirectory(path!, { mode: 'exclusive', command: 'millrace dev' })
process.stdout.write('held\n')
setInterval(() => {}, 60_000)
