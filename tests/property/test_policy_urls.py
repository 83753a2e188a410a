"""URLs of endpoints: one normal form, whatever the spelling; nothing that a client writes leads elsewhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.endpoint_url import (
    EndpointUrl,
    UrlProblem,
    parse_endpoint_url,
    parse_forward_target,
    parse_upstream,
)
from policyc.engine.phases import Binding

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(
    lambda label: label[:4] != "xn--"
)
HOST = st.lists(LABEL, min_size=1, max_size=5).map(".".join)
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
INTERNAL = st.builds(
    lambda scheme, host, port: f"{scheme}://{host}.internal{port}",
    st.sampled_from(["http", "https", "tls"]),
    HOST,
    PORT,
)


@given(INTERNAL)
def test_the_normal_form_is_its_own(text: str) -> None:
    url = parse_endpoint_url(text)
    assert isinstance(url, EndpointUrl)
    assert url.binding is Binding.INTERNAL
    again = parse_endpoint_url(url.url)
    assert again == url


@given(INTERNAL, st.randoms())
def test_case_and_a_trailing_dot_make_no_other_endpoint(text: str, random: object) -> None:
    scheme, _, rest = text.partition("://")
    host, colon, port = rest.partition(":")
    spelled = "".join(c.upper() if random.random() < 0.5 else c for c in f"{scheme}://{host}")  # type: ignore[attr-defined]
    first, second = parse_endpoint_url(text), parse_endpoint_url(f"{spelled}.{colon}{port}")
    assert isinstance(first, EndpointUrl)
    assert isinstance(second, EndpointUrl)
    assert first.key == second.key


@given(st.text(max_size=80))
def test_every_text_is_a_url_or_has_a_problem_inside_of_it(text: str) -> None:
    for parsed in (parse_endpoint_url(text), parse_forward_target(text), parse_upstream(text)):
        if isinstance(parsed, UrlProblem):
            assert 0 <= parsed.start <= parsed.end <= max(1, len(text))
            assert parsed.message


@given(st.one_of(st.text(max_size=60), INTERNAL), st.text(alphabet=".@/:#?\\ \r\n%*[]a。", max_size=6))
def test_a_target_from_traffic_is_always_a_concrete_internal_host(text: str, tail: str) -> None:
    for spelled in (
        text,
        text + tail,
        tail + text,
        f"https://{tail}{text}",
        f"https://{text}{tail}.internal",
    ):
        target = parse_forward_target(spelled)
        if isinstance(target, EndpointUrl):
            assert target.binding is Binding.INTERNAL
            assert target.host.endswith(".internal")
            assert not target.is_wildcard
            assert not set(target.host) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")
