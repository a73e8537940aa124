"""The HTML of a mail, with its links and a picture leading through us."""

import re
from html import escape, unescape
from uuid import UUID

from delivery.tracking import places

# What has more links is no letter; the rest of them stays as it is.
MOST_LINKS = 100

# As the inliner writes HTML, which is the last to do so: in small letters, attributes quoted by ".
_HREF = re.compile(r'(<a(?:rea)?\s(?:[^<>]*?\s)?href=")(https?:[^"<>]+)(?=")')
_END = "</body>"
_PICTURE = '<img src="{url}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">'
_ANY_PICTURE = re.compile(
    re.escape(_PICTURE).replace(re.escape("{url}"), r'[^"<>]+/t/o/[\w-]+\.gif')
)


def tracked(html: str, *, delivery: UUID) -> str:
    """The HTML of one delivery with all that may be followed; the same again each time."""
    urls: dict[str, str | None] = {}

    def through_us(found: re.Match[str]) -> str:
        written = found[2]
        if written not in urls and len(urls) < MOST_LINKS:
            urls[written] = places.click_url(delivery, unescape(written))
        url = urls.get(written)
        return found[0] if url is None else f"{found[1]}{escape(url)}"

    return _with_picture(_HREF.sub(through_us, html), places.open_url(delivery))


def without_picture(html: str) -> str:
    """The same HTML for who only looks at what left: looking must not count as an open."""
    return _ANY_PICTURE.sub("", html)


def _with_picture(html: str, url: str) -> str:
    picture = _PICTURE.format(url=escape(url))
    before, end, after = html.rpartition(_END)
    return f"{before}{picture}{end}{after}" if end else f"{html}{picture}"
