import type { InstanceConfig } from './instance-config.ts'

// Imported before the program and its packages, so that none of them ever sees the machine's own wall clock.
const { skew } = JSON.parse(process.argv[2] ?? '{}') as Partial<InstanceConfig>

if (skew !== undefined) {
  const RealDate = Date
  const startedAt = performance.now()
  const errorMs = () => {
    if (skew.stepEveryMs === undefined) return skew.ms
    return Math.floor((performance.now() - startedAt) / skew.stepEveryMs) % 2 === 0 ? skew.ms : -skew.ms
  }
  const now = () => RealDate.now() + errorMs()
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: [], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  })
}
