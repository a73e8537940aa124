"""`/api/v1/topics` and who is subscribed to them; `/api/v1/me/topics`."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifysite.plumbing import paging
from notifysite.plumbing.faults import Fault, checked, pointer
from notifysite.plumbing.paging import PageQuery
from preferences import topics
from preferences.api import bodies, shapes
from preferences.api.doors import MyView, actor, by, faults_answered, invalid, me
from preferences.models import Recipient, Subscription, Topic
from preferences.topics import KeyTaken, PeopleUnknown


class TopicsView(APIView):
    """All topics."""

    required_scopes = {"GET": "catalog:read", "POST": "catalog:write"}

    @extend_schema(
        operation_id="topics_list",
        parameters=[PageQuery],
        responses=shapes.TopicPage,
        tags=["topics"],
    )
    def get(self, request: Request) -> Response:
        """List topics by key."""
        cursor, size = paging.asked(request)
        found, more = paging.turn(Topic.objects.all(), by="key", cursor=cursor, size=size)
        rows = [_body(topic) for topic in found]
        return paging.answer(request, rows, more=more, cursor=cursor, place="key")

    @extend_schema(
        operation_id="topics_add",
        request=shapes.TopicBody,
        responses={201: shapes.TopicDetail},
        tags=["topics"],
    )
    def post(self, request: Request) -> Response:
        """Make a topic that people can subscribe to."""
        said = checked(shapes.TopicBody(data=request.data))
        try:
            topic = topics.add(said, actor=actor(request))
        except KeyTaken:
            raise invalid(Fault("/key", "taken", "There is a topic of this key.")) from None
        return Response(_detail(topic), status=201)


class TopicView(APIView):
    """One topic."""

    required_scopes = {
        "GET": "catalog:read",
        "PATCH": "catalog:write",
        "DELETE": "catalog:write",
    }

    @extend_schema(operation_id="topics_get", responses=shapes.TopicDetail, tags=["topics"])
    def get(self, request: Request, key: str) -> Response:
        """Show a topic, and how many people are subscribed."""
        return Response(_detail(_topic(key)))

    @extend_schema(
        operation_id="topics_patch",
        request=shapes.TopicEdit,
        responses=shapes.TopicDetail,
        tags=["topics"],
    )
    def patch(self, request: Request, key: str) -> Response:
        """Change a topic; what is left out stays."""
        said = checked(shapes.TopicEdit(data=request.data, partial=True))
        with faults_answered():
            topic = topics.change(key, said, actor=actor(request))
        return Response(_detail(topic))

    @extend_schema(
        operation_id="topics_delete",
        responses={204: OpenApiResponse(description="Removed.")},
        tags=["topics"],
    )
    def delete(self, request: Request, key: str) -> Response:
        """Remove a topic, and with it who is subscribed."""
        topics.remove(_topic(key), actor=actor(request))
        return Response(status=204)


class SubscribersView(APIView):
    """Who is subscribed to a topic."""

    required_scopes = {"GET": "users:read", "POST": "users:write", "DELETE": "users:write"}

    @extend_schema(
        operation_id="topics_subscribers",
        parameters=[PageQuery],
        responses=shapes.UserIdPage,
        tags=["topics"],
    )
    def get(self, request: Request, key: str) -> Response:
        """List the user ids of who is subscribed."""
        cursor, size = paging.asked(request)
        rows = Subscription.objects.filter(topic=_topic(key)).select_related("recipient")
        rows = rows.only("recipient__user_id")
        found, more = paging.turn(rows, by="recipient_id", cursor=cursor, size=size)
        places = [row.recipient_id for row in found]
        return Response(
            {
                "results": [row.recipient.user_id for row in found],
                **paging.links(request, places, more=more, cursor=cursor),
            }
        )

    @extend_schema(
        operation_id="topics_subscribe",
        request=shapes.UserIds,
        responses=shapes.Subscribed,
        tags=["topics"],
    )
    def post(self, request: Request, key: str) -> Response:
        """Subscribe up to 1,000 people, all or nobody; who is subscribed already stays so."""
        topic, asked, said = _topic(key), bodies.user_ids(request.data), by(request)
        try:
            with faults_answered():
                count = topics.subscribe(topic.pk, asked, actor=said.actor, source=said.source)
        except PeopleUnknown as wrong:
            raise invalid(*_unknown(asked, wrong)) from None
        return Response({"subscribed": count})

    @extend_schema(
        operation_id="topics_unsubscribe",
        request=shapes.UserIds,
        responses=shapes.Unsubscribed,
        tags=["topics"],
    )
    def delete(self, request: Request, key: str) -> Response:
        """Unsubscribe those named in the body, `{"users": […]}`; who is not subscribed stays so."""
        topic, asked, said = _topic(key), bodies.user_ids(request.data), by(request)
        with faults_answered():
            count = topics.unsubscribe(topic.pk, asked, actor=said.actor, source=said.source)
        return Response({"unsubscribed": count})


class MyTopicsView(MyView):
    """The topics the caller may subscribe to."""

    @extend_schema(
        operation_id="me_topics_list",
        parameters=[PageQuery],
        responses=shapes.MyTopicPage,
        tags=["me"],
    )
    def get(self, request: Request) -> Response:
        """List all topics in my language, and whether I am subscribed; a PATCH of my preferences
        subscribes."""
        cursor, size = paging.asked(request)
        id = me(request).recipient_id
        locale = Recipient.objects.values_list("locale", flat=True).get(pk=id)
        found, more = paging.turn(topics.seen_by(id), by="key", cursor=cursor, size=size)
        rows = [_mine(topic, locale) for topic in found]
        return paging.answer(request, rows, more=more, cursor=cursor, place="key")


def _topic(key: str) -> Topic:
    topic = Topic.objects.filter(key=key).first()
    if topic is None:
        raise NotFound
    return topic


def _unknown(asked: list[str], wrong: PeopleUnknown) -> list[Fault]:
    return [
        Fault(pointer("users", index), "unknown_user", "Nobody is known by this user id.")
        for index, user_id in enumerate(asked)
        if user_id in wrong.user_ids
    ]


def _body(topic: Topic) -> dict[str, Any]:
    return {
        "key": topic.key,
        "name": topic.name,
        "description": topic.description,
        "translations": topic.translations,
        "created_at": topic.created_at,
    }


def _detail(topic: Topic) -> dict[str, Any]:
    return {**_body(topic), "subscribers": topics.subscribers(topic.pk)}


def _mine(topic: Any, locale: str) -> dict[str, Any]:
    return {
        "key": topic.key,
        "name": topic.label(locale),
        "description": topic.explanation(locale),
        "subscribed": topic.subscribed,
    }
