const END = 0xffffffff

/** A stretch of memory in blocks of one size. The free ones form a list inside the memory itself. */
export class TickSlab {
  readonly ticks: Uint32Array
  readonly blockEntries: number
  readonly blocks: number
  /** Number of blocks that are lent. */
  lent = 0
  /** Where the first free block begins. */
  free = 0

  constructor(blockEntries: number, blocks: number) {
    this.ticks = new Uint32Array(blockEntries * blocks)
    this.blockEntries = blockEntries
    this.blocks = blocks
    for (let block = 1; block < blocks; block++) this.ticks[(block - 1) * blockEntries] = block * blockEntries
    this.ticks[(blocks - 1) * blockEntries] = END
  }
}

/**
 * Lends blocks of 32-bit entries out of larger arrays, and gives an array back to the runtime once nobody uses any
 * of its blocks. A typed array of its own costs a log 220 to 330 bytes before it holds anything; a block costs its
 * entries.
 */
export class TickPool {
  private readonly slabEntries: number
  /** Slabs that have a free block, by the size of their blocks. */
  private readonly open = new Map<number, Set<TickSlab>>()

  /** @param slabEntries - Size of an array, in entries of 4 bytes: as many blocks as fit, at least one. */
  constructor(slabEntries: number) {
    this.slabEntries = slabEntries
  }

  /** Finds or makes a slab that has a free block of this many entries; {@link lend} takes it. */
  slabFor(blockEntries: number): TickSlab {
    const slabs = this.openSlabs(blockEntries)
    for (const slab of slabs) return slab
    const slab = new TickSlab(blockEntries, Math.max(1, Math.floor(this.slabEntries / blockEntries)))
    slabs.add(slab)
    return slab
  }

  /** Takes a free block of a slab and says where it begins. What it holds is undefined. */
  lend(slab: TickSlab): number {
    const base = slab.free
    slab.free = slab.ticks[base]!
    slab.lent += 1
    if (slab.lent === slab.blocks) this.openSlabs(slab.blockEntries).delete(slab)
    return base
  }

  /** Takes a block back. */
  giveBack(slab: TickSlab, base: number): void {
    slab.ticks[base] = slab.free
    slab.free = base
    slab.lent -= 1
    const slabs = this.openSlabs(slab.blockEntries)
    if (slab.lent > 0) slabs.add(slab)
    else slabs.delete(slab)
  }

  private openSlabs(blockEntries: number): Set<TickSlab> {
    let slabs = this.open.get(blockEntries)
    if (slabs === undefined) {
      slabs = new Set()
      this.open.set(blockEntries, slabs)
    }
    return slabs
  }
}
