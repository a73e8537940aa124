"""The filters editors may use: all total, sized before and after, and without a clock.

Markup (text that is already HTML) survives only where nothing inside it can be undone: what comes
out of `split`, `url_decode` or `strip_html` is plain again and is escaped at output.
"""

import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from liquid.builtin.filters import array, math, misc, string
from liquid.exceptions import FilterArgumentError
from liquid.filter import with_context
from liquid.undefined import Undefined
from markupsafe import Markup, escape

from notifications.rendering import limits
from notifications.rendering.dates import date
from notifications.rendering.errors import LimitExceeded
from notifications.rendering.links import css_value, is_web, link, tail

Filter = Callable[..., object]


class Work(Protocol):
    """What a filter may know of the render it runs in."""

    autoescape: bool

    def spend(self, steps: int) -> None:
        """Count work; raises LimitExceeded when it is too much."""


def measure(value: object) -> int:
    """Return the size of a value in characters or items; raise LimitExceeded past a limit."""
    if isinstance(value, str):
        size, most = len(value), limits.STRING_CHARS
    elif isinstance(value, list | tuple | dict | range):
        size, most = len(value), limits.LIST_ITEMS
    elif isinstance(value, int):
        size, most = value.bit_length(), limits.NUMBER_BITS
    else:
        return 1
    if size > most:
        raise LimitExceeded(f"A value is too large: {size:,}, at most {most:,}.")
    return size


