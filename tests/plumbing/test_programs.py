"""Programs go a short way, and are answered as on the whole way, header for header."""

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.http import Http404, HttpResponse
from django.urls import path
from django.utils import translation
from rest_framework.response import Response
from rest_framework.views import APIView

from notifysite.plumbing import programs, threads
from notifysite.plumbing.programs import Handler

pytestmark = pytest.mark.django_db

KEY = {"Authorization": "Bearer x"}


class Told(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request):
        return Response({"language": [request.LANGUAGE_CODE, translation.get_language()]})

    def post(self, request):
        return Response(request.data, status=202, headers={"X-Frame-Options": "SAMEORIGIN"})


def guarded(request):
    return HttpResponse("form")


def broken(request):
    raise RuntimeError("broken")


def lost(request):
    raise Http404


def framed(request):
    return HttpResponse("framed", headers={"Content-Language": "de", "Vary": "Accept"})


urlpatterns = [
    path("api/v1/told", Told.as_view()),
    path("api/v1/slash/", framed),
    path("api/v1/guarded", guarded),
    path("api/v1/broken", broken),
    path("api/v1/lost", lost),
    path("api/v1/framed", framed),
    path("framed", framed),
]
handler404 = "notifysite.plumbing.problems.not_found"
handler500 = "notifysite.plumbing.problems.server_error"


@pytest.fixture
def handler(settings):
    settings.ROOT_URLCONF = __name__
    settings.WEB_THREADS = 1
    threads._threads.cache_clear()
    yield Handler()
    threads._threads().shutdown()
    threads._threads.cache_clear()


def answer(handler, method, url, headers):
    async def ask():
        transport = httpx.ASGITransport(app=handler)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            client.headers.clear()
            return await client.request(
                method, url, headers={"X-Request-Id": "abc-12345"} | headers
            )

    found = async_to_sync(ask)()
    return found.status_code, dict(found.headers), found.content


ASKED = [
    ("GET", "/api/v1/told", KEY),
    ("POST", "/api/v1/told", KEY),
    ("PUT", "/api/v1/told", KEY),
    ("GET", "/api/v1/slash", KEY),
    ("GET", "/api/v1/nowhere", KEY),
    ("GET", "/api/v1/broken", KEY),
    ("GET", "/api/v1/lost", KEY),
    ("GET", "/api/v1/framed", KEY),
    ("POST", "/api/v1/guarded", KEY),
    ("POST", "/api/v1/guarded", KEY | {"Cookie": "csrftoken=" + "a" * 32}),
    ("GET", "/api/v1/told", KEY | {"Host": "elsewhere.example"}),
    ("GET", "/api/v1/told", KEY | {"Host": "a b"}),
    ("GET", "/api/v1/told", KEY | {"Accept-Language": "de"}),
    ("GET", "/api/v1/told", {}),
    ("GET", "/framed", KEY),
]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("redirect", [False, True])
@pytest.mark.parametrize(("method", "url", "headers"), ASKED)
def test_the_short_way_leads_to_the_same_answer(
    handler, settings, monkeypatch, method, url, headers, secure, redirect
):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = redirect, 60
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = headers | ({"X-Forwarded-Proto": "https"} if secure else {})
    handler.load_middleware()
    short = answer(handler, method, url, headers)

    monkeypatch.setattr(programs, "_is_simple", lambda _: False)

    assert answer(handler, method, url, headers) == short


@pytest.mark.parametrize(
    ("url", "headers", "expected"),
    [
        ("/api/v1/told", KEY, True),
        ("/api/v1/told", {}, False),
        ("/api/v1/told", KEY | {"Accept-Language": "de"}, False),
        ("/api/v1/told", KEY | {"Cookie": "a=b"}, False),
        ("/framed", KEY, False),
    ],
)
def test_only_programs_go_the_short_way(handler, monkeypatch, url, headers, expected):
    went = []
    monkeypatch.setattr(handler, "_whole", lambda _: went.append("whole") or HttpResponse())

    answer(handler, "GET", url, headers)

    assert went == ([] if expected else ["whole"])


def test_all_middleware_is_on_the_short_way_or_is_for_browsers(settings):
    there = {each.rpartition(".")[2] for each in settings.MIDDLEWARE}
    taken = {each.__name__ for each in (*programs._INNER, *programs._OUTER, programs.request_ids)}
    browsers = {"Sessions", "Languages", "Logins", "Messages", "WhiteNoiseMiddleware"}

    assert there == taken | browsers
