"""django-webpush's own migrations, and after them the one its last release lacks.

settings.MIGRATION_MODULES names this package; the others are still read from where they are.
"""

from importlib.util import find_spec

_own = find_spec("webpush.migrations")
if _own is not None:
    __path__ += list(_own.submodule_search_locations or ())
