"""How much a template may be, hold and do; every number is a refusal, never a cut."""

from typing import Final

SOURCE_CHARS: Final = 100_000
COMPILED_CHARS: Final = 400_000  # MJML writes several characters for each of the editor's
TAG_CHARS: Final = 1_000
SPACE_RUN: Final = 100  # blanks in a row inside one tag: the lexer backtracks over them
NODES: Final = 2_000
LOOP_DEPTH: Final = 2
BLOCK_DEPTH: Final = 12
LIST_ITEMS: Final = 1_000
STRING_CHARS: Final = 512 * 1024
OUTPUT_BYTES: Final = 512 * 1024
HELD_CHARS: Final = 1024 * 1024  # everything `assign` and `capture` hold together
STEPS: Final = 100_000
SECONDS: Final = 2.0
NUMBER_BITS: Final = 128

LINE_CHARS: Final = 250  # subject, title, preheader, label: longer ones end in an ellipsis
URL_CHARS: Final = 2_048
ACTIONS: Final = 4
GENERAL_ACTIONS: Final = 3  # no channel shows more of them well
