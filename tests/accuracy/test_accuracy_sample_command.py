"""`l2h sample`: what it refuses before anything is read."""

import pytest
from click.testing import CliRunner

from l2h.cli.sample import sample
from l2h.core.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of size"),
        (["--size", "1"], "--size"),
        (["--size", "9", "--expected", "water"], "NAME=P"),
        (["--size", "9", "--expected", "water=1.5"], "between 0 and 1"),
        (["--answers", "a.csv"], "needs --points"),
    ],
)
def test_refusals(arguments, message):
    result = CliRunner().invoke(sample, arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
