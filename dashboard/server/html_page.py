"""The frame of the pages that Dash does not make."""


def html_page(title: str, head: str, body: str) -> str:
    """A page in HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Digit Lab: {title}</title>
{head}
</head>
<body>
{body}
</body>
</html>
"""
