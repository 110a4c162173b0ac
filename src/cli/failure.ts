import { PlanInvalid } from '../plan/faults.ts'
import { asMillraceError, type ErrorReport, MillraceError } from '../sdk/errors.ts'
import { type CliContext, type ExitCode, exitCodes } from './context.ts'
import type { Output } from './output.ts'
import { printable } from './text.ts'

/** The one way the command line says that something failed. Returns the exit code. */
export async function printFailure(thrown: unknown, context: CliContext, json: boolean): Promise<ExitCode> {
  const error = asMillraceError(thrown)
  const faults = faultsOf(error)
  if (json) await context.stdout.json({ error, ...(faults[0] === error ? {} : { faults }) })
  else for (const fault of faults) await printFault(fault, context.stderr)
  return error.retry === 'never' ? exitCodes.refused : exitCodes.failed
}

/** What is wrong, one by one. */
export function faultsOf(error: MillraceError): readonly MillraceError[] {
  return error instanceof PlanInvalid ? error.faults : [error]
}

export async function printFault(fault: MillraceError | ErrorReport, output: Output): Promise<void> {
  const [first = '', ...rest] = fault.message.split('\n')
  await output.line(`${output.style('red', '✗')} ${output.style('bold', printable(first))}`)
  for (const line of rest) await output.line(`  ${printable(line)}`)
  const fact = (name: string, text: string) => output.line(`  ${output.style('dim', name.padEnd(5))}  ${text}`)
  if (fault.place !== null) await fact('where', printable(fault.place))
  if (fault.fix !== null) await fact('fix', printable(fault.fix))
  await fact('code', `${fault.code}  (docs/errors.md)`)
  if (fault instanceof MillraceError && fault.code === 'INVARIANT_BROKEN')
    await output.line(output.style('dim', stackOf(fault)))
}

/** A fault of Millrace itself is only of use with the place it came from. */
function stackOf(fault: MillraceError): string {
  const { stack } = fault.cause instanceof Error ? fault.cause : fault
  const frames = stack?.split('\n').filter(line => line.trimStart().startsWith('at ')) ?? []
  return frames.map(printable).join('\n')
}