def _guarded(function: Filter, *, takes_missing: bool = False, wants_work: bool = False) -> Filter:
    """Wrap a filter so that no missing value passes silently and nothing grows past a limit."""

    @with_context
    def call(left: object, *args: object, context: Work, **kwargs: object) -> object:
        size = 0
        for value in (left, *args, *kwargs.values()) if args or kwargs else (left,):
            if isinstance(value, str):
                size += len(value)
                continue
            if isinstance(value, Undefined) and not takes_missing:
                value.poke()
            size += measure(value)
        context.spend(1 + size // 256)
        if wants_work:
            kwargs["context"] = context
        result = function(left, *args, **kwargs)
        if type(result) is not str or len(result) > limits.STRING_CHARS:
            measure(result)
        return result

    return call


def _text(value: object) -> str:
    """Liquid's own idea of a string, which keeps Markup."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise FilterArgumentError("this filter works on text, not on a list or an object", token=None)


def _string(function: Callable[..., object]) -> Filter:
    def call(value: object, *args: object) -> object:
        return function(_text(value), *args)

    return call


def _plain(value: object) -> str:
    text = _text(value)
    return text.unescape() if isinstance(text, Markup) else text


def _replace(value: str, seq: object, sub: object = "", count: int = -1) -> str:
    # In Markup the replacement is always escaped, so that no entity can be turned back into a tag.
    old = _text(seq)
    new: str = escape(_plain(sub)) if isinstance(value, Markup) else _plain(sub)
    found = value.count(old) if count < 0 else count
    if len(value) + found * (len(new) - len(old)) > limits.STRING_CHARS:
        raise LimitExceeded("The text would grow too large in replace.")
    return value.replace(old, new, count)


def _replace_last(value: str, seq: object, sub: object = "") -> str:
    old = _text(seq)
    if not old or old not in value:
        return value
    before, _, after = value.rpartition(old)
    new: str = escape(_plain(sub)) if isinstance(value, Markup) else _plain(sub)
    return before + new + after


def _split(value: str, separator: object = " ") -> list[str]:
    text, sep = _plain(value), _plain(separator)
    pieces = len(text) if not sep else text.count(sep) + 1
    if sep != " " and pieces > limits.LIST_ITEMS:
        raise LimitExceeded(f"split would give more than {limits.LIST_ITEMS:,} pieces.")
    if not text or text == sep:
        return []
    if not sep:
        return list(text)
    return text.split(None if sep == " " else sep, limits.LIST_ITEMS + 1)


def _join(value: object, separator: object = " ", *, context: Work) -> str:
    items = [_text(item) for item in value] if isinstance(value, list | tuple | range) else None
    if items is None:
        return _text(value)
    sep = _text(separator)
    if sum(map(len, items)) + len(sep) * len(items) > limits.STRING_CHARS:
        raise LimitExceeded("The text would grow too large in join.")
    return (Markup(sep) if context.autoescape and sep == " " else sep).join(items)  # noqa: S704


def _newline_to_br(value: object, *, context: Work) -> str:
    if not context.autoescape:
        return _text(value)
    return Markup(re.sub(r"\r?\n", "<br />\n", escape(_text(value))))  # noqa: S704


def _url_encode(value: object) -> str:
    return urllib.parse.quote_plus(_plain(value))


def _url_decode(value: object) -> str:
    return urllib.parse.unquote_plus(_plain(value))


def _strip_html(value: object) -> str:
    return re.sub(r"<[^<>]*>", "", _plain(value))


def _origin(value: object) -> str:
    """The scheme, host and port of an address: what a link of the site begins with."""
    url = _plain(value).strip()
    if not is_web(url):
        raise FilterArgumentError("origin takes a full http:// or https:// address", token=None)
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}"


def _uniq(value: Sequence[object], key: object = None, *, context: Work) -> object:
    context.spend(len(value) ** 2 // 50 if isinstance(value, list | tuple) else 1)
    return array.uniq(value, key) if key is not None else array.uniq(value)


def _concat(value: object, other: object) -> list[object]:
    for item in (value, other):
        if not isinstance(item, list | tuple | range):
            raise FilterArgumentError("concat joins two lists", token=None)
    return [*cast(Sequence[object], value), *cast(Sequence[object], other)]


def _map(value: object, key: object) -> list[object]:
    if not isinstance(value, list | tuple):
        raise FilterArgumentError("map works on a list", token=None)
    for item in value:
        if not isinstance(item, Mapping) or key not in item:
            raise FilterArgumentError(f"an entry of the list has no {key}", token=None)
    return [item[key] for item in value]


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | dict | range) else 0


def _slice(value: object, start: object, length: object = 1) -> object:
    return string.slice_(value if isinstance(value, list | tuple) else _plain(value), start, length)


def _strings() -> dict[str, Callable[..., object]]:
    return {
        "append": lambda value, other: value + _text(other),
        "prepend": lambda value, other: _text(other) + value,
        "capitalize": lambda value: value.capitalize(),
        "downcase": lambda value: value.lower(),
        "upcase": lambda value: value.upper(),
        # Output is escaped anyway; plain text here keeps it from being escaped twice.
        "escape": _plain,
        "escape_once": _plain,
        "strip": lambda value: value.strip(),
        "lstrip": lambda value: value.lstrip(),
        "rstrip": lambda value: value.rstrip(),
        "squish": lambda value: type(value)(" ").join(value.split()),
        "remove": lambda value, old: _replace(value, old),
        "remove_first": lambda value, old: _replace(value, old, "", 1),
        "remove_last": _replace_last,
        "replace": lambda value, old, new="": _replace(value, old, new),
        "replace_first": lambda value, old, new="": _replace(value, old, new, 1),
        "replace_last": _replace_last,
        "split": _split,
        "strip_html": _strip_html,
        "strip_newlines": lambda value: value.replace("\r", "").replace("\n", ""),
        "truncate": lambda value, *args: string.truncate(_plain(value), *args),
        "truncatewords": lambda value, *args: string.truncatewords(_plain(value), *args),
        "url_encode": _url_encode,
        "url_decode": _url_decode,
        "origin": _origin,
    }


_MATHS = {
    "abs": math.abs_, "at_least": math.at_least, "at_most": math.at_most, "ceil": math.ceil,
    "divided_by": math.divided_by, "floor": math.floor, "minus": math.minus,
    "modulo": math.modulo, "plus": math.plus, "round": math.round_, "times": math.times,
}  # fmt: skip
_ARRAYS = {
    "compact": array.compact, "find": array.find, "find_index": array.find_index,
    "has": array.has, "map": _map, "reject": array.reject, "reverse": array.reverse,
    "sort": array.sort, "sort_natural": array.sort_natural, "sum": array.sum_,
    "where": array.where,
}  # fmt: skip


def _default(value: object, *args: object, **kwargs: object) -> object:
    if type(value) is str and value and not value.isspace():
        return value
    return cast(object, misc.default(value, *args, **kwargs))


def _first(value: Sequence[object]) -> object:
    return value[0] if isinstance(value, list | tuple | range) and value else None


def _last(value: Sequence[object]) -> object:
    return value[-1] if isinstance(value, list | tuple | range) and value else None


def build() -> dict[str, Filter]:
    """Return every filter by name, guarded. Names that begin with `_` are not for editors."""
    known: dict[str, Filter] = {
        name: _guarded(_string(function)) for name, function in _strings().items()
    }
    plain: dict[str, Filter] = {
        **_MATHS,
        **_ARRAYS,
        "slice": _slice,
        "concat": _concat,
        "date": date,
    }
    plain |= {
        "size": _size,
        "first": _first,
        "last": _last,
        "_link": link,
        "_css": css_value,
        "_tail": tail,
    }
    known |= {name: _guarded(function) for name, function in plain.items()}
    working: dict[str, Filter] = {"join": _join, "newline_to_br": _newline_to_br, "uniq": _uniq}
    known |= {name: _guarded(function, wants_work=True) for name, function in working.items()}
    known["default"] = _guarded(_default, takes_missing=True)
    return known


NAMES = frozenset(name for name in build() if not name.startswith("_"))
