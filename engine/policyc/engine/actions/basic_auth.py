"""Ask for a user name and a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.outcome import Respond
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Boolean,
    Cel,
    Config,
    Constant,
    Dynamic,
    FieldFault,
    ListOf,
    Place,
    Reading,
    Schema,
    Text,
    codes,
    field,
)
from policyc.engine.schema.evaluate import Unfit, merged, text_reader
from policyc.engine.secrets_in_clear import warn_secret
from policyc.engine.traffic import Exchange, octets
from policyc.engine.types import BOOL, STRING, Field, Record
from policyc.engine.values import EvalError
from policyc.grammar import syntax
from policyc.grammar.codes import declare
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node

PASSWORD_MIN, PASSWORD_MAX = 8, 128

BAD_CREDENTIAL = declare(
    "P0362",
    "bad-credential",
    "a credential is not `user:password`",
    explanation="A credential is a user name, a colon and a password. Unless a template gives all of it, "
    "the colon "
    "is written out, so that a value cannot move the border between the two.",
    wrong='on_http_request { basic-auth { credentials: ["ops"] } }',
    right="on_http_request { basic-auth { credentials: [\"ops:${secrets.get('vault', 'ops')}\"] } }",
    ngrok=2204,
)
BAD_USER = declare(
    "P0363",
    "bad-user",
    "a user name holds a control character",
    explanation="User names and passwords may not hold control characters (RFC 7617 §2.1).",
    wrong='on_http_request { basic-auth { credentials: ["o\\nps:long enough"] } }',
    right='on_http_request { basic-auth { credentials: ["ops:long enough"] } }',
    ngrok=2257,
)
BAD_PASSWORD = declare(
    "P0364",
    "bad-password",
    "a password holds a control character",
    explanation="User names and passwords may not hold control characters (RFC 7617 §2.1).",
    wrong='on_http_request { basic-auth { credentials: ["ops:long\\nenough"] } }',
    right='on_http_request { basic-auth { credentials: ["ops:long enough"] } }',
    ngrok=2258,
)


def problem_of(credential: str) -> Unfit | None:
    """Return what is wrong with a whole credential, None if nothing is."""
    user, colon, password = credential.partition(":")
    if not colon:
        return Unfit(BAD_CREDENTIAL, "is no credential: it has no colon", hint="write `user:password`")
    if _has_control(user):
        return Unfit(BAD_USER, "has a user name with a control character")
    if _has_control(password):
        return Unfit(BAD_PASSWORD, "has a password with a control character")
    if len(password) < PASSWORD_MIN:
        return Unfit(codes.TEXT_LENGTH, f"has a password of fewer than {PASSWORD_MIN} characters", ngrok=2237)
    if len(password) > PASSWORD_MAX:
        return Unfit(codes.TEXT_LENGTH, f"has a password of more than {PASSWORD_MAX} characters")
    return None


def _has_control(text: str) -> bool:
    return any(char < " " or char == "\x7f" for char in text)


class Credential(Text):
    """`user:password`. Its reader gives None for a value that breaks the rules: it then never matches."""

    __slots__ = ()
    title = "a credential such as `user:password`"
    strict = True

    def accept(self, value: Any) -> Any:
        """Check a literal credential."""
        problem = problem_of(value)
        if problem is not None:
            raise problem
        return value

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a credential; a mapping gets a hint, for some examples show one."""
        if isinstance(value, syntax.MapValue):
            place.report(
                codes.WRONG_TYPE,
                f"{place.name} must be {self.title}, not a mapping",
                value.span,
                hint='write one text: "user:password"',
            )
            return None
        return super().read(value, place)

    def _read_parts(self, parts: list[str | Node], span: Span, place: Place) -> Reading | None:
        try:
            pieces = merged(parts)
        except EvalError:
            return super()._read_parts(parts, span, place)
        if len(pieces) <= 1:
            return self._whole(pieces, parts, span, place)
        before, colon, _ = _at_colon(pieces)
        if not colon:
            place.report(
                BAD_CREDENTIAL,
                f"{place.name} needs its colon written out, as a template gives only a part of it",
                span,
                hint="write `${user}:${password}`",
            )
            return None
        nodes = tuple(piece for piece in pieces if not isinstance(piece, str))

        def make() -> Any:
            user = text_reader(before, place, None)
            whole = text_reader(pieces, place, None)

            def read(x: Exchange) -> str | None:
                # The value may not bring in another colon, on either side of the one that is written out.
                credential: str = whole(x)
                literal_colons = sum(piece.count(":") for piece in pieces if isinstance(piece, str))
                if ":" in user(x) or credential.count(":") != literal_colons:
                    return None
                return None if problem_of(credential) else credential

            return read

        return Dynamic(make, nodes, span, place.path, STRING)

    def _whole(
        self, pieces: list[str | Node], parts: list[str | Node], span: Span, place: Place
    ) -> Reading | None:
        if not pieces or isinstance(pieces[0], str):
            return super()._read_parts(parts, span, place)
        checked = super()._read_parts(parts, span, place)
        if checked is None:
            return None
        nodes = (pieces[0],)

        def make() -> Any:
            whole = text_reader(pieces, place, None)

            def read(x: Exchange) -> str | None:
                credential: str = whole(x)
                return None if problem_of(credential) else credential

            return read

        return Dynamic(make, nodes, span, place.path, STRING)


