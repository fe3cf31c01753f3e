import { type Actor, digestApiKey, type RequestContext, receiveOnce } from '../index.ts'
import { markOf } from '../manage/admin-token.ts'
import type { Arrival } from '../manage/arrival.ts'
import { type Authorize, findActor } from '../manage/authorize.ts'
import type { ManageRouter } from '../manage/manage-router.ts'
import { dispatchVisits, type Serve } from '../manage/serve-management.ts'
import { type Asset, type Assets, nameAssets } from './assets.ts'
import { Calls } from './calls.ts'
import { type Channel, channelOf, readCookie, writeCookie } from './cookies.ts'
import { errorPage } from './error-page.tsx'
import { type Page, renderPage } from './layout.tsx'
import { routeOf } from './places.ts'
import { field, readForm } from './read-form.ts'
import { isSameOrigin } from './same-origin.ts'
import type { SampleRequest } from './sample-request.ts'
import { answerAsset, answerPage, redirectTo } from './secured-answer.ts'
import { isPathBelow, SignInDesk, type SignInView } from './sign-in-desk.tsx'
import type { Theme, Visitor } from './visitor.ts'

/** What a dashboard is served with. */
export interface ServeOptions {
  readonly authorize: Authorize | undefined
  readonly signIn: Authorize | undefined
  readonly sample: SampleRequest
}

/** The name of the cookie that a session is known by. */
const SESSION = 'keyward'
/** For visitors with a session of the host's: binds the forms to the browser. */
const FORMS = 'keyward-forms'
const THEME = 'keyward-theme'
const YEAR_SECONDS = 31_536_000

/** Somebody who is let in. */
interface Known {
  readonly actor: Actor
  /** Secret of the browser that form tokens are made from. */
  readonly secret: string
  /** Id of the session, where it is the dashboard's own. */
  readonly session: string | undefined
  /** Cookie to set with the answer. */
  readonly cookie: string | undefined
}

/** One request, and what was found out about it. */
interface Reception {
  readonly arrival: Arrival
  readonly received: RequestContext
  readonly channel: Channel
  readonly assets: Assets
  readonly path: string
}

/**
 * Serves the dashboard. Who looks is asked before anything but style sheet and script is given out; a form acts only with the
 * visitor's own token, sent by a page of the same origin; GET changes nothing.
 */
