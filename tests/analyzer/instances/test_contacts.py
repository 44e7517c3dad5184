"""What is never seen away from the arm is a part of it; what it visits, or only reaches, is not."""

from __future__ import annotations

import numpy as np

from analyzer.instances.contacts import Contacts

ARM, LINK, BOWL, NEAR, FAR = 250, 1, 2, 3, 4


def seen(visits: int, total: int = 20) -> Contacts:
    """The arm with a link beside it; a bowl that it covers on one side for a while; a thing that it only reaches with a
    corner, always; one that it never comes near."""
    contacts = Contacts(ARM, reach=2)
    for frame in range(total):
        labels = np.zeros((24, 30), np.uint8)
        labels[2:6, 2:6], labels[2:6, 6:10], labels[6:12, 10:16] = ARM, LINK, NEAR
        labels[4:6, 10:12] = ARM
        labels[15:18, 2:6], labels[18:22, 20:24] = BOWL, FAR
        if frame < visits:
            labels[6:15, 0:8] = ARM
        contacts.add(labels)
    return contacts


def test_a_link_is_a_part_of_the_arm_and_what_it_visits_is_not() -> None:
    assert seen(visits=10).parts([LINK, BOWL, NEAR, FAR]) == {LINK}


def test_a_thing_that_the_arm_holds_in_nearly_every_frame_would_be_one() -> None:
    assert BOWL not in seen(visits=17).parts([LINK, BOWL, NEAR, FAR])
    assert BOWL in seen(visits=18).parts([LINK, BOWL, NEAR, FAR])


def test_what_was_never_seen_is_nobodys_part() -> None:
    contacts = Contacts(ARM, reach=1)
    contacts.add(np.full((4, 4), BOWL, np.uint8))
    assert contacts.parts([LINK, BOWL]) == frozenset()
