import ts from 'typescript'
import { projectRoot } from './source-tree.ts'

const unitInName = /(Seconds|Ms|Bytes|Characters|Version|Sequence)$|^(status|port|version|sequence)$/
const unitInText =
  /\b(milliseconds?|seconds?|minutes?|hours?|days?|bytes?|characters?|credits?|units?|bits?|HTTP status|whole numbers?|numbers? of|how many|count|from \d|\d+ to \d|at (most|least) [\d`]|(above|below) \d|1, 2, 3|raised by one|version)\b/i

/**
 * Names every declaration that the entry points export, or that these lead to, which has no doc comment or one
 * whose first sentence does not end; and every number among them that says neither in its name nor in its doc
 * comment what is counted.
 */
export function findUndocumented(program: ts.Program, entryPoints: readonly string[]): readonly string[] {
  const checker = program.getTypeChecker()
  const complaints = new Set<string>()
  const seen = new Set<ts.Node>()

  const visitSymbol = (symbol: ts.Symbol): void => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const declarations = (target.declarations ?? []).filter(isOurs)
    const first = declarations[0]
    if (first === undefined || declarations.some((declaration) => seen.has(declaration))) return
    for (const declaration of declarations) seen.add(declaration)
    if (!isSentence(docOf(target))) complain(first, `${target.name} has no doc comment with a whole first sentence`)
    for (const declaration of declarations) visitDeclaration(declaration)
  }

  const visitDeclaration = (node: ts.Node): void => {
    if (ts.isBlock(node) || isPrivate(node)) return
    if ((ts.isPropertySignature(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node)) && holdsNumber(node)) {
      const name = node.name.getText()
      const doc = ts.isParameter(node) ? parameterDoc(node, name) : docOf(checker.getSymbolAtLocation(node.name))
      if (!unitInName.test(name) && !unitInText.test(doc)) complain(node, `${name} is a number of what?`)
    }
    const named = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined
    const symbol = named === undefined ? undefined : checker.getSymbolAtLocation(named)
    if (symbol !== undefined && !(symbol.flags & ts.SymbolFlags.TypeParameter)) visitSymbol(symbol)
    ts.forEachChild(node, (child) => {
      const isValue = ts.isExpression(child) && !ts.isArrowFunction(child) && !ts.isExpressionWithTypeArguments(child)
      if (!isValue) visitDeclaration(child)
    })
  }

  const docOf = (documented: ts.Symbol | ts.Signature | undefined) =>
    ts.displayPartsToString(documented?.getDocumentationComment(checker))

  /** What is said of a parameter: at its tag, at its namesake's on the same type, or in the comment as a whole. */
  const parameterDoc = (node: ts.ParameterDeclaration, name: string): string => {
    const signature = checker.getSignatureFromDeclaration(node.parent as ts.SignatureDeclaration)
    const own = (signature?.getJsDocTags() ?? []).map(({ text }) => ts.displayPartsToString(text))
    const member = node.parent.parent
    const siblings = ts.isInterfaceDeclaration(member) || ts.isClassDeclaration(member) ? member.members : []
    const theirs = siblings.flatMap((sibling) => ts.getJSDocTags(sibling)).filter(ts.isJSDocParameterTag)
    const tagged = [
      ...own.filter((text) => text.startsWith(`${name} `)),
      ...theirs.filter((tag) => tag.name.getText() === name).map(({ comment }) => ts.getTextOfJSDocComment(comment)),
    ]
    return [
      ...tagged,
      docOf(signature),
      docOf(member && 'name' in member ? checker.getSymbolAtLocation(member.name as ts.Node) : undefined),
    ].join(' ')
  }

  const holdsNumber = (node: ts.PropertySignature | ts.PropertyDeclaration | ts.ParameterDeclaration): boolean => {
    const type = checker.getTypeAtLocation(node)
    const members = type.isUnion() ? type.types : [type]
    const isAnyValue = members.some((member) => (member.flags & (ts.TypeFlags.String | ts.TypeFlags.ESSymbol)) !== 0)
    return !isAnyValue && members.some((member) => (member.flags & ts.TypeFlags.Number) !== 0)
  }

  const complain = (node: ts.Node, what: string) => {
    const file = node.getSourceFile()
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1
    complaints.add(`${file.fileName.slice(projectRoot.length)}:${line} ${what}`)
  }

  for (const entryPoint of entryPoints) {
    const file = program.getSourceFile(projectRoot + entryPoint)
    const module = file && checker.getSymbolAtLocation(file)
    if (module === undefined) complaints.add(`${entryPoint} exports nothing`)
    else for (const symbol of checker.getExportsOfModule(module)) visitSymbol(symbol)
  }
  return [...complaints]
}

function isOurs(node: ts.Node): boolean {
  const { fileName } = node.getSourceFile()
  return fileName.startsWith(projectRoot) && !fileName.includes('/node_modules/')
}

/** Whether the first paragraph ends a sentence: a full stop, or a colon before a list. */
function isSentence(doc: string): boolean {
  return /\S[\s\S]*?[.:](\s|$)/.test(doc.split(/\n\s*\n/)[0] ?? '')
}

function isPrivate(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node))
    return ts.isPrivateIdentifier(node.name) || (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0
  return false
}
