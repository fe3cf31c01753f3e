import type { GateCase } from './gate/gate-case.ts'
import { sharingCases } from './gate/sharing-cases.ts'
import { windowCases } from './gate/window-cases.ts'

/**
 * Everything that a `Gate` promises, as named cases for any test runner. There is nothing to skip: a gate passes all
 * of them or is not one. Each case creates a gate of its own from the harness: `run(harness)`.
 */
export const gateContract: readonly GateCase[] = [...windowCases, ...sharingCases]
