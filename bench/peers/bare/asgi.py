"""The same handler, in the same kind of threads, as the product's."""

import django

django.setup()

from notifysite.plumbing.threads import ThreadedHandler  # noqa: E402

application = ThreadedHandler()
