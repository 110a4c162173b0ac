import { MillraceError } from '../sdk/errors.ts'

/** Replaces each `{{name}}`. @throws MillraceError `INVARIANT_BROKEN` for a name without a value. */
export function fillTemplate(text: string, values: { readonly [name: string]: string | number }): string {
  return text.replace(/\{\{([\w.]+)\}\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new MillraceError('INVARIANT_BROKEN', `The template needs ${name}.`)
    return String(value)
  })
}

/** New values of an engine's settings by their names; null takes a setting out. */
export type Settings = { readonly [key: string]: string | null }

/** Sets `key=value`, or `key: value` at the top level of YAML, in place of what the text says. */
export function applySettings(text: string, settings: Settings, yaml: boolean): string {
  const separator = yaml ? ': ' : '='
  let lines = text.trimEnd().split('\n')
  for (const [key, value] of Object.entries(settings)) {
    lines = lines.filter(line => !line.startsWith(yaml ? `${key}:` : `${key}=`))
    if (value !== null) lines.push(`${key}${separator}${value}`)
  }
  return `${lines.join('\n')}\n`
}
