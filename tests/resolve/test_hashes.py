"""Hashes that the user listed: enforced wherever they are, and everywhere with --require-hashes."""

from __future__ import annotations

import hashlib

import pytest

from tests.resolve.world import World, machine, variant_metadata
from variantctl.net.errors import HashMismatch
from variantctl.requirements.requirement import UserRequirement, parse_user_requirement
from variantctl.resolve.errors import HashesError, NoCandidateError
from variantctl.variants.errors import VariantctlError


def hashed(text: str, *digests: str, algorithm: str = "sha256") -> UserRequirement:
    return parse_user_requirement(text, origin="r.txt:1", hashes={algorithm: frozenset(digests)})


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_right_and_wrong_hash(world: World, listed: bool, algorithm: str) -> None:
    path = world.add("lib", hashes=listed)
    good = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    assert world.versions(hashed("lib", good, "0" * 64, algorithm=algorithm)) == {"lib": "1.0"}
    with pytest.raises(VariantctlError) as caught:
        world.plan(hashed("lib", "0" * 64, algorithm=algorithm))
    assert isinstance(caught.value, (NoCandidateError, HashesError))
    assert "is none of those given" in caught.value.message


def test_the_wheel_with_the_listed_hash_is_taken(world: World) -> None:
    world.add("lib", tag="cp311-cp311-manylinux_2_28_x86_64")
    plain = world.add("lib")
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    (planned,) = world.plan(hashed("lib==1.0", digest)).install
    assert planned.filename == plain.name


def test_another_file_that_the_index_gives_no_digest_of_is_passed_over(world: World) -> None:
    world.add("lib", "1.0+cpu", hashes=False)
    path = world.add("lib", "1.0", hashes=False)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert world.versions(hashed("lib==1.0", digest)) == {"lib": "1.0"}


def test_a_variant_without_a_listed_hash_is_not_taken(world: World) -> None:
    world.machine = machine(nvidia={"sm_arch": ["90_real"]})
    metadata = variant_metadata(["nvidia"], {"cuda": {"nvidia": {"sm_arch": ["90_real"]}}, "null": {}})
    world.variants("torch", "1.0", metadata)
    null = world.wheels / "torch-1.0-py3-none-any-null.whl"
    digest = hashlib.sha256(null.read_bytes()).hexdigest()
    assert world.labels(hashed("torch", digest)) == {"torch": "null"}


def test_every_place_that_lists_hashes_must_agree(world: World) -> None:
    path = world.add("lib")
    good = hashlib.sha256(path.read_bytes()).hexdigest()
    assert world.versions(hashed("lib", good, "1" * 64), hashed("lib", good, "2" * 64)) == {"lib": "1.0"}
    with pytest.raises(VariantctlError, match="none of those given"):
        world.plan(hashed("lib", good), hashed("lib", "2" * 64))


def test_require_hashes(world: World) -> None:
    app = world.add("app", requires=["lib"])
    lib = world.add("lib")
    one, two = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (app, lib))
    with pytest.raises(HashesError, match=r"'app' \(the command line\) has no hash"):
        world.plan("app", require_hashes=True)
    with pytest.raises(HashesError, match="is not pinned to one version"):
        world.plan(hashed("app>=1", one), require_hashes=True)
    with pytest.raises(HashesError, match="there is no hash for lib"):
        world.plan(hashed("app==1.0", one), require_hashes=True)
    found = world.versions(hashed("app==1.0", one), hashed("lib==1.0", two), require_hashes=True)
    assert found == {"app": "1.0", "lib": "1.0"}


def test_fragment_of_a_direct_reference(world: World) -> None:
    path = world.add("lib")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (planned,) = world.plan(f"lib @ {path.as_uri()}#sha256={digest}", require_hashes=True).install
    assert planned.direct_url == {"url": path.as_uri(), "archive_info": {"hashes": {"sha256": digest}}}
    (planned,) = world.plan(f"lib @ {path.as_uri()}#sha256={'0' * 64}").install
    with world.package_finder() as package_finder, pytest.raises(HashMismatch):
        package_finder.fetch(planned.link)
