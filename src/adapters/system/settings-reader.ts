import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MillraceError } from '../../sdk/errors.ts'
import type { SecretInEnvironment, SecretInFile, TlsFiles } from '../../sdk/targets/connection.ts'

/** What a target's settings refer to. */
export interface Surroundings {
  /** Where secrets are. */
  readonly env: { readonly [name: string]: string | undefined }
  /** Relative paths start here. */
  readonly directory: string
}

/** As Node's `tls.connect` takes them. */
export interface TlsSettings {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly servername?: string
}

/** Reads the settings of one adapter; what is wrong is an error that names the option, and never a secret. */
export class SettingsReader {
  readonly #adapter: string
  readonly #surroundings: Surroundings

  /** @param adapter as it is named in a target */
  constructor(adapter: string, surroundings: Surroundings) {
    this.#adapter = adapter
    this.#surroundings = surroundings
  }

  /** @throws MillraceError `CONFIG_INVALID`. */
  secret({ env: name }: SecretInEnvironment, option: string): string {
    const value = typeof name === 'string' ? this.#surroundings.env[name] : undefined
    if (!value)
      throw this.invalid(option, `The environment variable ${name} is not set.`, `Set ${name} where this runs.`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what no header, name or password may contain
    if (!/[\u0000-\u001f\u007f]/.test(value)) return value
    throw this.invalid(option, `The environment variable ${name} has a line break in it.`, 'Take it out of the value.')
  }

  /**
   * The text of a file of its own, without the line's end.
   * @param fix what to do where there is none
   * @throws MillraceError `CONFIG_INVALID`.
   */
  secretFile({ file }: SecretInFile, option: string, fix: string): string {
    return this.#file(file, option, fix).toString().trim()
  }

  /** What need not be a secret, but may be one. @throws MillraceError `CONFIG_INVALID`. */
  text(of: string | SecretInEnvironment, option: string): string {
    return typeof of === 'string' ? of : this.secret(of, option)
  }

  /** @throws MillraceError `CONFIG_INVALID`. */
  tls(files: TlsFiles): TlsSettings {
    if ((files.cert === undefined) !== (files.key === undefined)) {
      throw this.invalid('tls', 'Only one of cert and key is given.', 'Give both, or neither.')
    }
    return {
      ...(files.ca !== undefined && { ca: this.#file(files.ca, 'tls.ca') }),
      ...(files.cert !== undefined && { cert: this.#file(files.cert, 'tls.cert') }),
      ...(files.key !== undefined && { key: this.#file(files.key, 'tls.key') }),
      ...(files.passphrase !== undefined && { passphrase: this.secret(files.passphrase, 'tls.passphrase') }),
      ...(files.serverName !== undefined && { servername: files.serverName }),
    }
  }

  /** A whole number from 1 to `most`. @throws MillraceError `CONFIG_INVALID`. */
  whole(value: number, option: string, most: number): number {
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    throw this.invalid(option, `${value} is out of range.`, `Give a whole number from 1 to ${most}.`)
  }

  invalid(option: string, message: string, fix: string): MillraceError {
    return new MillraceError('CONFIG_INVALID', message, { place: `${this.#adapter} › ${option}`, fix })
  }

  #file(path: string, option: string, fix = 'Correct the path.'): Buffer {
    try {
      return readFileSync(resolve(this.#surroundings.directory, path))
    } catch (cause) {
      throw this.invalid(option, `The file cannot be read: ${(cause as Error).message}.`, fix)
    }
  }
}
