"""JSON without blanks. The standard library makes an encoder for each value that it writes, which
takes as long as writing a small one does; here it is made once."""

import json
from collections.abc import Callable, Iterable
from json import encoder
from typing import Any

_plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def _made_once() -> Callable[[Any], str]:
    # What the standard library itself calls, where Python has it in C.
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return _plain.encode
    # No markers of what holds itself; then indent, separators, sort_keys, skipkeys, allow_nan.
    layout = (None, ":", ",", False, False, True)
    parts: Callable[[Any, int], Iterable[str]]
    parts = make(None, _plain.default, encoder.encode_basestring, *layout)
    return lambda value: "".join(parts(value, 0))


compact = _made_once()
quoted: Callable[[str], str] = encoder.encode_basestring  # a text alone
