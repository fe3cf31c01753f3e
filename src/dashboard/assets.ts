import { digestApiKey } from '../index.ts'
import { ICON } from './icon.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { STYLE_SHEET } from './style-sheet.ts'

/** A file that pages load. */
export interface Asset {
  /** Its name changes with its content. */
  readonly name: string
  readonly contentType: string
  readonly text: string
}

/** The files that pages load, all below the mount. */
export interface Assets {
  readonly style: Asset
  readonly script: Asset
  readonly icon: Asset
}

/** Names the files by what is in them. */
export async function nameAssets(): Promise<Assets> {
  const [style, script, icon] = await Promise.all([
    asset('style', 'css', 'text/css', STYLE_SHEET),
    asset('script', 'js', 'text/javascript', PAGE_SCRIPT),
    asset('icon', 'svg', 'image/svg+xml', ICON),
  ])
  return { style, script, icon }
}

async function asset(name: string, ending: string, mediaType: string, text: string): Promise<Asset> {
  const digest = await digestApiKey(text)
  return { name: `${name}-${digest.slice(0, 12)}.${ending}`, contentType: `${mediaType}; charset=utf-8`, text }
}
