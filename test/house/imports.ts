import { posix } from 'node:path'
import ts from 'typescript'

/** One import or re-export, in whatever form it is written. */
export interface Import {
  /** Path from the project's root for a relative import, else the specifier as it is written. */
  readonly target: string
  readonly typeOnly: boolean
  readonly reExport: boolean
}

/** Lists what a file imports: static, dynamic, type-only, inline `import('…')` types and re-exports. */
export function listImports(path: string, text: string): readonly Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, reExport = false) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    const target = specifier.text.startsWith('.') ? posix.join(posix.dirname(path), specifier.text) : specifier.text
    found.push({ target, typeOnly, reExport })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, true)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isExternalModuleReference(node)) add(node.expression, false)
    else if (ts.isCallExpression(node) && isModuleCall(node)) add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return found
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((element) => element.isTypeOnly)
  )
}

function isModuleCall(call: ts.CallExpression): boolean {
  if (call.expression.kind === ts.SyntaxKind.ImportKeyword) return true
  return ts.isIdentifier(call.expression) && call.expression.text === 'require'
}
