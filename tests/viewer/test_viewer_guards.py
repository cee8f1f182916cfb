"""Who may talk to the server, and which keys stand for which class: rules without a server."""

import pytest

from l2h.core.legend import LandClass, Legend, load_legend
from l2h.viewer.guards import host_is_ours, is_loopback, same_origin, same_token, token_given
from l2h.viewer.keys import TAKEN, class_keys

OURS = frozenset({"localhost", "127.0.0.1", "::1"})


@pytest.mark.parametrize(
    ("header", "any_address", "ours"),
    [
        ("localhost:80", False, False),
        ("localhost:8642", False, True),
        ("LOCALHOST:8642", False, True),
        ("127.0.0.1:8642", False, True),
        ("[::1]:8642", False, True),
        ("localhost", False, False),
        ("", False, False),
        ("evil.example:8642", False, False),
        ("evil.example:8642", True, False),
        ("10.0.0.7:8642", False, False),
        ("10.0.0.7:8642", True, True),
    ],
)
def test_hosts(header: str, any_address: bool, ours: bool) -> None:
    assert host_is_ours(header, 8642, OURS, any_address) is ours


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"Origin": "http://localhost:1", "Host": "localhost:1"}, True),
        ({"Origin": "http://localhost:2", "Host": "localhost:1"}, False),
        ({"Origin": "null", "Host": "localhost:1"}, False),
        ({"Host": "localhost:1"}, False),
        ({"Origin": "http://localhost:1", "Host": "localhost:1", "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_origins(headers: dict[str, str], same: bool) -> None:
    assert same_origin(headers) is same


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "Basic abc"}, ""),
        ({"Cookie": "x=1; l2h_80=abc"}, "abc"),
        ({"Cookie": "l2h_81=abc"}, ""),
        ({}, ""),
    ],
)
def test_tokens(headers: dict[str, str], token: str) -> None:
    assert token_given(headers, "l2h_80") == token
    assert same_token(token, "abc") is (token == "abc")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.7", False), ("me", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_keys_of_the_legend() -> None:
    keys = {key.value: (key.digit, key.letter) for key in class_keys(load_legend("sinolc1"))}
    assert keys == {
        1: ("1", "t"), 2: ("2", "r"), 3: ("3", "s"), 4: ("4", "g"), 5: ("5", "c"), 6: ("6", "b"), 7: ("7", "a"),
        8: ("8", "n"), 9: ("9", "w"), 10: ("", "e"), 12: ("", "m"),
    }  # fmt: skip


def test_no_two_classes_share_a_key_and_none_takes_a_commands() -> None:
    classes = tuple(LandClass(v, "uzdfl", "", (0, 0, 0)) for v in range(1, 30))
    letters = [key.letter for key in class_keys(Legend("many", "", classes)) if key.letter]
    assert len(set(letters)) == len(letters) == 26 - len(TAKEN)
    assert not set(letters) & TAKEN
