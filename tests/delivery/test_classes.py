"""How tables of answers are read, and what settings may change in them."""

import pytest
from django.core.checks import run_checks

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

ACCEPTED, TRANSIENT, ADDRESS, MESSAGE, ACCOUNT, UNKNOWN = (
    OutcomeKind.ACCEPTED,
    OutcomeKind.TRANSIENT,
    OutcomeKind.REFUSED_ADDRESS,
    OutcomeKind.REFUSED_MESSAGE,
    OutcomeKind.ACCOUNT,
    OutcomeKind.UNKNOWN,
)

TABLE = Table(
    rows=(
        Row(ACCEPTED, ("2xx",), "a page"),
        Row(ADDRESS, ("RCPT 5.1.x", "30005"), "a page"),
        Row(MESSAGE, ("5xx",), "a page"),
        Row(ACCOUNT, ("550", "boxed.out"), "a page"),
    ),
    otherwise=UNKNOWN,
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("200",), ACCEPTED),
        (("RCPT", "450", "5.1.1"), ADDRESS),
        (("RCPT", "450", "5.1.10"), ADDRESS),
        (("DATA", "450", "5.1.1"), UNKNOWN),
        (("RCPT", "450", "5.11.1"), UNKNOWN),
        (("400", "30005"), ADDRESS),
        (("400", "300055"), UNKNOWN),
        (("550",), MESSAGE),
        (("5500",), UNKNOWN),
        (("boxed.out",), ACCOUNT),
        (("boxed-out",), UNKNOWN),
        (("boed.out",), UNKNOWN),
        ((), UNKNOWN),
    ],
)
def test_the_first_row_that_matches_all_its_words_holds(words, kind) -> None:
    assert TABLE.judge(*words) is kind


def test_settings_come_before_the_table_in_their_own_order() -> None:
    changed = TABLE.overridden(
        {"RCPT 550": "refused_address", "5xx": "transient", "777": "account"}
    )
    assert changed.judge("RCPT", "550") is ADDRESS
    assert changed.judge("DATA", "550") is TRANSIENT
    assert changed.judge("777") is ACCOUNT
    assert changed.judge("778") is UNKNOWN
    assert TABLE.judge("RCPT", "550") is MESSAGE


def test_what_was_taken_stays_taken_whatever_settings_say() -> None:
    assert TABLE.overridden({"2xx": "transient", "200": "unknown"}).judge("200") is ACCEPTED


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        ({"550": "retry"}, "'550'.* is 'retry'; it must be one of transient, refused_address"),
        ({"550": "accepted"}, "must be one of"),
        ({" ": "transient"}, "must be a code"),
        ({550: "transient"}, "must be a code, as a string"),
        ("550", "must be a mapping"),
    ],
)
def test_settings_that_make_no_sense_are_refused(classes, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        TABLE.overridden(classes)


@pytest.mark.parametrize("alias", ["email", "webpush"])
def test_a_class_nobody_knows_is_found_when_the_project_is_checked(settings, alias) -> None:
    entry = settings.DELIVERY_PROVIDERS[alias]
    options = {**entry["OPTIONS"], "classes": {"418": "teapot"}}
    settings.DELIVERY_PROVIDERS = {
        **settings.DELIVERY_PROVIDERS,
        alias: {**entry, "OPTIONS": options},
    }
    (found,) = [one for one in run_checks() if one.id == "notifysite.E003"]
    assert f"provider '{alias}': classes['418'] is 'teapot'" in found.msg


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("200", UNKNOWN),
        ("301", ACCOUNT),
        ("400", MESSAGE),
        ("401", ACCOUNT),
        ("402", ACCOUNT),
        ("403", ACCOUNT),
        ("404", MESSAGE),
        ("408", TRANSIENT),
        ("409", MESSAGE),
        ("413", MESSAGE),
        ("418", MESSAGE),
        ("422", MESSAGE),
        ("425", TRANSIENT),
        ("429", TRANSIENT),
        ("500", TRANSIENT),
        ("502", TRANSIENT),
        ("503", TRANSIENT),
        ("504", TRANSIENT),
        ("599", TRANSIENT),
        ("999", UNKNOWN),
    ],
)
def test_http_statuses_that_no_service_explains_mean_what_http_says(status, kind) -> None:
    assert HTTP.judge(status) is kind
