"""What is told of engines that Ray could not run."""

from __future__ import annotations

from antiphon_ray.cli.serving import gist

SAID = """The deployment failed to start 3 times in a row. Error:
ray::ServeReplica:piper:piper.initialize_and_get_metadata() (pid=1)
  File "replica.py", line 25, in __init__
RuntimeError: Traceback (most recent call last):
  File "hosts.py", line 20, in python_of
antiphon_orchestrator.environments.errors.NoEnvironment: no engine 'piper' can run here; `antiphon env add piper` ...
"""


def test_of_what_ray_tells_that_is_left_which_was_raised_by_us() -> None:
    assert gist(SAID) == "no engine 'piper' can run here; `antiphon env add piper` ..."


def test_what_has_another_form_is_told_by_its_last_line() -> None:
    assert gist("something\nwent wrong\n") == "went wrong"
    assert gist("") == "see its log"
