"""What can go wrong in delivery, named by what the caller should do."""


class DeliveryError(Exception):
    """The root of this tree.

    Misconfigured: tell the operator. NotHeard: answer a provider's call with its `status`, and
    believe nothing of it; it is Unsecured, Forged, Stale, Repeated, Malformed or Unverified.
    """


class Misconfigured(DeliveryError):
    """Settings name a provider that cannot be built; the text says which and why."""


class NotHeard(DeliveryError):
    """A call at a provider's hook of which nothing is believed; the text is for operators.

    `verdict` is the word it is counted under.
    """

    status = 403
    verdict = "refused"


class Unsecured(NotHeard):
    """We have no secret to know the provider by, so nobody is believed."""

    verdict = "unsecured"


class Forged(NotHeard):
    """The signature or the login is not the provider's."""

    verdict = "forged"


class Stale(NotHeard):
    """It was signed too long ago, or is dated ahead."""

    verdict = "stale"


class Repeated(NotHeard):
    """It was signed for one call, and that one has come already."""

    verdict = "repeated"


class Malformed(NotHeard):
    """It is the provider's and cannot be read."""

    status = 400
    verdict = "malformed"


class Unverified(NotHeard):
    """Whoever could tell us whether it is genuine cannot be asked now: it may come again."""

    status = 503
    verdict = "unverified"
