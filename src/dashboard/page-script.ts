/**
 * The script of every page, as browsers get it: it only makes nicer what works without it. Text is put in as text, never as
 * markup, but for pages of this very dashboard that the server has escaped.
 */
export const PAGE_SCRIPT = String.raw`'use strict';
(() => {
  const every = (selector, root = document) => [...root.querySelectorAll(selector)]
  const language = document.documentElement.dataset.language || undefined
  const exact = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' })
  const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' })
  const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
  const dayOfYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' })
  const relative = new Intl.RelativeTimeFormat(language || 'en', { numeric: 'auto', style: 'short' })
  const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]

  function relativeText(date) {
    const seconds = Math.round((date - Date.now()) / 1000)
    if (Math.abs(seconds) > 30 * 86400) return dayOfYear.format(date)
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) || ['second', 1]
    return relative.format(Math.round(seconds / size), unit).replaceAll('.', '')
  }

  function showTimes(root = document) {
    for (const time of every('time[datetime]', root)) {
      const date = new Date(time.dateTime)
      if (Number.isNaN(date.getTime())) continue
      time.title = exact.format(date)
      const format = time.dataset.format
      time.textContent = format === 'clock' ? clock.format(date) : format === 'day' ? day.format(date) : relativeText(date)
    }
  }

  function selectAll(element) {
    const range = document.createRange()
    range.selectNodeContents(element)
    const selection = getSelection()
    selection.removeAllRanges()
    selection.addRange(range)
  }

  async function copy(button) {
    const from = document.getElementById(button.dataset.copy)
    const before = button.textContent
    try {
      await navigator.clipboard.writeText(from.textContent)
    } catch {
      selectAll(from)
      document.execCommand('copy')
    }
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = before }, 2000)
  }

  function showTip(plot, event) {
    const svg = plot.querySelector('svg')
    const rows = every('tbody tr', plot.parentElement)
    const heads = every('thead th', plot.parentElement)
    const box = svg.getBoundingClientRect()
    const index = Math.floor(((event.clientX - box.left) / box.width) * rows.length)
    const tip = plot.querySelector('.tip')
    if (index < 0 || index >= rows.length) { tip.hidden = true; return }
    const cells = [...rows[index].children]
    const at = new Date(cells[0].querySelector('time').dateTime)
    const values = cells.slice(1).map((cell, column) => heads[column + 1].textContent + '  ' + Number(cell.textContent).toLocaleString(language))
    tip.textContent = [day.format(at) + ', ' + clock.format(at), ...values].join('\n')
    tip.hidden = false
    const middle = box.left - plot.getBoundingClientRect().left + ((index + 0.5) / rows.length) * box.width
    const half = tip.offsetWidth / 2
    tip.style.left = Math.min(Math.max(middle, half), plot.clientWidth - half) + 'px'
  }

  function enhance(root = document) {
    showTimes(root)
    for (const button of every('[data-copy]', root)) button.hidden = false
    for (const text of every('[data-origin]', root))
      text.textContent = text.textContent.replaceAll(text.dataset.origin, location.origin)
    for (const plot of every('[data-chart]', root)) {
      plot.addEventListener('pointermove', (event) => showTip(plot, event))
      plot.addEventListener('pointerleave', () => { plot.querySelector('.tip').hidden = true })
    }
  }

  // A form on a page of its own becomes a dialog on the page that leads to it.
  async function openDialog(link) {
    const response = await fetch(link.href)
    if (!response.ok) { location.href = link.href; return }
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    const main = page.querySelector('main')
    const dialog = document.createElement('dialog')
    dialog.append(...main.childNodes)
    const title = dialog.querySelector('h1')
    if (title) { title.id = 'dialog-title'; dialog.setAttribute('aria-labelledby', 'dialog-title') }
    dialog.addEventListener('close', () => { dialog.remove(); link.focus() })
    document.body.append(dialog)
    enhance(dialog)
    dialog.showModal()
    const first = dialog.querySelector('[autofocus]')
    if (first) first.focus()
  }

  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : undefined
    const button = target && target.closest('[data-copy]')
    if (button) { copy(button); return }
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    const closing = target && target.closest('dialog [data-cancel]')
    if (closing) { event.preventDefault(); closing.closest('dialog').close(); return }
    const link = target && target.closest('a[data-dialog]')
    if (link) { event.preventDefault(); openDialog(link).catch(() => { location.href = link.href }) }
  })

  // A key that is shown once: leaving asks once, and nothing of it stays behind.
  const secret = document.querySelector('[data-secret]')
  if (secret) {
    selectAll(secret)
    // The listener stays: Chromium does not ask for one that is gone when the event is over.
    let mayLeave = false
    addEventListener('beforeunload', (event) => {
      if (mayLeave) return
      mayLeave = true
      event.preventDefault()
    })
    for (const link of every('[data-stored]')) link.addEventListener('click', () => { mayLeave = true })
    addEventListener('pagehide', () => { for (const element of every('.secret')) element.remove() })
  }

  // What a form has done is not done again by a reload: the address becomes that of the page it led to.
  const address = document.body.dataset.address
  if (address) history.replaceState(null, '', address)

  // Numbers go on by themselves while somebody looks.
  const lives = every('[data-live]').map(({ id }) => id)
  let isOver = false
  async function renew() {
    if (document.hidden || isOver || document.querySelector('dialog')) return
    const response = await fetch(location.href, { headers: { 'X-Requested-With': 'keyward' } })
    if (!response.ok) { isOver = response.status < 500; return }
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    for (const id of lives) {
      const fresh = page.getElementById(id)
      const old = document.getElementById(id)
      if (!fresh || !old || old.contains(document.activeElement) || old.matches(':hover')) continue
      const isSame = fresh.dataset.live === old.dataset.live && fresh.textContent === old.dataset.text
      if (isSame) continue
      fresh.dataset.text = fresh.textContent
      enhance(fresh)
      old.replaceWith(fresh)
    }
  }
  if (lives.length > 0 && !secret) setInterval(() => { renew().catch(() => {}) }, 4000)

  enhance()
  setInterval(() => showTimes(), 30000)
  for (const select of every('select[data-send]'))
    select.addEventListener('change', () => select.form.requestSubmit())
})()
`
