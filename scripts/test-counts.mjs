import { readFileSync } from 'node:fs'

// Prints "<passed> <failed>" for a report of `vitest run --reporter=json`. A file that failed without a
// failed test (it could not be loaded, or prepared) is one failure. So is a report that cannot be read.
try {
  const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const unprepared = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  )
  console.log(report.numPassedTests, report.numFailedTests + unprepared.length)
} catch {
  console.log(0, 1)
}
