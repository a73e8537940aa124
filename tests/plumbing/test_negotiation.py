"""Answers are JSON; who can take no JSON is told."""

import pytest
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from notifysite.plumbing.negotiation import Negotiation


class Words(BaseRenderer):
    media_type = "text/plain"
    format = "txt"


ACCEPTED = ["", "*/*", "application/json", "text/plain", "application/*;q=0.5", "image/png", "rot"]


def chosen(negotiation, renderers, accept, query):
    headers = {"HTTP_ACCEPT": accept} if accept else {}
    request = Request(APIRequestFactory().get(f"/{query}", **headers))
    try:
        renderer, media_type = negotiation.select_renderer(request, [one() for one in renderers])
    except NotAcceptable:
        return "not acceptable"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
        return type(error)
    return type(renderer), media_type


@pytest.mark.parametrize("renderers", [[JSONRenderer], [Words], [JSONRenderer, Words]])
@pytest.mark.parametrize("query", ["", "?format=txt", "?format=json", "?page=2"])
@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_choice_is_the_frameworks(renderers, accept, query):
    ours = chosen(Negotiation(), renderers, accept, query)

    assert ours == chosen(DefaultContentNegotiation(), renderers, accept, query)
