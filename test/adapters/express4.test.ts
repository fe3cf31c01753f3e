import { createRequire } from 'node:module'
import { describeAdapter } from './contract.ts'
import { type ExpressModule, expressHarness } from './express-harness.ts'

const express4: ExpressModule = createRequire(import.meta.url)('express4')

describeAdapter('Express 4', expressHarness(express4))
