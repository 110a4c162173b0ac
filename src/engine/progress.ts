import type { Clock } from '../ports/clock.ts'
import type { StepTimes } from '../ports/processor.ts'

type Step = keyof StepTimes

/** Adds up where a batch's time goes; `lap` closes the step that ran since the lap before. */
export class StepTimer {
  readonly #clock: Clock
  #last: number
  readonly ms: { -readonly [step in Step]: number } = { read: 0, decode: 0, transform: 0, sink: 0, commit: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#last = clock.elapsed()
  }

  lap(step: Step): void {
    const now = this.#clock.elapsed()
    this.ms[step] += now - this.#last
    this.#last = now
  }
}
