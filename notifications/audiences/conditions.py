"""One condition tree for steps, and later for segments and rules: pure, without loops or regex.

{"all": [tree, …]} · {"any": [tree, …]} · {"not": tree}
{"path": "data.total", "is": "gt", "value": 100}
"""

from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 8
ROOTS = ("data", "recipient")

_ABSENT = object()


class ConditionInvalid(ValueError):
    """The tree cannot be evaluated; `pointer` is the JSON pointer of the part that is wrong."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.pointer = pointer
        self.detail = detail


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(found: Any, wanted: Any) -> bool:
        """Values that cannot be compared are simply not so."""
        try:
            return found is not _ABSENT and test(found, wanted)
        except TypeError:
            return False

    return compared


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, wanted: _same(found, wanted),
    "ne": lambda found, wanted: not _same(found, wanted),
    "gt": _compare(lambda found, wanted: found > wanted),
    "ge": _compare(lambda found, wanted: found >= wanted),
    "lt": _compare(lambda found, wanted: found < wanted),
    "le": _compare(lambda found, wanted: found <= wanted),
    "in": _compare(lambda found, wanted: any(_same(found, one) for one in wanted)),
    "contains": _compare(lambda found, wanted: wanted in found),
    "exists": lambda found, wanted: (found is not _ABSENT) is bool(wanted),
}


def holds(tree: Mapping[str, Any], variables: Mapping[str, Any]) -> bool:
    """Whether a checked tree is true of these variables. A missing value only `exists: false`,
    or differs."""
    if "all" in tree:
        return all(holds(branch, variables) for branch in tree["all"])
    if "any" in tree:
        return any(holds(branch, variables) for branch in tree["any"])
    if "not" in tree:
        return not holds(tree["not"], variables)
    return OPERATORS[tree["is"]](_look_up(tree["path"], variables), tree.get("value"))


def check(tree: Any, *, pointer: str = "", depth: int = 1) -> None:
    """Raise ConditionInvalid where a tree is not one."""
    if depth > DEEPEST:
        raise ConditionInvalid(pointer, f"nested deeper than {DEEPEST}")
    if not isinstance(tree, Mapping):
        raise ConditionInvalid(pointer, "must be an object")
    for word in ("all", "any"):
        if word in tree:
            return _check_branches(tree, word, pointer=pointer, depth=depth)
    if "not" in tree:
        _only(tree, {"not"}, pointer)
        return check(tree["not"], pointer=f"{pointer}/not", depth=depth + 1)
    return _check_leaf(tree, pointer)


def _check_branches(tree: Mapping[str, Any], word: str, *, pointer: str, depth: int) -> None:
    _only(tree, {word}, pointer)
    branches = tree[word]
    if not isinstance(branches, list) or not branches:
        raise ConditionInvalid(f"{pointer}/{word}", "must be a list with at least one condition")
    for index, branch in enumerate(branches):
        check(branch, pointer=f"{pointer}/{word}/{index}", depth=depth + 1)


def _check_leaf(leaf: Mapping[str, Any], pointer: str) -> None:
    _only(leaf, {"path", "is", "value"}, pointer)
    path, operator = leaf.get("path"), leaf.get("is")
    if not isinstance(path, str) or path.partition(".")[0] not in ROOTS:
        raise ConditionInvalid(f"{pointer}/path", f"must start with {' or '.join(ROOTS)}")
    if operator not in OPERATORS:
        raise ConditionInvalid(f"{pointer}/is", f"must be one of {', '.join(OPERATORS)}")
    if operator == "in" and not isinstance(leaf.get("value"), list):
        raise ConditionInvalid(f"{pointer}/value", "must be a list")


def _only(tree: Mapping[str, Any], allowed: set[str], pointer: str) -> None:
    if unknown := set(tree) - allowed:
        raise ConditionInvalid(f"{pointer}/{sorted(unknown)[0]}", "is not known here")


def _look_up(path: str, variables: Mapping[str, Any]) -> Any:
    value: Any = variables
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _same(found: Any, wanted: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)
