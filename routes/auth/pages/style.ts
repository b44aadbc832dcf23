/** The style of every page: light and dark, from a telephone's width up. */
export const styleSheet = `
:root { color-scheme: light dark; --back: #f6f6f4; --card: #fff; --text: #1d1d1b; --soft: #5c5c57; --line: #c9c9c3; --main: #1a5fb4; --main-text: #fff; --bad: #a51d2d; }
@media (prefers-color-scheme: dark) { :root { --back: #161618; --card: #222226; --text: #ececea; --soft: #a9a9a3; --line: #4a4a50; --main: #78aeed; --main-text: #10131a; --bad: #ff8a94; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(100%, 28rem); margin: 0 auto; padding: 1.5rem 1rem; min-height: 100vh; display: flex; flex-direction: column; justify-content: center; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; overflow-wrap: anywhere; }
p, ul, dl { margin: .5rem 0; overflow-wrap: anywhere; }
ul { padding-left: 1.25rem; }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0 0 .5rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
label.check { display: flex; gap: .5rem; align-items: center; font-weight: 400; min-height: 2.75rem; }
input[type=password], input[type=text], input[type=email], input[type=url] { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: .5rem; }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; }
button, a.button { display: block; width: 100%; min-height: 2.75rem; margin-top: 1rem; padding: .6rem 1rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; color: var(--main-text); background: var(--main); border: 1px solid var(--main); border-radius: .5rem; cursor: pointer; }
button.other, a.other { color: var(--main); background: transparent; }
button.danger { background: var(--bad); border-color: var(--bad); color: var(--card); }
a { color: var(--main); }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.error { color: var(--bad); font-weight: 600; }
.soft { color: var(--soft); font-size: .9rem; }
.host { color: var(--soft); overflow-wrap: anywhere; }
`
