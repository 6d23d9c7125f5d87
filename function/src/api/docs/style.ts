/** The page's style. It follows the reader's choice of light or dark. */
export const pageStyle = `:root { color-scheme: light dark; background: light-dark(#fff, #131110); color: light-dark(#1c1a19, #f2eeea); font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 64rem; background: light-dark(#fff, #131110); padding: 1.5rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.5rem; }
h1 small { font-weight: 400; opacity: 0.75; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.15rem; }
h3 { margin: 1rem 0 0.25rem; font-size: 0.9rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin-top: 0.5rem; }
a { color: light-dark(#9f2d1f, #ff9b8a); }
details { border-top: 1px solid light-dark(#ddd, #444); padding: 0.5rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary span { opacity: 0.85; }
code { font: 0.875em ui-monospace, monospace; overflow-wrap: break-word; }
.method { font-weight: 700; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; width: 100%; }
th, td { border-top: 1px solid light-dark(#eee, #333); padding: 0.25rem 0.75rem 0.25rem 0; text-align: left; vertical-align: top; }
th { white-space: nowrap; }
th i { font-size: 0.75rem; font-weight: 400; }
`;
