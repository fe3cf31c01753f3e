import ts from 'typescript'
import { listImports } from './imports.ts'
import type { SourceTree } from './source-tree.ts'

const bannedName =
  /^(utils?|helpers?|common|shared|misc|libs?|types|constants|.*-(utils?|helpers?|types|constants|manager|service))$/
const entryPoint =
  /^(src\/(index|stores\/(?<driver>sqlite|postgres|mysql|redis)\/\k<driver>|sessions\/sessions|manage\/manage|dashboard\/dashboard|otel\/otel|client\/client|testing\/testing)\.ts|adapters\/[^/]+\.ts)$/
const core = /^src\/(?!stores\/|manage\/|client\/|otel\/|dashboard\/|cli\/|testing\/)/
const adapter = /^adapters\//
const clockReads = new Set(['Date.now', 'performance.now', 'Math.random'])
const headerName = /^(authorization|referer|origin|host|cookie|forwarded|ratelimit|bearer|basic|[a-z]+(-[a-z]+)+)$/i
const code = /^[a-z]+(_[a-z]+)+$/

/** Names every file and folder called after nothing in particular (STYLE, section 3). */
export function findBannedNames(paths: Iterable<string>): readonly string[] {
  return [...paths].filter((path) => path.split('/').some((part) => bannedName.test(part.replace(/(\.\w+)+$/, ''))))
}

/** Names every breach of the manners that can be seen in one file: of the core, of adapters, and of all source files. */
export function findBadManners(tree: SourceTree): readonly string[] {
  return [...tree].flatMap(([path, text]) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    const found: string[] = []
    const visit = (node: ts.Node): void => {
      const breach =
        breachAnywhere(node) ??
        (core.test(path) ? breachInCore(node) : adapter.test(path) ? breachInAdapter(node) : undefined)
      if (breach !== undefined)
        found.push(
          `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${breach}: ${node.getText().slice(0, 60)}`,
        )
      ts.forEachChild(node, visit)
    }
    visit(file)
    if (!entryPoint.test(path) && listImports(path, text).some(({ reExport }) => reExport))
      found.push(`${path} re-exports, and is no entry point`)
    return found
  })
}

function breachAnywhere(node: ts.Node): string | undefined {
  if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword)
    return ts.isExportAssignment(node) || !ts.isDefaultClause(node.parent) ? 'exports without a name' : undefined
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console') return 'writes to the console'
  return undefined
}

function breachInCore(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && clockReads.has(node.getText())) return 'has a clock or dice of its own'
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'has a clock of its own'
  return undefined
}

function breachInAdapter(node: ts.Node): string | undefined {
  if (ts.isNumericLiteral(node) && /^[1-5]\d\d$/.test(node.text)) return 'decides a status'
  if (ts.isPropertyAccessExpression(node) && /^(authorization|referer)$/.test(node.name.text)) return 'names a header'
  if (!ts.isStringLiteralLike(node) || ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent))
    return undefined
  if (headerName.test(node.text)) return 'names a header or scheme'
  return code.test(node.text) ? 'names a code' : undefined
}
