import { once } from 'node:events'
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startProxy, type TcpProxy } from './proxy.ts'
import { until } from './until.ts'

describe('startProxy()', () => {
  let echo: NetServer
  let proxy: TcpProxy
  let received: string
  let atServer: Socket[]

  beforeEach(async () => {
    received = ''
    atServer = []
    echo = createServer((socket) => {
      atServer.push(socket)
      socket.setEncoding('utf8').on('error', () => {})
      socket.on('data', (text) => {
        received += text
        socket.write(text)
      })
    })
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    proxy = await startProxy((echo.address() as { port: number }).port)
  })

  afterEach(async () => {
    await proxy.stop()
    await proxy.stop()
    echo.close()
  })

  /** A client that notes what comes back. */
  async function client() {
    const socket = connect(proxy.port, proxy.host).setEncoding('utf8')
    const seen = { text: '', error: '', closed: false }
    socket.on('data', (text) => {
      seen.text += text
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.error = error.code ?? ''
    })
    socket.on('close', () => {
      seen.closed = true
    })
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
    return { socket, seen }
  }

  it('passes bytes and the end both ways', async () => {
    const { socket, seen } = await client()
    socket.write('hello')
    await until('the echo', () => seen.text === 'hello')
    atServer[0]?.end()
    await until('the end', () => seen.closed)
    await until('the proxy forgets the connection', () => proxy.connections === 0)
    expect(seen.error).toBe('')
  })

  it('delays each way, in order', async () => {
    const { socket, seen } = await client()
    proxy.delay(60)
    const from = performance.now()
    socket.write('a')
    setTimeout(() => socket.write('b'), 5)
    await until('the echo', () => seen.text === 'ab')
    expect(performance.now() - from).toBeGreaterThanOrEqual(119)
  })

  it('sends again later what a bad line has lost, in order', async () => {
    const { socket, seen } = await client()
    proxy.disturb({ jitterMs: 20, lossShare: 1 })
    const from = performance.now()
    for (const letter of 'abcdef') {
      socket.write(letter)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await until('the echo', () => seen.text === 'abcdef')
    expect(performance.now() - from).toBeGreaterThanOrEqual(399)
  })

  it('lets nothing through while stalled, new connections included, and delivers it afterwards', async () => {
    const first = await client()
    proxy.stall()
    first.socket.write('one ')
    const second = await client()
    second.socket.write('two')
    await until('both ends open', () => atServer.length === 2)
    await expect(until('anything', () => received !== '', 60)).rejects.toThrow(/in vain/)
    expect([first.seen.closed, second.seen.closed]).toEqual([false, false])
    await proxy.pass()
    await until('the echoes', () => first.seen.text === 'one ' && second.seen.text === 'two')
  })

  it('hides the end of the server while stalled', async () => {
    const { seen } = await client()
    proxy.stall()
    await until('the connection', () => atServer.length === 1)
    atServer[0]?.destroy()
    await expect(until('the end', () => seen.closed, 60)).rejects.toThrow(/in vain/)
    await proxy.pass()
    await until('the end', () => seen.closed)
  })

  it('refuses new connections and keeps the open ones', async () => {
    const open = await client()
    await proxy.refuse()
    expect((await client()).seen.error).toBe('ECONNREFUSED')
    open.socket.write('still')
    await until('the echo', () => open.seen.text === 'still')
    await proxy.pass()
    expect((await client()).seen.error).toBe('')
  })

  it('resets all connections', async () => {
    const { socket, seen } = await client()
    socket.write('x')
    await until('the echo', () => seen.text === 'x')
    proxy.reset()
    await until('the end', () => seen.closed)
    expect(seen.error).toBe('ECONNRESET')
    expect(proxy.connections).toBe(0)
  })

  it('drops what the server answers, while commands still reach it', async () => {
    const { socket, seen } = await client()
    proxy.dropReplies()
    socket.write('done')
    await until('the command arrives', () => received === 'done')
    await expect(until('anything', () => seen.text !== '' || seen.closed, 60)).rejects.toThrow(/in vain/)
    await proxy.pass()
    await until('the end', () => seen.closed)
    expect([seen.text, seen.error]).toEqual(['', 'ECONNRESET'])
  })

  it('puts itself into an address', () => {
    expect(proxy.urlOf('postgres://me@127.0.0.1:1/db')).toBe(`postgres://me@127.0.0.1:${proxy.port}/db`)
  })
})
