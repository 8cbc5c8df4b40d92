"""What tests of indexes in object stores share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.index.object_store import ObjectStore, clean_environ, object_store


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """A real S3 API, with which this process may talk."""
    with object_store() as running, patch.dict(os.environ, clean_environ(running)):
        yield running
