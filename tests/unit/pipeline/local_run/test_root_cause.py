"""What is shown of a failure: one sentence, whoever wrapped it."""

import pytest

from movielens.records import DatasetError
from pipeline.local_run.node_run import NodeFailedError
from pipeline.local_run.root_cause import root_cause


def _caught(raise_it) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any error, that is what is looked at
        raise_it()
    return caught.value


def test_an_error_of_ours_speaks_for_itself():
    assert (
        root_cause(DatasetError("u.data, line 3: 7 is off the scale")) == "u.data, line 3: 7 is off the scale"
    )


def test_another_error_needs_its_class_name():
    assert root_cause(KeyError("user_id")) == "KeyError: 'user_id'"
    assert root_cause(MemoryError()) == "MemoryError"


def test_an_error_of_ours_is_found_under_foreign_wrapping():
    def wrap():
        try:
            raise DatasetError("u.item is cut off")
        except DatasetError as error:
            raise RuntimeError("a node broke") from error

    assert root_cause(_caught(wrap)) == "u.item is cut off"


def test_an_error_of_ours_is_not_pushed_aside_by_what_it_was_raised_from():
    def wrap():
        try:
            {}["missing"]
        except KeyError as error:
            raise NodeFailedError("Trainer", "no such feature") from error

    assert root_cause(_caught(wrap)) == "Trainer: no such feature"


def test_foreign_chain_shows_both_ends():
    def wrap():
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("bad vocabulary") from error

    assert root_cause(_caught(wrap)) == "ValueError: bad vocabulary (from KeyError: 'missing')"


def test_traceback_that_a_beam_worker_sends_as_text():
    text = """Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1500, in process
    return self.do_fn_invoker.invoke_process(windowed_value)
  File "executor.py", line 3, in process
    raise DatasetError(
movielens.records.DatasetError: 3 % of the rows are malformed
most of them: off_scale

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "apache_beam/runners/worker/sdk_worker.py", line 312, in _execute
    response = task()
RuntimeError: movielens.records.DatasetError: 3 % [while running 'Count/ParDo(Check)']
"""
    assert root_cause(RuntimeError(text)) == "3 % of the rows are malformed\nmost of them: off_scale"


def test_beam_step_is_left_out():
    error = ZeroDivisionError("division by zero [while running 'ParDo(Divide)-ptransform-12']")
    assert root_cause(error) == "ZeroDivisionError: division by zero"
