"""Ids that sort by time."""

import copy
import pickle
from uuid import UUID, SafeUUID

from notifysite.plumbing import ids


def test_an_id_is_a_uuid_like_any_other():
    made = ids.uuid7()
    parsed = UUID(str(made))

    assert (made, hash(made), repr(made)) == (parsed, hash(parsed), repr(parsed))
    assert (made.version, made.variant, made.is_safe) == (7, parsed.variant, SafeUUID.unknown)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made


def test_a_sibling_shares_the_millisecond_and_nothing_else():
    parent = ids.uuid7()
    children = {ids.sibling(parent) for _ in range(100)}

    assert len(children | {parent}) == 101
    assert {ids.milliseconds(child) for child in children} == {ids.milliseconds(parent)}


def test_what_stands_for_something_of_a_parent_is_one_id_in_its_millisecond():
    parent, other = ids.uuid7(), ids.uuid7()
    one = ids.derived(parent, "opened")

    assert one == ids.derived(parent, "opened")
    assert ids.moment(one) == ids.moment(parent)
    assert (one.version, one.variant) == (7, parent.variant)
    assert len({one, ids.derived(parent, "read"), ids.derived(other, "opened")}) == 3