export function serveDashboard(router: ManageRouter, { authorize, signIn, sample }: ServeOptions): Serve {
  const { keyward } = router
  const dispatch = dispatchVisits(router)
  const desk = signIn && new SignInDesk(keyward, signIn)
  const routes = new Set(router.app.routes.map(({ method, path }) => `${method} ${path}`))
  const unavailable = [
    ...(keyward.usage.isAvailable ? [] : ['/usage', '/rankings']),
    ...(keyward.alerts.isAvailable ? [] : ['/alerts']),
  ]
  for (const path of unavailable) routes.delete(`GET ${path}`)
  let naming: Promise<Assets> | undefined

  async function findKnown({ arrival, channel }: Reception): Promise<Known | undefined> {
    if (signIn !== undefined && channel !== 'open') {
      const session = readCookie(arrival, channel, SESSION)
      const found = session === undefined ? undefined : await keyward.signIns.find(session)
      if (session !== undefined && found !== undefined && found.mark === (await markOf(signIn)))
        return { actor: found.actor, secret: session, session, cookie: undefined }
    }
    if (authorize === undefined) return undefined
    const actor = await findActor(authorize, arrival.request, arrival.native)
    if (actor === undefined) return undefined
    const kept = readCookie(arrival, channel, FORMS)
    const secret = kept ?? keyward.signIns.newForm()
    const cookie = kept === undefined ? writeCookie(channel, FORMS, secret, YEAR_SECONDS) : undefined
    return { actor, secret, session: undefined, cookie }
  }

  function themeOf({ arrival, channel }: Reception): Theme {
    const chosen = readCookie(arrival, channel, THEME)
    return chosen === 'light' || chosen === 'dark' ? chosen : 'auto'
  }

  /** A stranger sees where to sign in, and nothing else. */
  async function answerStranger(reception: Reception, view: SignInView): Promise<Response> {
    const { arrival, received } = reception
    const { address, requestId } = received
    if (view.failure !== undefined) {
      const refusal = { code: view.failure, method: arrival.head.method, route: null, target: null } as const
      await keyward.audit.noteRefusal(refusal, { address, requestId })
    }
    const page = desk
      ? desk.page(view, arrival.basePath, themeOf(reception), reception.assets, reception.channel)
      : SignInDesk.hostPage(arrival.basePath, themeOf(reception), reception.assets)
    const headers: Record<string, string> = {}
    if (view.status === 401) headers['WWW-Authenticate'] = `Session realm="${received.profile.realm}"`
    if (view.retryAfterSeconds !== undefined) headers['Retry-After'] = String(view.retryAfterSeconds)
    return answerPage(received, view.status, page, headers)
  }

  async function answerSignIn(reception: Reception): Promise<Response> {
    const { arrival, received, channel } = reception
    const { method } = arrival.head
    if (desk === undefined || signIn === undefined) return answerOdd(reception, 404)
    const next = new URLSearchParams(arrival.target.split('?')[1] ?? '').get('next') ?? ''
    if (method !== 'POST') {
      const known = await findKnown(reception)
      if (known?.session !== undefined) return redirectTo(received, arrival.basePath + pathOrHome(next))
      return answerStranger(reception, { status: 200, next })
    }
    if (channel === 'open' || !isSameOrigin(arrival))
      return answerStranger(reception, { status: 403, next, failure: 'forbidden' })
    const form = await readForm(arrival)
    if (form === undefined) return answerStranger(reception, { status: 400, next, failure: 'bad_request' })
    const outcome = await desk.signIn(field(form, 'admin-token'), received, arrival)
    const wanted = field(form, 'next')
    if ('view' in outcome) return answerStranger(reception, { ...outcome.view, next: wanted })
    const before = readCookie(arrival, channel, SESSION)
    if (before !== undefined) await keyward.signIns.end(before, contextOf(received))
    const cookie = writeCookie(channel, SESSION, outcome.session, desk.ttlSeconds)
    return redirectTo(received, arrival.basePath + pathOrHome(wanted), cookie)
  }

  function visitorOf(reception: Reception, known: Known, formToken: string, form: URLSearchParams): Visitor {
    const { arrival, received, path } = reception
    const { actor, session } = known
    return {
      actor,
      calls: new Calls(dispatch, { arrival, received, actor }),
      basePath: arrival.basePath,
      path,
      query: new URLSearchParams(arrival.target.split('?')[1] ?? ''),
      form,
      formToken,
      newForm: () => keyward.signIns.newForm(),
      takeForm: (each) => keyward.signIns.takeForm(each),
      theme: themeOf(reception),
      maySignOut: session !== undefined,
      requestId: received.requestId,
      now: new Date(received.now()),
      hasRoute: (method, route) => routes.has(`${method} ${route}`),
      sample,
    }
  }

  async function answerKnown(reception: Reception, known: Known): Promise<Response> {
    const { arrival, received, assets, channel, path } = reception
    const isPost = arrival.head.method === 'POST'
    const formToken = await digestApiKey(`form:${known.secret}`)
    const form = isPost ? await readForm(arrival) : new URLSearchParams()
    const visitor = visitorOf(reception, known, formToken, form ?? new URLSearchParams())
    const show = (page: Page) =>
      answerPage(
        received,
        page.status,
        renderPage(page, visitor, assets),
        known.cookie === undefined ? {} : { 'Set-Cookie': known.cookie },
      )
    try {
      if (isPost) {
        if (form === undefined) return show(errorPage(visitor, { status: 415, code: 'unsupported_media_type' }))
        if (!isSameOrigin(arrival) || form.get('token') !== formToken) return show(errorPage(visitor, FORGED))
        if (path === '/sign-out' && known.session !== undefined) {
          await keyward.signIns.end(known.session, contextOf(received))
          return redirectTo(received, `${arrival.basePath}/sign-in`, writeCookie(channel, SESSION, '', 0))
        }
        if (path === '/theme') {
          const chosen = field(form, 'theme')
          const theme = chosen === 'light' || chosen === 'dark' ? chosen : 'auto'
          const cookie = writeCookie(channel, THEME, theme, theme === 'auto' ? 0 : YEAR_SECONDS)
          return redirectTo(received, arrival.basePath + pathOrHome(field(form, 'back')), cookie)
        }
      }
      const route = routeOf(path)
      if (route === undefined) return show(errorPage(visitor, { status: 404, code: 'not_found' }))
      const handle = isPost ? route.post : route.get
      if (handle === undefined) return show(errorPage(visitor, { status: 405, code: 'method_not_allowed' }))
      const answer = await handle(visitor, route.parameter)
      return answer instanceof Response ? answer : show(answer)
    } catch (error) {
      const { code, status } = keyward.denyError(received, error)
      return show(errorPage(visitor, { code, status }))
    }
  }

  /** What is no address of the dashboard, whoever asks. */
  async function answerOdd({ received }: Pick<Reception, 'received'>, status: 404 | 405): Promise<Response> {
    const text = status === 404 ? 'There is nothing here.' : 'This page is read with GET.'
    return answerPage(received, status, `<!doctype html><title>Not found</title><p>${text}</p>`)
  }

  async function answer(arrival: Arrival, received: RequestContext): Promise<Response> {
    const [raw = ''] = arrival.target.split('?')
    const path = raw === '/' ? '' : raw
    if (!isPathBelow(path) || !isMount(arrival.basePath)) return answerOdd({ received }, 404)
    const { method } = arrival.head
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return answerOdd({ received }, 405)
    naming ??= nameAssets()
    const assets = await naming
    const asset = assetAt(assets, path)
    if (asset !== undefined) return answerAsset(received, asset)
    const reception = { arrival, received, assets, path, channel: channelOf(arrival) }
    // Asked before whoever the host lets in: see serve-management.ts.
    if (await keyward.showsSession(received)) return answerStranger(reception, { status: 403, failure: 'forbidden' })
    if (path === '/sign-in') return answerSignIn(reception)
    const known = await findKnown(reception)
    if (known !== undefined) return answerKnown(reception, known)
    const next = method === 'POST' ? '' : arrival.target
    return answerStranger(reception, {
      status: 401,
      next,
      failure: 'missing_authorization_header',
      isLate: method === 'POST',
    })
  }

  return async (arrival) => {
    const received = receiveOnce(keyward, arrival.subject, arrival.head)
    let made: Response
    try {
      made = await answer(arrival, received)
    } catch (error) {
      const { status } = keyward.denyError(received, error)
      made = answerPage(
        received,
        status,
        `<!doctype html><title>Something went wrong</title><h1>Something went wrong on our side</h1><p>Request ${received.requestId}. Try again.</p>`,
      )
    }
    return arrival.head.method === 'HEAD' ? new Response(null, made) : made
  }
}

const FORGED = { status: 403, code: 'forbidden', reason: 'forged' } as const

function contextOf({ address, requestId }: RequestContext) {
  return { address, requestId }
}

function assetAt(assets: Assets, path: string): Asset | undefined {
  return Object.values(assets).find((each: Asset) => path === `/assets/${each.name}`)
}

/** Takes a path below the mount, or the list of keys in the place of anything else. */
function pathOrHome(target: string): string {
  const [path = ''] = target.split('?')
  return isPathBelow(path) && path !== '/sign-in' ? target.replaceAll(/[^\x21-\x7e]/g, '') : ''
}

/** What links are made from: a mount that began with two slashes would lead to another host. */
function isMount(basePath: string): boolean {
  return /^(\/[\w.~%:@!$&'()*+,;=-]+)*$/.test(basePath)
}
