import type { ChannelCase } from './channel/channel-case.ts'
import { hearingCases } from './channel/hearing-cases.ts'
import { lossCases } from './channel/loss-cases.ts'

/**
 * Everything that a `Channel` promises, as named cases for any test runner. There is nothing to skip: a channel passes
 * all of them or is not one. Each case creates a channel of its own from the harness: `run(harness)`.
 */
export const channelContract: readonly ChannelCase[] = [...hearingCases, ...lossCases]
