"""Names of hosts, as people type them and as browsers send them."""

import pytest

from dashboard.server import hosts


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("lab.example", "lab.example", None),
        ("LAB.Example.:8443", "lab.example", 8443),
        ("bücher.example", "xn--bcher-kva.example", None),
        ("straße.example:80", "xn--strae-oqa.example", 80),  # as browsers have it, not "strasse"
        ("digit_lab", "digit_lab", None),
        ("192.168.0.7:8050", "192.168.0.7", 8050),
        ("::1", "::1", None),
        ("[0:0::1]:8050", "::1", 8050),
    ],
)
def test_a_host_is_read_as_browsers_send_it(text: str, name: str, port: int | None) -> None:
    assert hosts.parse(text) == (name, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "a b",
        "http://a",
        "a/b",
        "a..b",
        "a:",
        "a:0",
        "a:65536",
        "a:b",
        "[a]",
        "[::1",
        "x@y",
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        hosts.parse(text)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.0.1", "::1"])
def test_addresses_of_this_computer_alone(name: str) -> None:
    assert hosts.is_loopback(name)


@pytest.mark.parametrize("name", ["0.0.0.0", "::", "192.168.0.7", "lab.example", "localhost.evil"])
def test_addresses_that_others_may_reach(name: str) -> None:
    assert not hosts.is_loopback(name)
