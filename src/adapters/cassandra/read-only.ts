import { MillraceError } from '../../sdk/errors.ts'

/** Comments, texts, quoted names and texts between dollars, so that what they contain is not taken for CQL. */
const parts = /--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$/g

/** The statement as it may be sent: one `SELECT`, which is all of CQL that only reads rows. @throws MillraceError `QUERY_INVALID`. */
export function readOnly(statement: string): string {
  const bare = statement.replace(parts, part => (/^(?:--|\/\/|\/\*)/.test(part) ? ' ' : '?')).replace(/[\s;]+$/, '')
  if (bare.trim() === '') throw new MillraceError('QUERY_INVALID', 'The statement is empty.')
  if (bare.includes(';')) {
    throw new MillraceError('QUERY_INVALID', 'There is more than one statement.', { fix: 'Send them one at a time.' })
  }
  if (!/^\s*select\b/i.test(bare)) {
    throw new MillraceError('QUERY_INVALID', 'Only statements that read are possible here.', {
      fix: 'Use SELECT. Rows are changed by the stage that writes the table.',
    })
  }
  return statement.replace(/[\s;]+$/, '')
}
