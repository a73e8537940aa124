// The look of the bell. A host page changes it by custom properties: --notifysite-accent, …
// A constructed sheet, because a strict policy of the host page forbids inline styles.

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host {
  --accent: var(--notifysite-accent, #3d4fd6); --on-accent: var(--notifysite-on-accent, #fff);
  --card: var(--notifysite-background, #fff); --ink: var(--notifysite-color, #161c27);
  --soft: #596273; --line: #e2e5ec; --hover: #f4f5f8;
  display: inline-block; position: relative; color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
@media (prefers-color-scheme: dark) { :host {
  --accent: var(--notifysite-accent, #93a0ff); --on-accent: var(--notifysite-on-accent, #10142b);
  --card: var(--notifysite-background, #181e28); --ink: var(--notifysite-color, #e8ebf1);
  --soft: #a0a9b9; --line: #2b3340; --hover: #212936;
} }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 8px; }
svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linejoin: round; stroke-linecap: round; display: block; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.bell { position: relative; width: 44px; height: 44px; display: grid; place-items: center; border-radius: 12px; }
.bell:hover, .bell[aria-expanded=true] { background: color-mix(in srgb, currentColor 9%, transparent); }
.bell svg { width: 25px; height: 25px; }
.count { position: absolute; top: 2px; right: 0; min-width: 20px; height: 20px; padding: 0 5px; border-radius: 10px; background: #d3302f; color: #fff; font-size: 12px; font-weight: 700; line-height: 20px; text-align: center; }
.panel { position: absolute; z-index: 2147483000; top: calc(100% + 8px); right: calc(0px - var(--shift, 0px)); width: 400px; max-width: calc(100vw - 24px); max-height: min(620px, calc(100vh - 96px)); display: flex; flex-direction: column; background: var(--card); color: var(--ink); border: 1px solid var(--line); border-radius: 16px; box-shadow: 0 12px 40px rgb(10 15 30 / 22%); overflow: hidden; }
.panel:focus { outline: none; }
.head { display: flex; align-items: center; gap: 4px; padding: 14px 12px 8px 18px; }
.head h2 { flex: 1; font-size: 17px; letter-spacing: -.01em; margin: 0; }
.small { width: 36px; height: 36px; display: grid; place-items: center; border-radius: 9px; color: var(--soft); }
.small:hover { background: var(--hover); color: var(--ink); }
.small svg { width: 19px; height: 19px; }
.bar { display: flex; align-items: center; gap: 6px; padding: 0 12px 10px 16px; border-bottom: 1px solid var(--line); }
.bar .space { flex: 1; }
.pill { padding: 4px 12px; border-radius: 999px; color: var(--soft); font-size: 14px; }
.pill[aria-pressed=true] { background: color-mix(in srgb, var(--accent) 14%, transparent); color: var(--accent); font-weight: 600; }
.link { color: var(--accent); font-size: 14px; padding: 4px 8px; text-decoration: none; border-radius: 8px; }
.link:hover { text-decoration: underline; }
.link:disabled { color: var(--soft); opacity: .6; cursor: default; text-decoration: none; }
.list { list-style: none; margin: 0; padding: 0; overflow-y: auto; overscroll-behavior: contain; flex: 1; }
.item { position: relative; display: grid; grid-template-columns: 14px 1fr auto; gap: 2px 8px; padding: 13px 12px 13px 14px; border-bottom: 1px solid var(--line); }
.item:last-child { border-bottom: 0; }
.item:hover { background: var(--hover); }
.item.new { background: color-mix(in srgb, var(--accent) 6%, var(--card)); }
.item:focus { outline: none; box-shadow: inset 3px 0 0 var(--accent); }
.dot { width: 9px; height: 9px; border-radius: 50%; margin-top: 6px; }
.new .dot { background: var(--accent); }
.title { font-weight: 600; text-decoration: none; overflow-wrap: anywhere; }
a.title:hover { text-decoration: underline; }
.item:not(.new) .title { font-weight: 500; }
.text { grid-column: 2 / 4; color: var(--soft); overflow-wrap: anywhere; white-space: pre-line; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
.when { grid-column: 2; color: var(--soft); font-size: 13px; }
.actions { grid-column: 2 / 4; display: flex; flex-wrap: wrap; gap: 8px; padding: 6px 0 3px; }
.action { display: inline-flex; align-items: stretch; border: 1px solid var(--line); border-radius: 9px; font-size: 14px; font-weight: 600; background: var(--card); overflow: hidden; }
.action .label { padding: 4px 4px 4px 12px; text-decoration: none; }
.action a.label:hover { text-decoration: underline; }
.action .tick { display: grid; place-items: center; padding: 0 9px 0 7px; color: var(--soft); }
.action .tick svg { width: 16px; height: 16px; stroke-width: 2.2; }
.action button.tick:hover { background: var(--hover); color: var(--accent); }
.action.done { border-color: transparent; background: color-mix(in srgb, var(--accent) 10%, transparent); }
.action.done .tick { color: var(--accent); }
.snooze { grid-column: 2 / 4; display: flex; flex-wrap: wrap; gap: 6px; padding: 6px 0 3px; }
.snooze .pill { border: 1px solid var(--line); background: var(--card); }
.snooze .pill:hover { border-color: var(--accent); color: var(--accent); }
.tools { grid-area: 1 / 3; display: flex; align-self: start; margin: -7px -4px -8px 0; opacity: 0; }
.item:hover .tools, .item:focus-within .tools, .item:focus .tools { opacity: 1; }
.toggle i { width: 10px; height: 10px; border-radius: 50%; border: 2px solid currentColor; display: block; }
.new .toggle i { background: currentColor; }
.empty { padding: 44px 20px; text-align: center; color: var(--soft); margin: 0; }
.foot { display: flex; justify-content: center; padding: 8px; border-top: 1px solid var(--line); }
.toasts { position: fixed; z-index: 2147483001; right: 20px; bottom: 20px; width: 360px; max-width: calc(100vw - 40px); display: grid; gap: 10px; }
.toast { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; background: var(--card); color: var(--ink); border: 1px solid var(--line); border-left: 4px solid var(--accent); border-radius: 14px; padding: 13px 10px 14px 16px; box-shadow: 0 12px 40px rgb(10 15 30 / 22%); animation: come .22s ease-out; }
.toast .text { grid-column: 1; }
.toast .small { grid-area: 1 / 2; margin: -6px 0 0; }
@keyframes come { from { opacity: 0; transform: translateY(12px); } }
@media (hover: none) { .tools { opacity: 1; } }
@media (max-width: 520px) {
  .panel { position: fixed; inset: 8px 8px auto; width: auto; max-width: none; max-height: calc(100vh - 16px); }
  .toasts { right: 12px; left: 12px; bottom: 12px; width: auto; max-width: none; }
}
@media (prefers-reduced-motion: reduce) { .toast { animation: none; } }
`);

export default sheet;
