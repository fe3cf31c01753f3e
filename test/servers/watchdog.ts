import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Ends a server and removes its folder when this process is gone, however it went. */
export interface Watchdog {
  /** Says which process to end: `undefined` when there is none at present. */
  watch(pid: number | undefined): void
  /** Has nothing done any more. Call it when the server has ended and its folder is removed. */
  dismiss(): void
}

// Reads process ids until the pipe closes, which it does when the other end's process dies, and then ends the last one.
const script = `
while read -r line; do pid=$line; done
if [ "$pid" != none ]; then
  kill -CONT "$pid"; kill -"$1" "$pid"
  for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" || break; sleep 0.1; done
  kill -KILL "$pid"
fi 2>/dev/null
rm -rf "$2" || { sleep 0.5; rm -rf "$2"; }
`

/**
 * Starts a watchdog: a small shell of its own session, which a SIGKILL of this process does not reach.
 *
 * @param folder - Folder to remove.
 * @param signal - What ends the server in an orderly and quick way.
 */
export function startWatchdog(folder: string, signal: NodeJS.Signals): Watchdog {
  const shell: ChildProcess = spawn('sh', ['-c', script, 'watchdog', signal.slice(3), folder], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const pipe = shell.stdin as Socket
  pipe.on('error', () => {})
  shell.unref()
  pipe.unref()
  const watch = (pid: number | undefined): void => void pipe.write(`${pid ?? 'none'}\n`)
  watch(undefined)
  return { watch, dismiss: () => void shell.kill('SIGKILL') }
}
