"""Pieces of HTML that the report is made of; text is escaped here."""

import base64
import html


def bullets(sentences):
    """A list of sentences."""
    if not sentences:
        return "<p>None.</p>"
    return "<ul>\n" + "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences) + "\n</ul>"


def grid(items, kind):
    """Items side by side, as the style of their kind says."""
    return f'<div class="{kind}">\n' + "\n".join(items) + "\n</div>\n"


def picture(png, alt, caption):
    """A PNG, bytes, with its caption."""
    return f"<figure>{image(png, alt)}<figcaption>{html.escape(caption)}</figcaption></figure>"


def image(png, alt):
    """A PNG, bytes, inside the page."""
    alt = html.escape(alt)
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}" alt="{alt}" title="{alt}">'
