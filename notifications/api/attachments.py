"""Files to be named in sends."""

from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api.send import IDEMPOTENCY
from notifications.attachments import naming, store
from notifications.attachments.naming import NameRefused
from notifications.attachments.store import Upload
from notifications.models import Attachment
from notifications.services import idempotency
from notifications.services.authentication import Caller, caller_of
from notifications.services.idempotency import Use
from notifysite.plumbing import audit, paging, uploads
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.paging import PageQuery, PageSerializer
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.uploads import Form, FormParser
from preferences.known import known
from preferences.wanted import Wanted, WantedInvalid, known_as

ENDPOINT = "attachments"
# On its way into the database a file takes ten times its size. All of it is here before its turn.
_TURNS = BoundedSemaphore(2)


class AttachmentSerializer(serializers.Serializer[Any]):
    """A file. With a `user_id` it is that person's, and can be sent to nobody else."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    content_type = serializers.CharField(help_text="By the extension of its name.")
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField(help_text="Of its bytes, in hex.")
    user_id = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When it is deleted; sends put it off.")


class AttachmentPageSerializer(PageSerializer):
    """A page of attachments, newest first."""

    results = AttachmentSerializer(many=True)


class AttachmentBody(serializers.Serializer[Any]):
    """A form with the file as one part, and whose it is as another."""

    file = serializers.FileField()
    user_id = serializers.CharField(
        required=False,
        max_length=255,
        help_text="Whose it is: it can be sent to them only, and goes when they are erased.",
    )


class AttachmentParser(FormParser):
    """Takes files up to ATTACHMENT_MOST_BYTES."""

    def most_bytes(self) -> int:
        """As the settings say."""
        return int(settings.ATTACHMENT_MOST_BYTES)


class AttachmentList(APIView):
    """The attachments of the calling service."""

    required_scopes = {"GET": "notifications:read", "POST": "notifications:send"}
    parser_classes = [AttachmentParser]

    @extend_schema(
        operation_id="attachments_list",
        parameters=[PageQuery],
        responses=AttachmentPageSerializer,
        summary="List attachments",
    )
    def get(self, request: Request) -> Response:
        """List the service's attachments, newest first."""
        cursor, size = paging.asked(request)
        mine = Attachment.objects.filter(service_id=caller_of(request).service_id).only("uuid")
        page, more = paging.turn(mine, by="-id", cursor=cursor, size=size)
        shown = store.by_rows(row.pk for row in page)
        results = [shown[row.uuid].plain() for row in page if row.uuid in shown]
        places = [row.pk for row in page]
        return Response(
            {"results": results, **paging.links(request, places, more=more, cursor=cursor)}
        )

    @extend_schema(
        operation_id="attachments_create",
        request={"multipart/form-data": AttachmentBody},
        responses={201: AttachmentSerializer},
        parameters=[IDEMPOTENCY],
        summary="Upload an attachment",
    )
    def post(self, request: Request) -> Response:
        """Keep a file, to be named in sends by its id. It never changes."""
        with _TURNS:
            upload, wanted = _read(uploads.read(request))
            uuid, replayed = _keep(request, upload, wanted)
        found = store.several([uuid], service_id=caller_of(request).service_id)
        if uuid not in found:
            raise Http404
        headers = {"Idempotency-Replayed": "true"} if replayed else None
        return Response(found[uuid].plain(), status=status.HTTP_201_CREATED, headers=headers)


class AttachmentDetail(APIView):
    """One attachment."""

    required_scopes = {"GET": "notifications:read", "DELETE": "notifications:send"}

    @extend_schema(
        operation_id="attachments_get",
        responses=AttachmentSerializer,
        summary="Look at an attachment",
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Say what it is, and until when it is kept."""
        found = store.several([id], service_id=caller_of(request).service_id)
        if id not in found:
            raise Http404
        return Response(found[id].plain())

    @extend_schema(
        operation_id="attachments_delete", responses={204: None}, summary="Delete an attachment"
    )
    def delete(self, request: Request, id: UUID) -> Response:
        """Delete it now. A mail with it that has not left fails with `attachment_gone`."""
        caller = caller_of(request)
        with transaction.atomic():
            if not store.delete(id, service_id=caller.service_id):
                raise Http404
            audit.record(actor=caller.actor, action="attachment.deleted", target=f"attachment:{id}")
        return Response(status=status.HTTP_204_NO_CONTENT)


def _read(form: Form) -> tuple[Upload, Wanted | None]:
    """What is uploaded, and whose it is. Raises Problem with everything that is wrong."""
    faults = [
        Fault(f"/{name}", "unknown_field", "Unknown field; remove it.")
        for name in sorted(form.fields.keys() - {"user_id"})
    ]
    try:
        naming.check(form.name)
    except NameRefused as refused:
        faults.append(Fault("/file", refused.code, str(refused)))
    if not form.content:
        faults.append(Fault("/file", "empty", "The file has no bytes."))
    wanted = None
    if "user_id" in form.fields:
        try:
            wanted = known_as(form.fields["user_id"])
        except WantedInvalid as wrong:
            faults += wrong.faults
    if faults:
        forbidden = any(fault.code == "forbidden_file_type" for fault in faults)
        raise Problem.of("forbidden_file_type" if forbidden else "validation_failed", faults=faults)
    return Upload(form.name, form.content), wanted


@transaction.atomic
def _keep(request: Request, upload: Upload, wanted: Wanted | None) -> tuple[UUID, bool]:
    """The id, and whether it was given before under the same key."""
    caller = caller_of(request)
    use = _use(request, caller, upload, wanted)
    if use is None:
        return _put(upload, wanted, caller), False
    if before := idempotency.take(use, status=status.HTTP_201_CREATED, answer={}):
        return UUID(before["id"]), True
    uuid = _put(upload, wanted, caller)
    idempotency.keep(use, f'{{"id":"{uuid}"}}')
    return uuid, False


def _use(request: Request, caller: Caller, upload: Upload, wanted: Wanted | None) -> Use | None:
    header = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is None:
        return None
    user_id = wanted.user_id if wanted else None
    said = {"name": upload.name, "sha256": upload.sha256.hex(), "user_id": user_id}
    return Use.of(caller, ENDPOINT, header, said)


def _put(upload: Upload, wanted: Wanted | None, caller: Caller) -> UUID:
    person = known([wanted], now=timezone.now())[wanted.user_id] if wanted else None
    return store.put(upload, service_id=caller.service_id, person=person)
