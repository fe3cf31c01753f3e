import { createClient } from 'keyward/client'

/** A file as VideoGen shows it. */
export interface File {
  readonly id: string
  readonly type: 'image'
  readonly prompt: string
  readonly status: string
  readonly created_at: string
}

/** A client of VideoGen: the library's own, under the names of this API. */
export class Client {
  readonly #client

  /** @param token - The API key; default that of `VIDEOGEN_API_KEY`. */
  constructor({ token, baseUrl = 'http://127.0.0.1:3000' }: { token?: string | undefined; baseUrl?: string } = {}) {
    this.#client = createClient({ baseUrl, apiKey: token, apiKeyVariable: 'VIDEOGEN_API_KEY' })
  }

  /** Lists the organization's files, the newest first. */
  async listFiles(): Promise<readonly File[]> {
    const { files } = await this.#client.json<{ files: readonly File[] }>('GET', '/v1/files')
    return files
  }

  /** Makes an image. */
  generateImage(input: { readonly prompt: string }): Promise<File> {
    return this.#client.json('POST', '/v1/tools/generate-image', input)
  }
}
