"""How machines name themselves when they fetch what is in mails: data, each with its source."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Agent:
    """A name in the User-Agent header, in small letters, and where it is told of."""

    name: str
    source: str


# These fetch a picture when a person opens the mail, so such an open is the person's. They do not
# follow links for anybody: a click by one of them is a machine's.
PROXIES: Final = (
    Agent("googleimageproxy", "SparkPost, 'Gmail is Prefetching Images': fetches upon the open"),
    Agent("yahoomailproxy", "Yahoo Help SLN28749, 'Yahoo Mail Proxy'"),
)

# The whole header, and nothing else in it.
WHOLE: Final = (
    Agent(
        "mozilla/5.0",
        "Bird, '4 Insights on iOS 15 Mail Privacy Protection': Apple loads all, opened or not",
    ),
    Agent(
        "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) "
        "chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0",
        "SparkPost, 'Gmail is Prefetching Images': before the mail is shown",
    ),
)

# Somewhere in the header.
PARTS: Final = (
    # Scanners that say who they are. Most do not: they look like a browser, and their haste
    # gives them away.
    Agent("barracuda", "Barracuda Sentinel; mautic issue 16263"),
    Agent("mimecast", "mautic issue 16263"),
    Agent("proofpoint", "mautic issue 16263"),
    Agent("bingpreview", "Bing Webmaster Help, 'Which crawlers does Bing use'"),
    Agent("skypeuripreview", "Microsoft Learn, 'URL previews' in Teams and Skype"),
    Agent("microsoft office existence discovery", "Office looks before it opens a link"),
    # Messengers that show what is behind a link somebody passed on.
    Agent("facebookexternalhit", "Meta for Developers, 'Web Crawlers'"),
    Agent("slackbot", "Slack API docs, 'Slack robots'"),
    Agent("discordbot", "the user agent links to discordapp.com"),
    Agent("telegrambot", "Telegram, 'Link previews'"),
    Agent("twitterbot", "X Developer Platform, 'Cards: crawling'"),
    Agent("linkedinbot", "LinkedIn Help, 'Post Inspector'"),
    Agent("whatsapp/", "WhatsApp FAQ, 'Link previews'"),
    # What crawlers are called, and libraries and browsers without anybody before them.
    Agent("bot/", "RFC 9309, 2.2.1, and the crawlers that follow it: Googlebot/2.1, bingbot/2.0"),
    Agent("crawler", "as above"),
    Agent("spider", "as above"),
    Agent("headlesschrome", "Chrome for Developers, 'Headless mode'"),
    Agent("phantomjs", "PhantomJS, 'settings.userAgent'"),
    Agent("curl/", "curl manual, '--user-agent'"),
    Agent("wget/", "GNU Wget manual, '--user-agent'"),
    Agent("python-requests/", "Requests, 'default_user_agent'; craft-campaign issue 546"),
    Agent("python-urllib/", "Python docs, urllib.request"),
    Agent("python-httpx/", "HTTPX, 'Client'"),
    Agent("aiohttp/", "aiohttp docs, 'Client'"),
    Agent("go-http-client/", "Go, net/http defaultUserAgent"),
    Agent("libwww-perl/", "LWP::UserAgent, 'agent'"),
    Agent("lua-resty-http/", "lua-resty-http, '_USER_AGENT'"),
    Agent("java/", "Java, 'Networking Properties': http.agent"),
)

# Request headers of browsers that fetch what may be wanted next, and how their value begins.
# MDN, 'Sec-Purpose': Purpose and X-Moz are what Chromium and Firefox said before it.
AHEAD: Final = {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Moz": "prefetch"}
