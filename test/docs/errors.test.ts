import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { errorKinds } from '../../src/sdk/errors.ts'

const errors = join(import.meta.dirname, '../../src/sdk/errors.ts')
const page = '../../docs/errors.md'

const advice = { now: 'at once', later: 'later', never: 'after a change' }

/** The sections are the comments in the table of codes. */
function render(): string {
  const lines = readFileSync(errors, 'utf8').split('\n')
  const table = lines.slice(lines.findIndex(line => line.startsWith('export const errorKinds')))
  const body: string[] = []
  for (const line of table.slice(1, table.indexOf('} as const satisfies Record<string, ErrorKind>'))) {
    const section = line.match(/^ {2}\/\/ (.*)$/)?.[1]
    const code = line.match(/^ {2}([A-Z_]+): /)?.[1] as keyof typeof errorKinds | undefined
    if (section !== undefined)
      body.push(
        '',
        `## ${section[0]!.toUpperCase()}${section.slice(1)}`,
        '',
        '| code | meaning | try again |',
        '|---|---|---|',
      )
    if (code !== undefined)
      body.push(`| \`${code}\` | ${errorKinds[code].meaning} | ${advice[errorKinds[code].retry]} |`)
  }
  return `# Errors

Everything that fails does so with one of these codes, a sentence on what happened, the place (file and line, topic, partition
and offset, URL, field) and what to do about it. \`--json\` prints the same as an object. Codes are never renamed or reused.

«Try again» is the usual advice; an error may know better and then says so in its \`retry\`.
${body.join('\n')}
`
}

it('docs/errors.md lists every code as the code has it', async () => {
  const text = render()
  for (const code of Object.keys(errorKinds)) expect(text).toContain(`\`${code}\``)
  await expect(text).toMatchFileSnapshot(page)
})
