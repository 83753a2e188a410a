"""The cases of a running gateway: what a sentence of the specification makes of a request.

A file of gateway/ is a list of groups. A group has

    ref       the page and section whose sentence it holds
    holds     that sentence, in our words
    policy    phases in `.policy`, for the endpoint `https://a.test` with the upstream UP
    yaml      or: phases in YAML
    program   or: a whole `.policy` file; agent: or an agent config file
    bare      or: phases in `.policy` without an endpoint, run with `--upstream`
    with      more of a `.policy` file beside `policy` or `yaml`: internal endpoints, lets
    endpoint  another URL of the endpoint; cloud: true leaves the upstream out
    upstream  what UP answers: status, then field lines, an empty line, the body
    settings  settings of the gateway
    embed     false where an embedded policy cannot answer the same (it says so with `why`)
    cases     lists of steps. A first step that is none is an input: it takes the place of `%%` above

UP and UP2 stand for upstreams that record what they see, DEAD for one that refuses connections, MUTE for one
that closes without an answer, BAD for one that talks nonsense.

Steps, in order:

    > GET /x                 a request on the case's connection: then field lines, an empty line, the body
    >> octets                octets as they are; a lone newline becomes CR LF
    from 127.0.0.9           connect from this address
    another connection       go on on a new one
    clock +60                so many seconds pass for rate limits
    another reply            the next answer, to what was sent ahead
    200                      the status of the answer
    name: a | b              its field lines of a name, in order; `name: ~re` for one that matches
    no name                  it has no such field
    body: text               its body; `body ~ re` for a part; `json: …` for what it says in JSON
    saw nothing              the upstreams got no request since the last one sent
    saw GET /x               what an upstream got last; `saw name: a | b`, `saw no name`, `saw body: …`
    saw at UP2               which upstream it was
    log name: value          a field of its access log record (JSON or text); `log no name`; `log ~name: re`
    logged: […]              the entries of the `log` action
    dropped                  there is no answer: the connection is closed or reset
    closed / open            the connection after the answer
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parent / "gateway"
KEYS = {
    "ref", "holds", "policy", "yaml", "program", "agent", "bare", "with", "endpoint", "cloud", "upstream",
    "settings", "embed", "why", "cases",
}  # fmt: skip


class Case(NamedTuple):
    """What to run, and the steps."""

    id: str
    ref: str
    holds: str
    group: dict[str, Any]
    input: str | None
    steps: tuple[str, ...]

    def text(self, key: str) -> str | None:
        """Return a text of the group with the case's input in it."""
        given = self.group.get(key)
        if given is None:
            return None
        return str(given) if self.input is None else str(given).replace("%%", self.input)

    @property
    def can_embed(self) -> bool:
        """Whether the policy alone, without a gateway, must answer the same."""
        group = self.group
        others = {"program", "agent", "bare", "with", "settings"} & set(group)
        return not others and group.get("embed", True) is not False


def read_cases() -> list[Case]:
    """Return the cases of all files, in order."""
    return [case for path in sorted(FOLDER.glob("*.yaml")) for case in _of_file(path)]


def _of_file(path: Path) -> Iterator[Case]:
    groups = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for number, group in enumerate(groups, 1):
        unknown = set(group) - KEYS
        assert not unknown, f"{path.name}, group {number}: {unknown}"
        assert group.get("embed", True) or group.get("why"), f"{path.name}, group {number}: why not?"
        for index, steps in enumerate(group["cases"], 1):
            texts = tuple(str(step) for step in steps)
            given = None if is_step(texts[0]) else texts[0]
            yield Case(
                f"{path.stem}-{number}-{index}",
                group["ref"],
                group["holds"],
                group,
                given,
                texts[given is not None :],
            )


def is_step(text: str) -> bool:
    """Whether a case begins with a step, not with an input."""
    return text.startswith((">", "from ", "clock "))
