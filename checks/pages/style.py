"""How an evidence page looks, in light and in dark. It loads nothing: no script, no font, no picture."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --dim: #5d6779; --paper: #ffffff; --card: #f5f6f8; --line: #d9dde3;
  --reject: #b3261e; --warn: #8a5a00; --fine: #1d6b3a; --bar: #3a6ea5; --band: #c9d8e8; --guilty: #fdeceb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --dim: #9aa4b2; --paper: #14181f; --card: #1d232c;
  --line: #343c48; --reject: #ff8a80; --warn: #f0c060; --fine: #7fd1a0; --bar: #7fb0e6; --band: #2f4560;
  --guilty: #4a2323; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
p { margin: .4rem 0; }
code { font-family: ui-monospace, monospace; font-size: .92em; background: var(--card); padding: .1em .35em;
  border-radius: 4px; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.reject { color: var(--reject); } .warn { color: var(--warn); } .fine { color: var(--fine); }
.badge { font-size: .8rem; font-weight: 600; border: 1px solid currentColor; border-radius: 999px; padding: .1rem .6rem;
  white-space: nowrap; vertical-align: middle; }
.finding { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem;
  margin: .8rem 0; }
.finding header { display: flex; gap: .7rem; align-items: center; flex-wrap: wrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .9rem; margin: .7rem 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
.rows { overflow-x: auto; max-height: 26rem; border: 1px solid var(--line); border-radius: 6px; margin-top: .6rem; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; background: var(--paper); }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { position: sticky; top: 0; background: var(--card); font-weight: 600; }
.guilty { background: var(--guilty); }
figure { margin: .8rem 0 0; } figcaption { color: var(--dim); font-size: .85rem; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
.bar { fill: var(--bar); } .band { fill: var(--band); } .axis { stroke: var(--line); }
.curve { fill: none; stroke: var(--bar); stroke-width: 2; } .dot { fill: var(--bar); } .now { fill: var(--reject); }
summary { cursor: pointer; }
"""
