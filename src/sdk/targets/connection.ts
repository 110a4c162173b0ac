/** The environment variable that holds the secret. */
export type SecretInEnvironment = { readonly env: string }

/** A file that holds the secret and nothing else; readable by its owner only. A relative path starts at the project's directory. */
export type SecretInFile = { readonly file: string }

/** Files in PEM. Relative paths start at the project's directory. */
export type TlsFiles = {
  /** Certificate authorities to trust in place of Node's. */
  readonly ca?: string
  /** Our certificate, for a server that asks for one (mTLS); with `key`. */
  readonly cert?: string
  readonly key?: string
  /** Of the key, if it is encrypted. */
  readonly passphrase?: SecretInEnvironment
  /** The name the server's certificate must have. Default: the host connected to; another behind a tunnel. */
  readonly serverName?: string
}
