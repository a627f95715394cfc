"""How a page looks: one style sheet, for a desk and a phone, light, dark and on paper."""

STYLE = """
:root {
  --ground: #ffffff; --raised: #f6f7f9; --ink: #1d2329; --soft: #5b6672; --line: #dfe3e8;
  --worry: #a33c00; --worry-ground: #fdf1e7; --note: #1c5f9c; --note-ground: #eef5fb;
  --shade: rgba(29, 35, 41, 0.28);
}
@media screen and (prefers-color-scheme: dark) {
  :root:not(.printing) {
    --ground: #14181c; --raised: #1c2227; --ink: #e4e8ec; --soft: #9ba6b1; --line: #313a42;
    --worry: #f4a261; --worry-ground: #2c2119; --note: #7fb8ea; --note-ground: #19252f;
    --shade: rgba(228, 232, 236, 0.32);
  }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 70rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin: 0 0 0.9rem; font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.01em; }
h3 { margin: 1.6rem 0 0.5rem; font-size: 0.95rem; color: var(--soft); font-weight: 600; }
p { margin: 0 0 0.9rem; max-width: 46rem; overflow-wrap: anywhere; }
header p { margin: 0.4rem 0 0; max-width: none; overflow-wrap: anywhere; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 1.2rem 0 0; padding: 0.7rem 0; font-size: 0.9rem;
  border: solid var(--line); border-width: 1px 0; }
nav a { color: var(--note); text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { margin-top: 2.75rem; }
.banner { max-width: none; margin: 0 0 1.5rem; padding: 0.6rem 1rem; border-radius: 6px; font-weight: 600;
  color: var(--worry); background: var(--worry-ground); border: 1px solid var(--worry); }
.notices { list-style: none; margin: 0 0 0.9rem; padding: 0; display: grid; gap: 0.5rem; }
.notices li { display: grid; grid-template-columns: 4rem 1fr; gap: 0.6rem; padding: 0.65rem 0.9rem; border-radius: 4px;
  border-left: 3px solid var(--note); background: var(--note-ground); }
.notices .level { font-weight: 600; color: var(--note); }
.notices .worry { border-left-color: var(--worry); background: var(--worry-ground); }
.notices .worry .level { color: var(--worry); }
.wide { overflow-x: auto; margin: 0 0 0.9rem; container-type: inline-size; background:
  linear-gradient(to right, var(--ground) 30%, transparent) left / 2.5rem 100% local,
  linear-gradient(to left, var(--ground) 30%, transparent) right / 2.5rem 100% local,
  linear-gradient(to right, var(--shade), transparent) left / 0.8rem 100% scroll,
  linear-gradient(to left, var(--shade), transparent) right / 0.8rem 100% scroll;
  background-repeat: no-repeat; }
.wide:focus-visible { outline: 2px solid var(--note); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.9rem; min-width: 60%; }
caption { caption-side: bottom; padding-top: 0.5rem; text-align: left; color: var(--soft); }
caption span { display: block; position: sticky; left: 0; max-width: min(46rem, 100cqw); }
.own td { font-weight: 600; background: var(--note-ground); }
th, td { padding: 0.38rem 0.9rem 0.38rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; border-bottom-color: var(--soft); }
th:not(:first-child), td:not(:first-child) { padding-left: 0.9rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: 0.9rem; }
.plot { margin: 1.4rem 0; }
.plot .area { width: 100%; }
.plot figcaption { max-width: 46rem; }
.plots { display: grid; gap: 0 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); }
.plots > div { min-width: 0; }
.plots > div > details { margin-bottom: 1.2rem; }
.answers { margin: 1.3rem 0 0; display: grid; gap: 0.7rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); }
.answers div { padding: 0.7rem 0.9rem; border-radius: 6px; background: var(--raised); border: 1px solid var(--line);
  overflow-wrap: anywhere; }
.answers dt { color: var(--soft); font-size: 0.82rem; font-weight: 600; }
.answers dd { margin: 0.2rem 0 0; font-size: 0.86rem; line-height: 1.4; color: var(--soft); }
.answers .headline { margin: 0; font-size: 1.1rem; line-height: 1.35; font-weight: 600; color: var(--ink); }
a { color: var(--note); }
summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; margin-bottom: 0.5rem; }
.pictures { display: grid; gap: 0.7rem; margin: 0 0 0.9rem;
  grid-template-columns: repeat(auto-fill, minmax(max(var(--least), calc((100% - (var(--across) - 1) * 0.7rem) / var(--across))), 1fr)); }
.pictures div { display: flex; gap: 3px; }
.pictures img { flex: 1 1 0; min-width: 0; width: 100%; height: auto; display: block; border-radius: 3px;
  background: #000; outline: 1px solid var(--line); outline-offset: -1px; }
.pictures figcaption { margin-top: 0.2rem; font-size: 0.8rem; line-height: 1.35; }
footer { margin-top: 3.5rem; padding-top: 0.9rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
@media screen and (max-width: 30rem) {
  body { padding: 1rem 1rem 2rem; }
  h1 { font-size: 1.5rem; }
  header p { font-size: 0.9rem; line-height: 1.4; }
  .banner { margin-bottom: 0.8rem; padding: 0.35rem 0.7rem; font-size: 0.85rem; line-height: 1.35; }
  .answers { margin-top: 0.7rem; gap: 0; }
  .answers div { padding: 0.4rem 0; background: none; border-width: 1px 0 0; border-radius: 0; }
  .answers dd { margin: 0.1rem 0 0; font-size: 0.8rem; line-height: 1.32; }
  .answers dt { font-size: 0.75rem; line-height: 1.2; }
  .answers .headline { font-size: 1rem; line-height: 1.25; }
  td:not(.number) { min-width: 4.5rem; }
}
@page { margin: 15mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  nav { display: none; }
  section { margin-top: 1.8rem; }
  h2, h3 { break-after: avoid; }
  .wide { overflow: visible; background: none; }
  table { font-size: 8pt; line-height: 1.35; min-width: 45%; max-width: 100%; }
  th, td { padding-right: 0.3rem; }
  th:not(:first-child), td:not(:first-child) { padding-left: 0.3rem; }
  .long { overflow-wrap: anywhere; }
  tr, .notices li, .plot, .pictures > figure, .answers div { break-inside: avoid; }
  .answers { grid-template-columns: 1fr 1fr; }
  .plots { grid-template-columns: 1fr; }
  details { display: none; }
  .banner, .notices li, .pictures img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