def _at_colon(pieces: list[str | Node]) -> tuple[list[str | Node], bool, list[str | Node]]:
    """Split the pieces at the first literal colon."""
    for i, piece in enumerate(pieces):
        if isinstance(piece, str) and ":" in piece:
            head, _, tail = piece.partition(":")
            return [*pieces[:i], head], True, [tail, *pieces[i + 1 :]]
    return pieces, False, []


SCHEMA = Schema(
    field(
        "credentials",
        ListOf(Credential(Cel.TEMPLATE), least=1, most=10),
        "accepted pairs `user:password`; passwords have 8 to 128 characters",
        required=True,
    ),
    field("realm", Text(max_length=128, ascii_only=True), "realm of the challenge", default="ngrok"),
    field("enforce", Boolean(), "false: set the result variables and let everybody in", default=True),
    hints={
        "users": "the field is called `credentials`",
        "username": 'write `credentials: ["user:password"]`',
    },
)
RESULT = Record(
    "basic_auth",
    (),
    {
        "credentials": Field(
            Record(
                "basic_auth.credentials",
                (),
                {
                    "presented": Field(BOOL, "whether the request brought credentials"),
                    "username": Field(STRING, "the user name that it brought"),
                    "authorized": Field(BOOL, "whether they are among the accepted ones"),
                },
            ),
            "what the request brought",
        )
    },
)


def check_basic_auth(config: Config, site: Site) -> None:
    """Warn of passwords that are written out."""
    for item in config.items("credentials"):
        if isinstance(item, Constant):
            warn_secret(item, "a password", site)


def presented(x: Exchange) -> str | None:
    """Return the `user:password` that a request brought, None if it brought none that can be read."""
    lines = x.req.headers.get("authorization")
    if len(lines) != 1:
        return None  # of several, nobody knows which one the upstream would take
    scheme, _, token = lines[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    from binascii import Error, a2b_base64

    try:
        pair = a2b_base64(token.strip(), strict_mode=True)
    except (Error, ValueError):
        return None
    return pair.decode("utf-8", "surrogateescape") if b":" in pair else None


def compile_basic_auth(config: Config, site: Site) -> Step:
    """Return the step: 401 with a challenge unless a pair matches. Every pair is compared.

    In constant time.
    """
    from hmac import compare_digest

    reading = config["credentials"]
    read = reading.reader()
    known = [octets(credential) for credential in reading.value] if reading.is_constant else None
    realm = config.constant("realm", str).replace("\\", "\\\\").replace('"', '\\"')
    challenge = f'Basic realm="{realm}"'
    enforce = config.constant("enforce", bool)

    def step(x: Exchange) -> Respond | None:
        pair = presented(x)
        authorized = False
        if pair is not None:
            brought = octets(pair)
            accepted = known if known is not None else [octets(c) for c in read(x) if c is not None]
            for credential in accepted:
                authorized |= compare_digest(brought, credential)
        x.results["basic_auth"] = {
            "credentials": {
                "presented": pair is not None,
                "username": "" if pair is None else pair.partition(":")[0],
                "authorized": authorized,
            }
        }
        if authorized or not enforce:
            return None
        return Respond(401, [("www-authenticate", challenge)], final=True, reason="basic-auth")

    if known is not None:
        return step

    def guarded_step(x: Exchange) -> object:
        try:
            return step(x)
        except FieldFault as fault:
            x.results["basic_auth"] = {
                "credentials": {"presented": presented(x) is not None, "username": "", "authorized": False}
            }
            return fault.outcome()

    return guarded_step  # type: ignore[return-value]


ACTION = Action(
    name="basic-auth",
    doc="Let in only requests with one of the given user names and passwords (RFC 7617); others get 401 "
    "with a "
    "challenge.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=RESULT,
    result_name="basic_auth",
    check=check_basic_auth,
    compile=compile_basic_auth,
    authenticates=True,
    example='on_http_request { basic-auth { realm: "ops", credentials: ["ops:${secrets.get(\'gw\', '
    "'ops')}\"] } }",
    source="spec/actions.md#basic-auth",
)
