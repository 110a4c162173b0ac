import { asMillraceError, MillraceError } from '../sdk/errors.ts'

/** A declaration that cannot be compiled, with everything that is wrong with it. */
export class PlanInvalid extends MillraceError {
  /** At least one; each with its code, its place such as `users › user_automation › select.first_name`, and its fix. */
  readonly faults: readonly MillraceError[]

  constructor(pipeline: string, faults: readonly MillraceError[]) {
    const lines = faults.map(
      fault => `  ${fault.code} ${fault.place}: ${fault.message}${fault.fix ? ` ${fault.fix}` : ''}`,
    )
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
    super('PIPELINE_INVALID', `${count} in pipeline ${pipeline}\n${lines.join('\n')}`, { place: pipeline })
    this.name = 'PlanInvalid'
    this.faults = faults
  }
}

/** Faults collected while compiling goes on, so that one run shows all of them. */
export class Faults {
  readonly all: MillraceError[] = []

  /** What `work` gives; null if it throws, with the error kept under `place`. */
  try<T>(place: string, work: () => T): T | null {
    try {
      return work()
    } catch (thrown) {
      this.keep(place, asMillraceError(thrown, 'PIPELINE_INVALID'))
      return null
    }
  }

  add(place: string, code: MillraceError['code'], message: string, fix: string): void {
    this.keep(place, new MillraceError(code, message, { fix }))
  }

  private keep(place: string, { code, message, fix, cause }: MillraceError): void {
    const twice = this.all.some(other => other.code === code && other.place === place && other.message === message)
    if (!twice) this.all.push(new MillraceError(code, message, { place, ...(fix === null ? {} : { fix }), cause }))
  }
}
