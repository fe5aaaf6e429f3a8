"""Scripts take turns; none waits for ever, and work that can wait gives way."""

from __future__ import annotations

import threading
import time

import pytest

from ui import turns


@pytest.fixture(autouse=True)
def no_quiet_needed(monkeypatch):
    monkeypatch.setattr(turns, "QUIET_SECONDS", -1)


def test_turns_never_overlap():
    inside, most = 0, 0
    guard = threading.Lock()

    def script():
        nonlocal inside, most
        with turns.turn():
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=script) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_turn_ends_with_an_error():
    with pytest.raises(ValueError, match="boom"), turns.turn():
        raise ValueError("boom")
    with turns.idle_turn() as has_turn:
        assert has_turn


def test_work_that_can_wait_gives_way():
    with turns.turn(), turns.idle_turn() as has_turn:
        assert not has_turn
    with turns.idle_turn() as has_turn:
        assert has_turn


def test_a_script_that_hangs_does_not_close_the_house(monkeypatch):
    """Who has waited long enough goes on, and leaves the turn with whom it is."""
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.05)
    with turns.turn():
        done = []
        other = threading.Thread(target=lambda: [turns.turn().__enter__(), done.append(1)])
        other.start()
        other.join(timeout=5)
        assert done == [1]
        with turns.idle_turn() as has_turn:
            assert not has_turn


def test_work_that_can_wait_waits_until_all_is_quiet(monkeypatch):
    monkeypatch.setattr(turns, "QUIET_SECONDS", 0.05)
    turns.somebody_is_here()
    with turns.idle_turn() as has_turn:
        assert not has_turn
    time.sleep(0.06)
    with turns.idle_turn() as has_turn:
        assert has_turn
