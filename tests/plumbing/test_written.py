"""An answer written as JSON is, byte for byte, what the framework would have made of it."""

import json

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from notifysite.plumbing.compactjson import compact, quoted
from notifysite.plumbing.written import written

SAID = {"user_id": 'zoë \u2028 \u2029 "q" \\ 😀', "list": [1, None, True]}
HEADERS = {"X-More": "yes"}


class Open(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()


class ByUs(Open):
    def post(self, request):
        return written(request, compact(SAID), status=202, headers=HEADERS)


class ByTheFramework(Open):
    def post(self, request):
        return Response(SAID, status=202, headers=HEADERS)


def answer(view, accept):
    response = view.as_view()(APIRequestFactory().post("/", {}, HTTP_ACCEPT=accept))
    if hasattr(response, "render"):
        response.render()
    return response.status_code, dict(response.headers), response.content


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/json; indent=2", "application/*"]
)
def test_it_is_the_same_answer(accept):
    assert answer(ByUs, accept) == answer(ByTheFramework, accept)


@pytest.mark.parametrize("text", ["", "ann", 'a"b\\c', "zoë", "\t\x01"])
def test_a_text_alone_is_quoted_as_json_is(text):
    assert quoted(text) == json.dumps(text, ensure_ascii=False)
