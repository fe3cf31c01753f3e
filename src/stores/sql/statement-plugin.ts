import {
  type IdentifierNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type PrimitiveValueListNode,
  type QueryId,
  type QueryResult,
  type RawNode,
  type RootOperationNode,
  type UnknownRow,
  type ValueNode,
} from 'kysely'
import { checkText } from './stored-text.ts'

/**
 * Gives tables, written `keyward_…` in every statement, the configured prefix, and checks and encodes each text that is
 * bound: in one place for all statements.
 */
export class StatementPlugin implements KyselyPlugin {
  readonly #transformer: StatementTransformer

  constructor(prefix: string, encodeText: (text: string) => unknown) {
    this.#transformer = new StatementTransformer(prefix, encodeText)
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    const transformed = this.#transformer.transformNode(node, queryId)
    this.#transformer.leave(transformed)
    return transformed
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return result
  }
}

class StatementTransformer extends OperationNodeTransformer {
  readonly #prefix: string
  readonly #encodeText: (text: string) => unknown
  readonly #done = new WeakSet<OperationNode>()

  constructor(prefix: string, encodeText: (text: string) => unknown) {
    super()
    this.#prefix = prefix
    this.#encodeText = encodeText
  }

  /** Leaves a statement as it is from now on: a part of another one comes by again with the whole. */
  leave(node: OperationNode): void {
    this.#done.add(node)
  }

  protected override transformNodeImpl<T extends OperationNode>(node: T, queryId?: QueryId): T {
    return this.#done.has(node) ? node : super.transformNodeImpl(node, queryId)
  }

  protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
    return { ...node, name: prefixTables(node.name, this.#prefix) }
  }

  protected override transformRaw(node: RawNode): RawNode {
    const sqlFragments = node.sqlFragments.map((fragment) => prefixTables(fragment, this.#prefix))
    return { ...super.transformRaw(node), sqlFragments }
  }

  protected override transformValue(node: ValueNode): ValueNode {
    return node.immediate ? node : { ...node, value: this.#encode(node.value) }
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    return { ...node, values: node.values.map((value) => this.#encode(value)) }
  }

  #encode(value: unknown): unknown {
    return typeof value === 'string' ? this.#encodeText(checkText(value)) : value
  }
}

/** Writes the configured prefix into a statement, or a name. */
export function prefixTables(text: string, prefix: string): string {
  return text.replaceAll('keyward_', prefix)
}
