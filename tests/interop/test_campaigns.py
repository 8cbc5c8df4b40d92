"""The campaigns of tests/campaigns/ with few cases; ``python -m tests.campaigns`` runs them in full."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns import graphs, hard_graphs, publishing, serving, uv_choice

SEED = 825


def test_the_same_packages_as_pip_and_uv(tmp_path: Path) -> None:
    report = graphs.run(25, SEED, tmp_path)
    assert not report.failures, str(report)
    # Guards the comparison: graphs that nobody can solve would prove nothing.
    assert report.outcomes["uv: the same packages"] >= 10, str(report)
    assert report.outcomes["pip: the same packages"] >= 10, str(report)


def test_nothing_is_missed_in_deep_conflicts(tmp_path: Path) -> None:
    report = hard_graphs.run(24, SEED, tmp_path, uv_every=12)
    assert not report.failures, str(report)
    assert report.outcomes["an answer that is right"] >= 10, str(report)
    assert report.outcomes["there is none, and that is what we say"] >= 1, str(report)


def test_the_same_wheel_as_uv(tmp_path: Path) -> None:
    report = uv_choice.run(26, SEED, tmp_path, packages=13)
    assert not report.failures, str(report)
    assert report.outcomes["the same: a variant"] >= 10, str(report)


def test_publishers_of_one_bucket_at_the_same_time(tmp_path: Path) -> None:
    report = publishing.run(8, SEED, tmp_path)
    assert not report.failures, str(report)
    assert report.outcomes["two at once: nothing lost"] == 4, str(report)


def test_many_clients_with_troublemakers_among_them(tmp_path: Path) -> None:
    report = serving.run(20, SEED, tmp_path, clients=60)
    assert not report.failures, str(report)
    assert report.outcomes["right: wheel"] >= 5, str(report)
