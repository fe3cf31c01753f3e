import { randomUUID } from 'node:crypto'
import type { Attribution } from 'keyward'
import type { Documents } from '../documents.ts'

/** A video that somebody asked for, with the app that asked. */
export interface Generation {
  readonly id: string
  readonly model: string
  readonly prompt: string
  readonly status: 'queued'
  readonly created_at: string
  readonly application_name: string | null
  readonly attribution: { readonly referer: string | null; readonly title: string | null }
}

/** Makes a generation, and keeps it with the app that asked. */
export async function addGeneration(
  documents: Documents,
  owner: string,
  { model, prompt }: { readonly model: string; readonly prompt: string },
  { applicationName, referer, title }: Attribution,
): Promise<Generation> {
  const generation: Generation = {
    id: `gen_${randomUUID()}`,
    model,
    prompt,
    status: 'queued',
    created_at: new Date().toISOString(),
    application_name: applicationName,
    attribution: { referer, title },
  }
  await documents.add(owner, generation.id, generation)
  return generation
}
