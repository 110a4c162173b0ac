import fc from 'fast-check'

/**
 * Property tests take the same examples in every run, so that a failure is of the change and not of the draw.
 * `MILLRACE_PROPERTIES=1000` draws anew, that many for each property that does
 * not set its own number: to look for what nobody thought of.
 */
const drawn = process.env.MILLRACE_PROPERTIES
fc.configureGlobal(drawn === undefined ? { seed: 20_261_123 } : { numRuns: Number(drawn) })
