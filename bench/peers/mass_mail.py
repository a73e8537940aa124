"""Plain Django: `python -m bench.peers.mass_mail PORT LETTERS`.

As `send_mass_mail` does, which itself knows no HTML: all letters over one connection.
"""

import json
import sys

from django.conf import settings
from django.core.mail import get_connection

from bench.peers.letters import cpu_seconds, written

AT_A_TIME = 500  # letters that are written before they are sent


def main(port: int, letters: int) -> None:
    """Write and send; print the CPU seconds that took."""
    settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=port, USE_I18N=False)
    before = cpu_seconds()
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as connection:
        for start in range(0, letters, AT_A_TIME):
            numbers = range(start, min(start + AT_A_TIME, letters))
            connection.send_messages(list(written(numbers)))
    print(json.dumps({"cpu": cpu_seconds() - before}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
