"""Explain: what would become of a request now, and why. Writes nothing, reserves nothing.

It asks the very `decide()` of the live path, over people as they are with what the request says
of them laid on top.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from delivery import channels, prices, routing, segments, standing
from delivery.models import Suppression
from delivery.models.suppression import IN_FORCE
from delivery.prices import PriceTable
from delivery.standing import Standing
from notifications.attachments import store
from notifications.catalog import types, versions
from notifications.explanations import gate_told, moment, passed_over
from notifications.intake import attaching
from notifications.intake.request import Addressee, SendRequest
from notifications.intake.terms import Terms
from notifications.models import Guest
from notifications.planning import facts, readers
from notifications.planning.decide import decide
from notifications.planning.decision import AddressFacts, Does, Facts, Gate, StepDecision
from notifications.planning.person import person_facts
from notifications.planning.readers import Reader
from notifications.rendering.errors import RenderError
from notifications.rendering.render import render
from notifications.services.authentication import Caller
from notifications.words import Mode
from notifysite.plumbing import ids
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from preferences import directory, links, wishes
from preferences.calendar import Week
from preferences.models import Recipient
from preferences.wanted import ABSENT
from preferences.wishes import Wishes

NOTICE = "As of this moment; nothing was sent, written or reserved."


def explain(request: SendRequest, *, caller: Caller) -> dict[str, Any]:
    """Every step, every gate in order, for each recipient. Raises Problem as a send would."""
    if request.wide:
        fault = Fault("/to", "one_person", "Name one person, or up to 1,000.")
        raise Problem.of("bad_recipient", "Explain one person at a time.", faults=[fault])
    now = datetime.now(UTC)
    terms = Terms.of(request, kinds=types.by_keys([request.type]), now=now)
    attaching.check(request, attaching.named([request], service_id=caller.service_id))
    files = store.several(request.attachments, service_id=caller.service_id)
    datas = [json.loads(terms.data_for(one, request)) for one in request.to]
    known = _known(request.to)
    standings = cache(lambda channel: standing.read(channel=channel))
    table = prices.load()
    return {
        "as_of": moment(now),
        "notice": NOTICE,
        "type": terms.kind.key,
        "priority": terms.priority.name.lower(),
        "attachments": [files[uuid].plain() for uuid in request.attachments if uuid in files],
        "recipients": [
            _Asked(
                one, data, known.get(one.wanted.user_id), terms, caller, now, standings, table
            ).told()
            for one, data in zip(request.to, datas, strict=True)
        ],
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """A person there is."""

    wishes: Wishes
    addresses: tuple[AddressFacts, ...]
    reader: Reader


def _known(to: Sequence[Addressee]) -> dict[str, _Known]:
    users = [one.wanted.user_id for one in to]
    found = dict(Recipient.objects.filter(user_id__in=users).values_list("user_id", "id"))
    said, there = wishes.load(found.values()), facts.addresses(list(found.values()))
    read = readers.load(found.values())
    return {
        user_id: _Known(said[id_], there.get(id_, ()), read[id_])
        for user_id, id_ in found.items()
        if user_id
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """One recipient of the request."""

    one: Addressee
    data: Mapping[str, Any]
    known: _Known | None
    terms: Terms
    caller: Caller
    now: datetime
    standings: Callable[[int], list[Standing]]
    prices: PriceTable

    def told(self) -> dict[str, Any]:
        """The explanation for this person."""
        trace: list[Gate] = []
        decision = decide(self._facts(), trace=trace)
        return {
            "user_id": self.one.wanted.user_id,
            "known": self.known is not None,
            "steps": [self._step(step, trace) for step in decision.steps],
        }

    def _facts(self) -> Facts:
        kind, start = self.terms.kind, self.terms.send_at or self.now
        person = self._wishes()
        return Facts(
            now=self.now,
            start=max(start, self.now),
            expires_at=self.terms.expires_at,
            priority=self.terms.priority,
            only_channels=self.terms.only,
            providers=facts.providers(self.caller.mode),
            kinds=facts.kinds(self.caller.mode),
            type=kind.facts,
            person=person_facts(
                person,
                kind.category,
                self._addresses(),
                now=self.now,
                guest=self._guest(),
                variables={"data": self.data, "recipient": self._reader()},
            ),
        )

    def _wishes(self) -> Wishes:
        """Those there are; of somebody unknown, none."""
        wanted, known = self.one.wanted, self.known and self.known.wishes
        locale = _said(wanted.locale, known.locale if known else "")
        timezone = _said(wanted.timezone, known.timezone if known else "")
        if known:
            return known._replace(locale=locale, timezone=timezone)
        return Wishes(
            recipient_id=0,
            subject=uuid4(),
            user_id=self.one.wanted.user_id,
            quiet_hours=Week(),
            paused_until=None,
            changed_at=self.now,
            erased=False,
            locale=locale,
            timezone=timezone,
        )

    def _addresses(self) -> tuple[AddressFacts, ...]:
        """What the request says of email and phone stands before what is known."""
        there = list(self.known.addresses if self.known else ())
        for name, spec in (("email", channels.EMAIL), ("phone", channels.SMS)):
            reach = getattr(self.one.wanted, name)
            if reach is ABSENT:
                continue
            there = [one for one in there if one.channel != spec.number]
            if reach:
                dead = Suppression.objects.filter(
                    IN_FORCE, channel=spec.number, address_hash=reach.hash
                )
                there.append(AddressFacts(0, spec.number, reach.hash, dead.exists()))
        return tuple(there)

    def _guest(self) -> bool:
        if self.caller.mode is not Mode.TEAM:
            return True
        return Guest.objects.filter(
            service_id=self.caller.service_id, user_id=self.one.wanted.user_id
        ).exists()

    def _reader(self) -> dict[str, Any]:
        wanted, known = self.one.wanted, self.known.reader.person() if self.known else {}
        said = {
            name: getattr(wanted, name)
            for name in ("name", "locale", "timezone")
            if getattr(wanted, name) is not ABSENT
        }
        attributes = wanted.attributes if isinstance(wanted.attributes, Mapping) else {}
        return {
            "name": "",
            "locale": "",
            "timezone": "UTC",
            **known,
            **said,
            "user_id": wanted.user_id,
            "attributes": {**known.get("attributes", {}), **attributes},
        }

    def _step(self, step: StepDecision, trace: Sequence[Gate]) -> dict[str, Any]:
        leaves = {Does.SEND: self.now, Does.HOLD: step.until}.get(step.outcome)
        content = self._content(step)
        return {
            **facts.write_step(step),
            "would_send_at": moment(leaves) if leaves else None,
            **self._providers(step),
            "cost": self._cost(step, content) if leaves else None,
            "attachments": self._carried(step),
            "gates": [gate_told(gate) for gate in trace if gate.step == step.step],
            **content,
        }

    def _carried(self, step: StepDecision) -> list[str]:
        """The files that go along."""
        carries = step.channel != channels.PREFERRED and channels.by_number(step.channel).files
        return list(map(str, self.terms.attachments)) if carries else []

    def _providers(self, step: StepDecision) -> dict[str, Any]:
        """Who would take it now; who could instead; and why those before did not. Of several
        devices this is about the first."""
        mode, channel = self.caller.mode, step.channel
        kind = self._kind(step)
        ways = list(routing.aliases(channel, mode=mode, kind=kind)) if channel else []
        # Among equals chance decides, by each delivery's id: this is who takes the middle one.
        taker = routing.choose(channel, mode=mode, kind=kind, luck=0.5).alias if ways else ""
        routed = channel and mode is not Mode.TEST
        return {
            "provider": taker or None,
            "alternatives": [alias for alias in ways if alias != taker],
            "passed_over": passed_over(self.standings(channel), taker) if routed else [],
        }

    def _kind(self, step: StepDecision) -> int | None:
        there = {one.id: one.kind for one in self._addresses()} if step.addresses else {}
        return channels.KINDS.get(there[step.addresses[0]]) if there else None

    def _cost(self, step: StepDecision, content: Mapping[str, Any]) -> dict[str, str] | None:
        """What leaves would roughly cost; None where nobody knows."""
        if self.caller.mode is Mode.TEST:
            return None
        number, count = "", max(1, len(step.addresses))
        if step.channel == channels.SMS.number:
            number, count = self._number(), content["sms"]["segments"] if "sms" in content else 0
        price = self.prices.price_of(step.channel, number, segments=count) if count else None
        return None if price is None else price.told()

    def _number(self) -> str:
        """Where an SMS would go."""
        if self.one.wanted.phone is not ABSENT:
            return self.one.wanted.phone.value if self.one.wanted.phone else ""
        listed = directory.find_one(user_id=self.one.wanted.user_id)
        return (listed and listed.current(channels.SMS.number)) or ""

    def _content(self, step: StepDecision) -> dict[str, Any]:
        """What it would say, or why it cannot be said."""
        reader = self._reader()
        locale = self.terms.locale or reader["locale"]
        version = self.terms.kind.version(step.channel, locale)
        if version is None:
            return {"template": None, "template_version": None, "content": None}
        told = {"template": versions.place(version), "template_version": version}
        subject = self.known.wishes.subject if self.known else uuid4()
        variables = {
            "data": self.data,
            "recipient": {**reader, "locale": locale},
            "actor": {},
            "brand": settings.BRAND,
            "links": links.of_message(subject, self.terms.kind.category.key, _no_delivery()),
        }
        try:
            form = versions.compiled([version])[version]
            made = render(form, variables, channel=channels.by_number(step.channel).key)
        except RenderError as error:
            return {**told, "content": None, "content_problem": str(error)}
        told["content"] = asdict(made)
        if step.channel == channels.SMS.number:
            told["sms"] = segments.told(made.text)
        return told


def _said(wanted: Any, known: str) -> str:
    """What the request says, or what is known where it says nothing."""
    return known if wanted is ABSENT else wanted or ""


def _no_delivery() -> UUID:
    """Links of a message that will never be."""
    return ids.uuid7(0)
