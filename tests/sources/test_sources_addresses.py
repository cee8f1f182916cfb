"""Numbers that may be reached, and what a redirect may say."""

import ipaddress

import httpcore
import pytest

from l2h.sources.addresses import AddressError, check_url, may_reach, resolve
from l2h.sources.stores import bucket_url, seconds_to_wait
from l2h.sources.web import md5_of, version_of


@pytest.mark.parametrize(
    ("number", "openly", "privately"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("10.1.2.3", False, True),
        ("192.168.0.1", False, True),
        ("fd00::1", False, True),
        ("100.64.0.1", False, False),  # carrier's own network
        ("169.254.169.254", False, False),  # where clouds serve credentials
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("::ffff:127.0.0.1", False, True),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::7f00:1", False, True),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("2002:a9fe:a9fe::1", False, False),
    ],
)
def test_which_numbers_may_be_reached(number: str, openly: bool, privately: bool) -> None:
    address = ipaddress.ip_address(number)
    assert (may_reach(address, False), may_reach(address, True)) == (openly, privately)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "::1"])
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises((AddressError, httpcore.ConnectError)):
        resolve(host, 80, allow_private=False)


def test_urls() -> None:
    assert check_url("https://host/x", came_from="http://host/x") == "https://host/x"
    for url, match in {
        "http://": "not followed",
        "host/x": "not followed",
        "http://host:99999/": "cannot be read",
        "https://user@host/": "carries a user name",
    }.items():
        with pytest.raises(AddressError, match=match):
            check_url(url)
    with pytest.raises(AddressError, match="from https to http"):
        check_url("http://host/x", came_from="https://host/x")


def test_buckets_are_read_without_a_signature() -> None:
    assert bucket_url("b/a b", None, None) == "https://s3.us-east-1.amazonaws.com/b/a%20b"
    assert bucket_url("b/p", "x", "http://127.0.0.1:9/") == "http://127.0.0.1:9/b/p"


def test_what_headers_say() -> None:
    import httpx

    assert seconds_to_wait(None) is None
    assert seconds_to_wait("7") == 7.0
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_to_wait("in a while") is None
    headers = httpx.Headers({"ETag": '"a"', "Last-Modified": "x", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert version_of(headers) == '"a"'
    assert md5_of(headers) == "d41d8cd98f00b204e9800998ecf8427e"
    assert md5_of(httpx.Headers({"Content-MD5": "AAAA"})) is None
    assert md5_of(httpx.Headers({"x-goog-hash": "crc32c=AAAA"})) is None
