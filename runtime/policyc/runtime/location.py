"""Where a policy rewrote Host, a redirect of the upstream names the host that the client does not know.

It is put back to the endpoint's own. Source: spec/endpoints.md §7.1.
"""

from __future__ import annotations

import re

Line = tuple[bytes, bytes]

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)")


def restore_location(lines: list[Line], sent_host: str, own: str) -> list[Line]:
    """Return `lines` with a Location on `sent_host` (the Host that the upstream saw) moved to `own`.

    `own` is scheme and authority as the client knows them.
    """
    made: list[Line] = []
    for name, value in lines:
        if len(name) == 8 and name.lower() == b"location":
            found = _ABSOLUTE.match(value)
            if found is not None and found[1].lower() == sent_host.lower().encode():
                value = own.encode() + value[found.end() :]
        made.append((name, value))
    return made
