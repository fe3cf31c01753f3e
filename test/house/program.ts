import ts from 'typescript'
import { projectRoot, type SourceTree } from './source-tree.ts'

/**
 * Type-checks files that exist only in memory, as if they lay at the given paths of the project, together with
 * the files of the project that they import (`keyward` and `keyward/…` are taken from source).
 */
export function createProgram(
  files: SourceTree,
  roots: readonly string[],
  options: ts.CompilerOptions = {},
): ts.Program {
  const config = ts.getParsedCommandLineOfConfigFile(`${projectRoot}tsconfig.json`, options, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'))
    },
  })
  if (config === undefined) throw new Error('tsconfig.json cannot be read')
  const host = ts.createCompilerHost(config.options)
  const { fileExists, readFile, getSourceFile } = host
  const inMemory = (path: string) =>
    path.startsWith(projectRoot) ? files.get(path.slice(projectRoot.length)) : undefined
  host.fileExists = (path) => inMemory(path) !== undefined || fileExists(path)
  host.readFile = (path) => inMemory(path) ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const text = inMemory(path)
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version, true)
  }
  return ts.createProgram(
    roots.map((root) => projectRoot + root),
    config.options,
    host,
  )
}
