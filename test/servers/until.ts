/**
 * Waits until a condition holds, asking every 10 ms.
 *
 * @param what - What is waited for, for the error.
 * @param timeoutMs - Milliseconds after which it gives up. Default 20000.
 * @throws When the time is over, or whatever the condition throws.
 */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
