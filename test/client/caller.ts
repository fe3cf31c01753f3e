import { ApiError, type Client, type ClientOptions, createClient } from 'keyward/client'
import { createTestRuntime, type TestRuntime } from './test-runtime.ts'

/** A key as an API would have issued it. */
export const API_KEY = 'sk_test_4fzPqW9cYb2x/Zk1'

/** Makes a client of a server in which nothing waits. */
export function callerOf(
  url: string,
  options: Partial<ClientOptions> = {},
  runtime: TestRuntime = createTestRuntime(),
): Client {
  return createClient({ baseUrl: url, apiKey: API_KEY, runtime, ...options })
}

/** The error that a call fails with; fails itself when there is none, or another one. */
export async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => undefined,
    (thrown) => thrown,
  )
  if (error instanceof ApiError) return error
  throw new Error('The call did not fail with an ApiError.', { cause: error })
}
