"""Push tokens as each push service writes them, and Firebase's topics beside them."""

import re
from collections.abc import Mapping
from typing import Final

TOPICS: Final = "/topics/"

_SIMULATED = "simulator-"  # see delivery/simulation.py
_APNS = r"[0-9a-fA-F]{64,}"
# Names of topics: Firebase, Topic messaging; their length: its SDK for Android.
_SHAPES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "fcm": (
        re.compile(rf"(?!{_APNS}\Z)[\w:.\-]+|{TOPICS}[\w\-.~%]{{1,900}}", re.ASCII),
        "Must be a registration token as the Firebase SDK makes it, the notification key of a "
        "device group, or /topics/ and a name of letters, digits and -_.~%. A hexadecimal one is "
        "Apple's: give the kind apns.",
    ),
    "apns": (
        re.compile(_APNS),
        "Must be a device token in hexadecimal, as Apple's SDK makes it. One with a colon is "
        "Firebase's: give the kind fcm.",
    ),
}


def fault(token: str, kind: str) -> str:
    """What is wrong with a token of a kind, empty where nothing is; simulated ones fit any."""
    if kind not in _SHAPES or token.startswith(_SIMULATED):
        return ""
    shape, hint = _SHAPES[kind]
    return "" if shape.fullmatch(token) else hint


def plain(token: str, kind: str) -> str:
    """A token in one form: Apple's are hexadecimal, and the same in either case."""
    return token.lower() if kind == "apns" and not token.startswith(_SIMULATED) else token


def is_topic(token: str, kind: str) -> bool:
    """Whether it reaches all who subscribed with Firebase, and so is nobody's own."""
    return kind == "fcm" and token.startswith(TOPICS)
