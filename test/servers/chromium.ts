import { type Browser, chromium } from 'playwright-core'
import { requireServer } from './program.ts'

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

/** Starts a browser; one for each test file. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: requireServer('chromium'), args: FLAGS })
}
