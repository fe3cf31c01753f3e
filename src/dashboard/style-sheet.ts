/**
 * The one style sheet. Its tokens are colours, one scale of space (4 px) and one of type; light and dark differ in colours
 * alone. Nothing is loaded from elsewhere.
 */
export const STYLE_SHEET = `
:root {
  --ground: #fafafb; --card: #fff; --line: #e3e4e8; --ink: #17181c; --muted: #5c606b; --wash: #f1f2f5;
  --accent: #3a54c9; --on-accent: #fff; --good: #1f7a4d; --warn: #8f5b00; --bad: #b3261e;
  --bar-good: #4f74e3; --bar-plain: #a9b0c0; --bar-warn: #e2a33b; --bar-bad: #b3261e;
  --mono: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color-scheme: light;
}
:root[data-theme="dark"] { DARK }
@media (prefers-color-scheme: dark) { :root[data-theme="auto"] { DARK } }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.5 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
h1 { font-size: 20px; line-height: 1.3; margin: 0; letter-spacing: -.01em; font-weight: 620; }
h2 { font-size: 14px; margin: 0; font-weight: 620; }
p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, .mono { font-family: var(--mono); font-size: .93em; overflow-wrap: anywhere; }
small { font-size: 12px; }
.muted { color: var(--muted); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.skip { position: absolute; left: -999px; top: 8px; background: var(--card); padding: 8px 12px; z-index: 9; }
.skip:focus { left: 8px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.frame { display: grid; grid-template-columns: 208px minmax(0, 1fr); min-height: 100vh; }
.sidebar { border-right: 1px solid var(--line); padding: 20px 12px; display: flex; flex-direction: column; gap: 20px; position: sticky; top: 0; height: 100vh; }
.brand { display: flex; align-items: center; gap: 8px; font-weight: 650; color: var(--ink); padding: 0 8px; }
.brand:hover { text-decoration: none; }
.mark-ground { fill: var(--accent); } .mark-line { fill: none; stroke: var(--on-accent); stroke-width: 2; stroke-linecap: round; }
.sidebar nav { display: flex; flex-direction: column; gap: 2px; }
.sidebar nav a { color: var(--muted); padding: 6px 8px; border-radius: 6px; font-weight: 500; }
.sidebar nav a:hover { background: var(--wash); color: var(--ink); text-decoration: none; }
.sidebar nav a[aria-current] { background: var(--wash); color: var(--ink); }
.who { margin-top: auto; display: grid; gap: 12px; padding: 0 8px; font-size: 12px; overflow-wrap: anywhere; }
.themes { display: flex; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.themes button { flex: 1; border: 0; border-radius: 0; background: none; color: var(--muted); padding: 3px 0; font-size: 12px; box-shadow: none; min-height: 0; }
.themes button[aria-pressed="true"] { background: var(--wash); color: var(--ink); }
main { padding: 24px 32px 64px; max-width: 1180px; width: 100%; display: grid; gap: 20px; align-content: start; }
main > *, .card, .grid > * { min-width: 0; }

.page-head { display: flex; flex-wrap: wrap; gap: 12px 24px; align-items: start; justify-content: space-between; }
.page-head h1 { overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; display: grid; gap: 12px; align-content: start; }
.card > header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 8px; }
.card.flush { padding: 0; gap: 0; overflow: hidden; }
.card.flush > header { padding: 12px 16px; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
.prose { max-width: 640px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 16px; }
.figure dt { color: var(--muted); font-size: 12px; }
.figure dd { font-size: 20px; font-weight: 620; letter-spacing: -.01em; }
.figure small { display: block; color: var(--muted); font-weight: 400; letter-spacing: 0; }

button, .button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; font: inherit; font-weight: 550; min-height: 32px; padding: 4px 12px; border-radius: 7px; border: 1px solid var(--line); background: var(--card); color: var(--ink); cursor: pointer; white-space: nowrap; }
button:hover, .button:hover { background: var(--wash); text-decoration: none; }
.primary, .primary:hover { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.primary:hover, .danger:hover { filter: brightness(1.08); }
.danger, .danger:hover { background: var(--bad); border-color: var(--bad); color: var(--card); }
.quiet { border-color: transparent; background: none; color: var(--muted); padding: 4px 0; min-height: 0; }
.copy { min-height: 0; padding: 1px 8px; font-size: 12px; }
input, select, textarea { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--control, #8b909c); border-radius: 7px; padding: 5px 10px; min-height: 34px; width: 100%; }
input[type="checkbox"], input[type="radio"] { width: 16px; min-height: 0; height: 16px; margin: 0; accent-color: var(--accent); flex: none; }
textarea { min-height: 68px; font-family: var(--mono); font-size: 13px; }
.field { display: grid; gap: 4px; }
.field > span:first-child, legend { font-weight: 550; }
.field small, fieldset small { color: var(--muted); }
.field .wrong, .wrong { color: var(--bad); font-size: 13px; }
fieldset { border: 0; margin: 0; padding: 0; display: grid; gap: 8px; }
legend { padding: 0; margin-bottom: 4px; }
.checks { display: flex; flex-wrap: wrap; gap: 8px 16px; }
.checks label { display: flex; gap: 6px; align-items: center; }
.stack { display: grid; gap: 16px; }
.filters { display: flex; flex-wrap: wrap; gap: 8px; align-items: end; }
.filters .field { flex: 0 1 150px; } .filters .wide { flex: 1 1 220px; }
.actions select { width: auto; }
details > summary { cursor: pointer; color: var(--accent); width: max-content; }
details[open] > summary { margin-bottom: 12px; }

table { border-collapse: collapse; width: 100%; }
.rows th, .rows td { text-align: left; padding: 7px 12px; border-top: 1px solid var(--line); vertical-align: middle; }
.rows thead th { font-size: 12px; font-weight: 500; color: var(--muted); white-space: nowrap; border-top: 0; border-bottom: 1px solid var(--line); padding: 8px 12px; }
.rows tbody tr:first-child > * { border-top: 0; }
.rows tbody th { font-weight: 550; }
.rows th:first-child, .rows td:first-child { padding-left: 16px; } .rows th:last-child, .rows td:last-child { padding-right: 16px; }
.rows tbody tr:hover { background: var(--wash); }
.rows .number { text-align: right; white-space: nowrap; }
.rows .name { max-width: 300px; overflow-wrap: anywhere; }
.rows time, .rows td.mono { white-space: nowrap; } .rows td.mono { overflow-wrap: normal; }
.rows .name small { display: block; color: var(--muted); font-weight: 400; }
.tags { display: flex; flex-wrap: wrap; gap: 4px; }
.tag { font-family: var(--mono); font-size: 12px; background: var(--wash); border-radius: 4px; padding: 0 6px; overflow-wrap: anywhere; }
.state { display: inline-flex; gap: 6px; align-items: center; white-space: nowrap; font-weight: 550; }
.state::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; }
.state.hollow::before { background: none; border: 2px solid currentColor; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .plain { color: var(--muted); }
.pages { display: flex; justify-content: space-between; gap: 8px; }
.empty { text-align: center; padding: 48px 16px; display: grid; gap: 16px; justify-items: center; color: var(--muted); }
.empty p { max-width: 440px; }
.notice { border: 1px solid var(--line); border-left: 3px solid var(--accent); border-radius: 7px; padding: 10px 14px; background: var(--card); color: var(--ink); }
.notice.good { border-left-color: var(--good); } .notice.warn { border-left-color: var(--warn); } .notice.bad { border-left-color: var(--bad); }
.notice .button, .notice button { margin-left: 8px; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 16px; }
.facts dt { color: var(--muted); } .facts dd { overflow-wrap: anywhere; }
.meter { display: grid; gap: 4px; }
.meter p { display: flex; justify-content: space-between; gap: 12px; flex-wrap: wrap; }
meter { width: 100%; height: 8px; border: 0; border-radius: 4px; background: var(--wash); display: block; }
meter::-webkit-meter-bar { background: var(--wash); border: 0; border-radius: 4px; height: 8px; }
meter::-webkit-meter-optimum-value { background: var(--bar-good); border-radius: 4px; } meter::-moz-meter-bar { background: var(--bar-good); border-radius: 4px; }
meter.full::-webkit-meter-optimum-value { background: var(--bar-bad); } meter.full::-moz-meter-bar { background: var(--bar-bad); }
.lineage { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; }
.lineage li { display: flex; align-items: center; gap: 6px; }
.lineage li + li::before { content: "\\2192"; color: var(--muted); }
.lineage a, .lineage span.box { border: 1px solid var(--line); border-radius: 6px; padding: 2px 8px; font-family: var(--mono); font-size: 12px; }
.lineage .box { background: var(--wash); font-weight: 600; }
.ranges { display: flex; gap: 2px; }
.ranges a { padding: 2px 8px; border-radius: 6px; color: var(--muted); font-size: 13px; }
.ranges a[aria-current] { background: var(--wash); color: var(--ink); font-weight: 550; }

.chart { display: grid; gap: 12px; position: relative; }
.chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 12px; }
.legend li { display: flex; align-items: center; gap: 6px; color: var(--muted); }
.legend li::before { content: ""; width: 10px; height: 10px; border-radius: 2px; background: var(--tone); }
.legend .good, .bar.good { --tone: var(--bar-good); } .legend .plain, .bar.plain { --tone: var(--bar-plain); } .legend .warn, .bar.warn { --tone: var(--bar-warn); } .legend .bad, .bar.bad { --tone: var(--bar-bad); } .legend .accent, .bar.accent { --tone: var(--bar-good); }
.plot { display: grid; grid-template-columns: 40px minmax(0, 1fr); grid-template-rows: 160px auto; gap: 6px 8px; position: relative; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; font-size: 11px; color: var(--muted); margin: -8px 0; }
.plot svg { width: 100%; height: 160px; overflow: visible; display: block; }
.dates { grid-column: 2; display: flex; justify-content: space-between; font-size: 11px; color: var(--muted); white-space: nowrap; }
.bar { fill: var(--tone); }
.grid path, path.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none; }
.tip { position: absolute; top: 0; pointer-events: none; background: var(--ink); color: var(--card); border-radius: 6px; padding: 6px 10px; font-size: 12px; white-space: pre; z-index: 2; transform: translate(-50%, -8px); }
.spark { width: 88px; height: 22px; display: block; }
.secret { display: grid; gap: 8px; }
.secret pre, .secret output { display: block; margin: 0; padding: 10px 12px; background: var(--wash); border-radius: 7px; font: 13px/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
.secret output { font-size: 15px; font-weight: 600; border: 1px solid var(--accent); }
.secret header { display: flex; justify-content: space-between; align-items: center; }
.door { max-width: 360px; margin: 14vh auto 0; padding: 24px; }
.door .brand { padding: 0; }
dialog { border: 1px solid var(--line); border-radius: 12px; background: var(--card); color: var(--ink); padding: 24px; width: min(560px, calc(100vw - 24px)); max-height: calc(100vh - 48px); box-shadow: 0 16px 48px rgb(0 0 0 / .22); }
dialog::backdrop { background: rgb(10 12 20 / .45); }
dialog h1 { font-size: 17px; margin-bottom: 16px; }
dialog .card { border: 0; padding: 0; }

@media (max-width: 760px) {
  .frame { display: block; }
  .sidebar { position: static; height: auto; padding: 8px 12px; gap: 6px 12px; border-right: 0; border-bottom: 1px solid var(--line); flex-direction: row; flex-wrap: wrap; align-items: center; }
  .sidebar .brand { padding: 0 4px; }
  .sidebar nav { order: 3; flex: 1 0 100%; flex-direction: row; overflow-x: auto; }
  .sidebar nav a { padding: 8px 10px; }
  .who { margin: 0 0 0 auto; display: flex; align-items: center; padding: 0; } .who p { display: none; } .themes button { padding: 5px 8px; }
  main { padding: 16px 12px 48px; gap: 16px; }
  button, .button, input, select { min-height: 40px; } .copy, .quiet, .themes button { min-height: 28px; }
  .rows thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .rows, .rows tbody, .rows tr, .rows th, .rows td { display: block; }
  .rows tr { border-top: 1px solid var(--line); padding: 10px 14px; } .rows tbody tr:first-child { border-top: 0; }
  .rows th, .rows td, .rows th:first-child, .rows td:first-child, .rows th:last-child, .rows td:last-child { padding: 3px 0; border: 0; max-width: none; }
  .rows td { display: flex; justify-content: space-between; gap: 16px; text-align: right; }
  .rows td::before { content: attr(data-label); color: var(--muted); flex: none; text-align: left; font: 14px/1.5 var(--sans); }
  .rows td.mono { overflow-wrap: anywhere; }
  .rows .tags { justify-content: end; }
  .filters .field { flex: 1 1 120px; } .filters .wide { flex-basis: 100%; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 8px; }
  .door { margin-top: 6vh; }
}
@media (prefers-reduced-motion: no-preference) { button, .button, .sidebar nav a { transition: background .12s, color .12s; } }
@media print {
  .sidebar, .actions, .filters, .pages, .ranges, .copy, .skip { display: none; }
  .frame { display: block; } main { padding: 0; max-width: none; } .card { break-inside: avoid; } body { background: #fff; }
  .bar { print-color-adjust: exact; }
}
`.replaceAll(
  'DARK',
  `
  --ground: #0f1013; --card: #16181d; --line: #2a2d35; --ink: #edeef2; --muted: #9ca1ae; --wash: #20232a;
  --accent: #93a7ff; --on-accent: #10131f; --good: #5fcf95; --warn: #e9b54d; --bad: #ff8a80; --control: #6b7080;
  --bar-good: #7f9bff; --bar-plain: #565c6b; --bar-warn: #e9b54d; --bar-bad: #e5484d;
  color-scheme: dark;`,
)
