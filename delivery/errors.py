"""What can go wrong in delivery, named by what the caller should do."""


class DeliveryError(Exception):
    """The root of this tree: Misconfigured (tell the operator)."""


class Misconfigured(DeliveryError):
    """Settings name a provider that cannot be built; the text says which and why."""
