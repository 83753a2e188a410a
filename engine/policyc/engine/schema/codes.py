"""The codes of fields: what may be wrong with a value in an action's config, whatever the action."""

from __future__ import annotations

from policyc.grammar.codes import declare

CONFIG_SHAPE = declare(
    "P0320",
    "config-shape",
    "the config of an action is not a mapping",
    explanation="The config of an action holds its fields by name, so it is a mapping. A string, a "
    "number or a "
    "list there means nothing.",
    wrong='on_http_request:\n  - actions:\n      - type: deny\n        config: "401"',
    right="on_http_request { deny 401 }",
    ngrok=2203,
)
UNKNOWN_FIELD = declare(
    "P0321",
    "unknown-field",
    "an action has no such field",
    explanation="Every field of an action's config is declared. An unknown one is refused, because a "
    "field that "
    "is silently ignored may be the one that was meant to protect something.",
    wrong='on_http_request { redirect { location: "https://example.com/" } }',
    right='on_http_request { redirect { to: "https://example.com/" } }',
    ngrok=2203,
)
MISSING_FIELD = declare(
    "P0322",
    "missing-field",
    "a required field is missing",
    explanation="The action cannot work without this field, and there is no default that would be right.",
    wrong='on_http_request { verify-webhook { provider: "github" } }',
    right='on_http_request { verify-webhook { provider: "github", secret: secrets.get("vault", "github") } }',
    ngrok=2234,
)
FIELD_TWICE = declare(
    "P0323",
    "field-given-twice",
    "a field is given twice",
    explanation="A field may be given once: as the value that follows the action's name or in its block, "
    "under "
    "its name or under its older name, not both.",
    wrong="on_http_request { deny 401 { status_code: 403 } }",
    right="on_http_request { deny 403 }",
    ngrok=2203,
)
WRONG_TYPE = declare(
    "P0324",
    "wrong-field-type",
    "a field holds a value of another type",
    explanation="Each field takes values of one type. Numbers and booleans are written without quotes, "
    "durations "
    "as text such as `60s`, lists in brackets.",
    wrong='on_http_request { deny { status_code: "forbidden" } }',
    right="on_http_request { deny { status_code: 403 } }",
    ngrok=2228,
)
OUT_OF_RANGE = declare(
    "P0325",
    "out-of-range",
    "a number is outside the range of its field",
    explanation="The field takes numbers between two limits, both included.",
    wrong="on_http_request { deny 200 }",
    right="on_http_request { deny 403 }",
    ngrok=2215,
)
NOT_ALLOWED = declare(
    "P0326",
    "value-not-allowed",
    "a value is not one of those that the field takes",
    explanation="The field takes one of a fixed set of values.",
    wrong='on_http_request { forward-internal "https://app.internal" { on_error: "ignore" } }',
    right='on_http_request { forward-internal "https://app.internal" { on_error: "continue" } deny 503 }',
    ngrok=2222,
)
TOO_MANY = declare(
    "P0327",
    "too-many-entries",
    "a list or mapping has too many entries",
    explanation="The field takes a limited number of entries. Two actions of the same type share the work "
    "where one may not hold it all.",
    wrong='on_http_request { remove-headers { headers: ["a", "b", "c", "d", "e", "f", "g", "h", "i", '
    '"j", "k"] } }',
    right='on_http_request { remove-headers { headers: ["a", "b"] } }',
    ngrok=2218,
)
EMPTY = declare(
    "P0328",
    "empty-value",
    "a field is empty",
    explanation="The field needs at least one entry, or at least one character.",
    wrong="on_http_request { add-headers { headers: {} } }",
    right='on_http_request { add-headers { headers: { "x-a": "1" } } }',
    ngrok=2223,
)
TEXT_LENGTH = declare(
    "P0329",
    "text-length",
    "a text is too long or too short",
    explanation="The field limits the number of characters.",
    wrong='on_http_request { basic-auth { credentials: ["ops:short"] } }',
    right='on_http_request { basic-auth { credentials: ["ops:long enough"] } }',
    ngrok=2221,
)
NOT_CONSTANT = declare(
    "P0330",
    "not-constant",
    "a field takes no interpolation",
    explanation="The value of this field must be known before any traffic flows: it takes no `${…}` and no "
    "expression that reads the exchange. A `let` that is constant is fine.",
    wrong="on_http_request { deny (size(req.headers)) }",
    right="on_http_request { deny 403 }",
    ngrok=2228,
)
NULL_VALUE = declare(
    "P0331",
    "null-value",
    "a field is null",
    explanation="`null` is no value for this field. In YAML a key with nothing behind it is null too: "
    "leave the "
    "field out, or give it a value.",
    wrong="on_http_request { deny { status_code: null } }",
    right="on_http_request { deny }",
    ngrok=2228,
)
OLD_FIELD = declare(
    "P0332",
    "old-field-name",
    "a field has a newer name",
    explanation="The field is accepted under the name that it had before; the name of today is better.",
    wrong='on_http_request { custom-response 200 { content: "ok" } }',
    right='on_http_request { custom-response 200 { body: "ok" } }',
    severity="warning",
)
SCALAR_AS_TEXT = declare(
    "P0333",
    "scalar-as-text",
    "a number or boolean stands where text belongs",
    explanation="The value is taken as the text that was written. Quotes say so, and keep a version like "
    "`1.10` "
    "or a code like `007` from being read as a number by other tools.",
    wrong='on_http_request { add-headers { headers: { "x-version": 2 } } }',
    right='on_http_request { add-headers { headers: { "x-version": "2" } } }',
    severity="warning",
)
DUPLICATES = declare(
    "P0334",
    "duplicate-values",
    "a list holds a value twice",
    explanation="The values of this list must differ; a second occurrence would do nothing.",
    wrong='on_http_response { compress-response { algorithms: ["gzip", "gzip"] } }',
    right='on_http_response { compress-response { algorithms: ["gzip", "br"] } }',
    ngrok=2231,
)
LITERAL_TEMPLATE = declare(
    "P0335",
    "literal-template",
    "`${…}` in a field that takes no interpolation",
    explanation="The field is not interpolated, so `${…}` in it stays as it is, dollar sign and braces.",
    wrong="on_http_request:\n  - actions:\n      - type: basic-auth\n        config: "
    '{ realm: "${req.host}", credentials: ["ops:12345678"] }',
    right='on_http_request { basic-auth { realm: "ops", credentials: ["ops:12345678"] } }',
    severity="warning",
)
BARE_EXPRESSION = declare(
    "P0336",
    "bare-expression",
    "text that looks like an expression",
    explanation="In YAML and JSON an expression inside a config stands in `${…}`; without it the text is "
    "sent "
    "as it is written.",
    wrong="on_http_request:\n  - actions:\n      - type: add-headers\n        config: "
    "{ headers: { x-host: \"req.headers['host'][0]\" } }",
    right="on_http_request { add-headers { headers: { \"x-host\": req.headers['host'][0] } } }",
    severity="warning",
)
BAD_DURATION = declare(
    "P0337",
    "bad-duration",
    "a duration does not parse or is outside its limits",
    explanation="Durations are numbers with a unit (`ms`, `s`, `m`, `h`), one or several in a row: `90s`, "
    "`1m30s`, `24h`. Most fields limit how short and how long they may be.",
    wrong='on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 5s, '
    "bucket_key: [conn.client_ip] } }",
    right='on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s, '
    "bucket_key: [conn.client_ip] } }",
    ngrok=2228,
)
NOT_A_URL = declare(
    "P0338",
    "not-a-url",
    "a text is not a URL",
    explanation="The field takes an absolute URL with a scheme and a host.",
    wrong='on_http_request { http-request { url: "authz.internal/check" } }',
    right='on_http_request { http-request { url: "https://authz.internal/check" } }',
    ngrok=2226,
)
NOT_A_REGEX = declare(
    "P0339",
    "not-a-regular-expression",
    "a text is not a regular expression that runs in linear time",
    explanation="Patterns are RE2: no look-around and no back-references, because those can take exponential "
    "time.",
    wrong='on_http_request { redirect { from: "(?=a)b", to: "/x" } }',
    right='on_http_request { redirect { from: "/old", to: "/new" } }',
    ngrok=2261,
)
NOT_A_CIDR = declare(
    "P0340",
    "not-a-range",
    "a text is not an address range",
    explanation="A range is an IPv4 or IPv6 prefix such as `203.0.113.0/24` or `2001:db8::/32`; an address "
    "alone stands for itself.",
    wrong='on_tcp_connect { restrict-ips { allow: ["10.0.0.0/33"] } }',
    right='on_tcp_connect { restrict-ips { allow: ["10.0.0.0/8"] } }',
    ngrok=2217,
)
BAD_HEADER_NAME = declare(
    "P0341",
    "bad-header-name",
    "a text is not a header name",
    explanation="A header name is made of letters, digits, hyphens and a few other signs, without blanks and "
    "without a colon (RFC 9110 §5.1).",
    wrong='on_http_request { add-headers { headers: { "x token": "1" } } }',
    right='on_http_request { add-headers { headers: { "x-token": "1" } } }',
    ngrok=2210,
)
BAD_HEADER_VALUE = declare(
    "P0342",
    "bad-header-value",
    "a header value holds a character that could split a message",
    explanation="A line break, a NUL or another control character in a header value would let a value become "
    "further headers or a second message. They are refused, never stripped.",
    wrong='on_http_request { add-headers { headers: { "x-a": "1\\r\\nx-b: 2" } } }',
    right='on_http_request { add-headers { headers: { "x-a": "1", "x-b": "2" } } }',
    ngrok=2211,
)
REFUSED_HEADER = declare(
    "P0343",
    "refused-header",
    "a header that policies may not set or remove",
    explanation="Headers that frame the message or belong to one connection are the gateway's own; a few "
    "others "
    "are protected because of what they mean to it.",
    wrong='on_http_request { add-headers { headers: { "transfer-encoding": "chunked" } } }',
    right='on_http_request { add-headers { headers: { "x-encoding": "chunked" } } }',
    ngrok=2219,
)
MANAGED_HEADER = declare(
    "P0344",
    "managed-header",
    "a header that the gateway works out itself",
    explanation="The gateway sets this header from the answer that it sends, so the value written here is "
    "dropped.",
    wrong='on_http_request { custom-response 200 { body: "ok", headers: { "content-length": "2" } } }',
    right='on_http_request { custom-response 200 { body: "ok" } }',
    severity="warning",
)
NOT_PEM = declare(
    "P0345",
    "not-pem",
    "a text is not in PEM form",
    explanation="Keys and certificates are written in PEM form, from `-----BEGIN …-----` to `-----END "
    "…-----`, "
    "line breaks included.",
    wrong='on_tcp_connect { terminate-tls { mutual_tls_certificate_authorities: ["ca.crt"] } }',
    right='on_tcp_connect { terminate-tls { mutual_tls_certificate_authorities: [secrets.get("pki", '
    '"ca")] } }',
    ngrok=14001,
)
NESTED_TOO_DEEP = declare(
    "P0346",
    "value-nested-too-deep",
    "a value is nested too deep",
    explanation="Lists and mappings inside each other are limited to 16 levels.",
    wrong="on_http_request { set-vars { vars: [{ a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]] }] } }",
    right="on_http_request { set-vars { vars: [{ a: [[[1]]] }] } }",
    ngrok=2250,
)
CONSTANT_SOURCE = declare(
    "P0347",
    "quoted-expression",
    "an expression in quotes",
    explanation="This field takes an expression. In a `.policy` file it is written without quotes; with "
    "quotes it "
    "is a text that is always the same.",
    wrong='on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s, '
    'bucket_key: ["conn.client_ip"] } }',
    right='on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s, '
    "bucket_key: [conn.client_ip] } }",
    severity="warning",
)
