"""The login page. It loads one style sheet, from the issuer itself, and no script."""

from html import escape
from pathlib import Path

from token_broker.people import PEOPLE

STYLE = Path(__file__).with_name("login.css")
_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_PERSON = """<button name="sub" value="{subject}">
<span class="initial" aria-hidden="true">{initial}</span>
<span class="name">{name}</span> <span class="note">{note}</span>
</button>"""
_LOGIN = """<p>This page stands in for your identity provider. It asks for no password.</p>
<form method="post">
<fieldset>
<legend>Go on as</legend>
{people}
</fieldset>
<button class="cancel" name="cancel" value="yes">Cancel</button>
</form>"""


def login_page() -> str:
    """The people as buttons of one form, which is posted to the address of the page."""
    people = "\n".join(
        _PERSON.format(
            subject=escape(subject), initial=escape(each.name[0]), name=escape(each.name), note=escape(each.note)
        )
        for subject, each in PEOPLE.items()
    )
    return _FRAME.format(title="Sign in", content=_LOGIN.format(people=people))


def error_page(message: str) -> str:
    return _FRAME.format(title="This login cannot begin", content=f"<p>{escape(message)}</p>")


def security_headers(client: str = "") -> dict[str, str]:
    """Headers of a page: nothing from elsewhere, no frame around it, forms that end at the client's origin alone."""
    # Browsers hold `form-action` against the redirect after a form, too.
    forms = f"form-action 'self' {client}".rstrip()
    policy = f"default-src 'none'; style-src 'self'; {forms}; frame-ancestors 'none'; base-uri 'none'"
    return {
        "content-security-policy": policy,
        # With `no-referrer` a browser sends `Origin: null` with the form, which pages from elsewhere send, too.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
