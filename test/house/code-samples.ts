import ts from 'typescript'
import { createProgram } from './program.ts'
import { projectRoot, type SourceTree } from './source-tree.ts'

/** A piece of TypeScript that users read and copy. */
export interface CodeSample {
  /** File and line at which its first line stands. */
  readonly at: string
  readonly code: string
}

/**
 * Takes the samples out of a text: every fence marked `ts`, in Markdown or in doc comments. A fence marked
 * `ts continued` goes on where the sample before it ended, and is compiled behind it.
 */
export function findCodeSamples(path: string, text: string): readonly CodeSample[] {
  const samples: CodeSample[] = []
  const isDocComment = path.endsWith('.ts')
  const fence = isDocComment
    ? /^ *\* ?```ts( continued)?\n([\s\S]*?)^ *\* ?```/gm
    : /^```ts( continued)?\n([\s\S]*?)^```/gm
  for (const match of text.matchAll(fence)) {
    const [, continued, body = ''] = match
    const code = isDocComment ? body.replace(/^ *\* ?/gm, '') : body
    const at = `${path}:${text.slice(0, match.index).split('\n').length + 1}`
    const before = continued === undefined ? '' : (samples.at(-1)?.code ?? '')
    samples.push({ at, code: before + code })
  }
  return samples
}

/** Compiles each sample as a module of its own, as strictly as the library, and says what is wrong with which. */
export function findBrokenSamples(samples: readonly CodeSample[]): readonly string[] {
  const files: SourceTree = new Map(samples.map(({ code }, index) => [`sample-${index}.ts`, `${code}\nexport {}\n`]))
  const program = createProgram(files, [...files.keys()], { noUnusedLocals: false, noUnusedParameters: false })
  return samples.flatMap(({ at }, index) => {
    const file = program.getSourceFile(`${projectRoot}sample-${index}.ts`)
    return ts
      .getPreEmitDiagnostics(program, file)
      .filter((diagnostic) => diagnostic.file === undefined || diagnostic.file === file)
      .map(({ messageText }) => `${at}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
  })
}
