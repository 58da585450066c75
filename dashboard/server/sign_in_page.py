"""The page that visitors without a token see: one field, one button. It works without scripts."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

from dashboard.server.html_page import html_page

_ASSETS = Path(__file__).resolve().parents[2] / "assets"
_MARK = base64.b64encode((_ASSETS / "icons" / "mark.svg").read_bytes()).decode()

# The tokens of the page. Without scripts, the theme is the one of the system.
_STYLE = (
    re.sub(
        r'^\[data-bs-theme="dark"\] (\{.*?^\})',
        r"@media (prefers-color-scheme: dark) { :root \1 }",
        (_ASSETS / "css" / "tokens.css").read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    + """
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: var(--s-4);
  background: var(--page); color: var(--ink);
  font: var(--w-text) var(--t-3)/var(--lh) var(--font); -webkit-font-smoothing: antialiased;
}
main {
  width: 100%; max-width: 24rem; padding: var(--s-6); background: var(--surface);
  border: var(--hair) solid var(--line); border-radius: var(--r-3);
}
h1 {
  display: flex; align-items: center; gap: var(--s-2); margin: 0 0 var(--s-5);
  font-size: var(--t-5); letter-spacing: -.02em;
}
p { margin: 0; }
.problem {
  margin-bottom: var(--s-4); padding: var(--s-2) var(--s-3); border-radius: var(--r-2);
  background: var(--wrong-wash);
}
label { display: block; margin-bottom: var(--s-1); font-weight: var(--w-strong); }
input, button {
  width: 100%; min-height: 2.75rem; padding: 0 var(--s-3);
  border: var(--hair) solid var(--edge); border-radius: var(--r-2);
  background: var(--surface); color: var(--ink); font: inherit;
}
button {
  margin: var(--s-3) 0 var(--s-5); border-color: transparent; background: var(--accent);
  color: var(--on-accent); font-weight: var(--w-strong); cursor: pointer;
}
button:hover { background: var(--accent-hover); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.where { font-size: var(--t-2); color: var(--ink-2); }
"""
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# The form has no address: it is sent to the one that is shown, which opens afterwards.
_HEAD = f"""<link rel="icon" href="data:image/svg+xml;base64,{_MARK}">
<style>{_STYLE}</style>"""
_BODY = f"""<main>
<h1><img src="data:image/svg+xml;base64,{_MARK}" alt="" width="32" height="32">Digit Lab</h1>
PROBLEM
<form method="post">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password"
  autocapitalize="none" spellcheck="false" aria-describedby="where" required autofocus>
<button>Sign in</button>
</form>
<p class="where" id="where">The window where Digit Lab was started shows the token or says where it
is kept; ask whoever started it.</p>
</main>"""
_PAGE = html_page("sign in", _HEAD, _BODY)


def sign_in_page(problem: str | None, status: int, headers: dict[str, str]) -> HTMLResponse:
    """The page, with a sentence about what was wrong with the last try, if there was one."""
    shown = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    headers = {"Content-Security-Policy": _POLICY, **headers}
    return HTMLResponse(_PAGE.replace("PROBLEM", shown), status, headers)
