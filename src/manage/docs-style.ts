/** The style sheet of the page: the system's own fonts and colours, light or dark as the reader has it, from a phone upwards. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1c2024, #edeef0); --quiet: light-dark(#5b6169, #a4abb3);
  --page: light-dark(#fff, #121417); --raised: light-dark(#f5f6f8, #1c1f24); --line: light-dark(#d9dde2, #33383f);
  --link: light-dark(#0b57d0, #8ab4f8); --get: light-dark(#0b6b3a, #6fd39b); --write: light-dark(#8a4b00, #f2b866);
  --end: light-dark(#a3171b, #ff9a94); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; color: var(--text); background: var(--page); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
.frame { max-width: 76rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: .95rem; margin: 1.25rem 0 .35rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.quiet { color: var(--quiet); }
code, pre, .path { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { background: var(--raised); padding: .1em .3em; border-radius: 4px; }
pre { margin: 0; padding: .75rem; overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; }
pre code { padding: 0; background: none; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0; padding: 0; }
nav a { display: inline-block; padding: .3rem 0; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
summary { cursor: pointer; padding: .7rem .85rem; display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline; }
summary::before { content: '\\25b8'; color: var(--quiet); } details[open] summary::before { content: '\\25be'; }
summary::-webkit-details-marker { display: none; }
details[open] summary { border-bottom: 1px solid var(--line); }
summary .says { flex-basis: 100%; color: var(--quiet); }
.method { font-weight: 650; font-size: .8rem; min-width: 3.6rem; }
.get { color: var(--get); } .post, .put, .patch { color: var(--write); } .delete { color: var(--end); }
.inside { padding: .25rem .85rem 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); }
td:last-child { min-width: 12rem; }
@media (min-width: 62rem) {
  .frame { display: grid; grid-template-columns: 12rem minmax(0, 1fr); gap: 0 2.5rem; padding: 1.5rem; }
  header, main { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 1.5rem; align-self: start; }
  nav ul { display: block; margin: .5rem 0; }
  summary .says { flex-basis: auto; flex: 1; min-width: 16rem; }
}
@media print { details::details-content { content-visibility: visible; } nav { display: none; } }
`
