"""The picture of the floors is the one that the import contract gives."""

from __future__ import annotations

import re

from docs.generate import floor_plan


def test_the_picture_is_up_to_date() -> None:
    drawn = floor_plan.PICTURE.read_text(encoding="utf-8")
    assert drawn == floor_plan.picture(), "run: python -m docs.generate.floor_plan"


def test_the_picture_has_every_room() -> None:
    rooms = [room for floor in floor_plan.floors() for room in floor]
    assert len(rooms) > 20
    shown = re.findall(r'class="name" [^>]*>(\w+)<', floor_plan.picture())
    assert sorted(shown) == sorted([*rooms, "variant_index", "variant_providers"])


def test_every_room_promises_something() -> None:
    said = floor_plan.promises()
    assert [room for floor in floor_plan.floors() for room in floor if not said.get(room)] == []
