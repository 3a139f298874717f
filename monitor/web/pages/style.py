"""The look of the pages and their one small script, both inline and pinned by their hashes.

Read at 3 a.m. on a phone, so: large state on top, colour never alone (each state has its word), light and dark by the
reader's setting. The script renews the page in place and says when it could not: an old page must not look healthy.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#16191f;--soft:#5b6472;--line:#e1e5ea;--link:#0b57b0;
--good:#167c3d;--good-ground:#e3f4e8;--warn:#8f5600;--warn-ground:#fdf0d5;--bad:#b3161f;--bad-ground:#fce5e6;
--none:#66707e;--none-ground:#eceff3;--good-fill:#3fae6a;--warn-fill:#eba91f;--bad-fill:#d8323f}
@media(prefers-color-scheme:dark){:root{--ground:#0f1216;--card:#171b21;--ink:#e7eaee;--soft:#98a2b0;--line:#282e37;
--link:#7db6ff;--good:#5cd088;--good-ground:#12301f;--warn:#f2b652;--warn-ground:#382809;--bad:#ff8288;
--bad-ground:#43161a;--none:#98a2b0;--none-ground:#232932}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.page{max-width:1120px;margin:0 auto;padding:0 20px 48px}
header{display:flex;gap:8px 14px;align-items:baseline;flex-wrap:wrap;padding:16px 0 12px;color:var(--soft)}
header .name{font-weight:650;font-size:16px;color:var(--ink)}header .right{margin-left:auto}
.chip{display:inline-block;border:1px solid var(--line);border-radius:999px;padding:0 10px;font-size:13px;background:var(--card)}
.banner{border-radius:12px;padding:18px 22px;margin-bottom:26px;border-left:8px solid}
.banner h1{margin:0;font-size:26px;line-height:1.25;letter-spacing:-.01em}.banner p{margin:4px 0 0;color:var(--ink)}
.banner.good{background:var(--good-ground);border-color:var(--good)}.banner.good h1{color:var(--good)}
.banner.warn{background:var(--warn-ground);border-color:var(--warn)}.banner.warn h1{color:var(--warn)}
.banner.bad{background:var(--bad-ground);border-color:var(--bad)}.banner.bad h1{color:var(--bad)}
.lost{display:none;background:var(--bad);color:var(--card);padding:10px 22px;border-radius:12px;margin-bottom:14px;font-weight:600}
.lost.shown{display:block}
h2{font-size:13px;text-transform:uppercase;letter-spacing:.07em;color:var(--soft);margin:28px 0 8px;font-weight:650}
h2 .count{font-weight:400}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.card+.card{margin-top:10px}.card.empty{padding:14px 18px;color:var(--soft)}
.incident{padding:14px 18px;border-left:6px solid var(--none);display:flex;gap:10px 20px;flex-wrap:wrap;align-items:flex-start}
.incident.bad{border-left-color:var(--bad)}.incident.warn{border-left-color:var(--warn)}.incident.good{border-left-color:var(--good)}
.incident .what{flex:1 1 420px;min-width:0}.incident h3{margin:0 0 2px;font-size:17px;line-height:1.35;overflow-wrap:anywhere}
.incident h3 .no{color:var(--soft);font-weight:400}.incident p{margin:2px 0 0;color:var(--soft)}
.actions{display:flex;gap:8px;flex-wrap:wrap}form{margin:0}
button{font:inherit;font-weight:600;padding:7px 16px;border-radius:8px;border:1px solid var(--line);background:var(--card);
color:var(--ink);cursor:pointer;min-height:40px}
button.first{background:var(--link);border-color:var(--link);color:var(--card)}button:hover{filter:brightness(.94)}
button:focus-visible,a:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th{font-size:12px;font-weight:600;color:var(--soft);text-align:left;padding:8px 12px 6px;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:8px 12px;border-top:1px solid var(--line);vertical-align:top}tr:first-child>td{border-top:0}
th:first-child,td:first-child{padding-left:18px}th:last-child,td:last-child{padding-right:18px}
.num{text-align:right;white-space:nowrap}.tight{white-space:nowrap}.soft{color:var(--soft)}
.wide{overflow-wrap:anywhere;min-width:200px}.fill{width:100%}.small{font-size:13px}
.state{display:inline-flex;align-items:center;gap:7px;font-weight:600;white-space:nowrap}
.state::before{content:"";width:10px;height:10px;border-radius:50%;background:currentColor;flex:none}
.state.bad::before{border-radius:2px}.state.warn::before{border-radius:2px;transform:rotate(45deg)}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.none{color:var(--none)}
.strip{display:block;border-radius:4px;margin-top:3px}.strip .good{fill:var(--good-fill)}.strip .warn{fill:var(--warn-fill)}.strip .bad{fill:var(--bad-fill)}.strip .none{fill:var(--none-ground)}
.label{display:inline-block;background:var(--none-ground);border-radius:5px;padding:0 7px;margin:0 5px 3px 0;font-size:13px;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:0;padding:14px 18px}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ol.steps{margin:0;padding:12px 18px 12px 40px}ol.steps li{padding:2px 0}ol.steps .next{font-weight:650}
article{padding:6px 22px 18px;max-width:80ch;line-height:1.5}article h1{margin:14px 0}article pre{background:var(--ground,rgba(127,127,127,.09));border-radius:8px;margin:8px 0}
code{font-size:.92em;background:rgba(127,127,127,.13);border-radius:4px;padding:0 4px}
.ask{display:flex;gap:8px;padding:12px 18px}.ask form{display:flex;gap:8px;flex:1}.ask input{flex:1;font:inherit;font-family:monospace;padding:6px 10px;border:1px solid var(--line);border-radius:8px;background:transparent;color:inherit}
pre{margin:0;padding:12px 18px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
footer{margin-top:34px;color:var(--soft);font-size:13px}
@media(max-width:640px){.page{padding:0 12px 40px}.banner{padding:14px 16px}.banner h1{font-size:21px}.hide{display:none}
.actions{width:100%}.actions form{flex:1 1 40%;display:flex}button{flex:1}.incident .what{flex-basis:100%}
thead{display:none}table,tbody{display:block}tr{display:flex;flex-wrap:wrap;gap:2px 14px;padding:10px 16px;border-top:1px solid var(--line)}
tr:first-child{border-top:0}td,td:first-child,td:last-child{border:0;padding:0;min-width:0}td:empty{display:none}
.wide{order:2;flex:1 0 100%}dl{grid-template-columns:1fr}dt{margin-top:6px}}
""".strip()

SCRIPT: Final = """
"use strict";
(() => {
  const every = 15000, lost = document.getElementById("lost");
  let since = null;
  async function renew() {
    if (document.hidden || document.querySelector("main:focus-within input")) return;
    try {
      const answer = await fetch(location.href, {headers: {"Accept": "text/html"}, signal: AbortSignal.timeout(10000)});
      if (!answer.ok) throw new Error("status " + answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = [...document.querySelectorAll("details[open]")].map(one => one.id);
      document.querySelector("main").replaceWith(fresh.querySelector("main"));
      open.forEach(id => { const one = id && document.getElementById(id); if (one) one.open = true; });
      document.title = fresh.title;
      document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
      since = null; lost.classList.remove("shown");
    } catch (error) {
      since = since || new Date();
      lost.textContent = "No answer from Watchkeeper since " + since.toLocaleTimeString() + ". What you see is old.";
      lost.classList.add("shown");
    }
  }
  setInterval(renew, every);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
})();
""".strip()


def _pin(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_pin(STYLE)}; script-src {_pin(SCRIPT)}; img-src data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the pages: nothing runs or loads that is not written here."""
