"""A certificate that signs itself, with its key, for tests: one.example.com, *.example.com, loopback."""

from __future__ import annotations

import ssl
import tempfile

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIByTCCAW+gAwIBAgIUY176knvEnMW8vspOnEuBAskGTCMwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPb25lLmV4YW1wbGUuY29tMCAXDTI2MTEyNTAxNDEzMVoYDzIx
MjYxMTAxMDE0MTMxWjAaMRgwFgYDVQQDDA9vbmUuZXhhbXBsZS5jb20wWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAS9b8v8ogFn+BKS3vYoFwhm116jAtf61HKPBZO5
dSXNBEWSoWHx3TttKytYtPaub/EWdM1odSJae0yfiDaa3A9To4GQMIGNMB0GA1Ud
DgQWBBS7j/zuPBpDeYfg03XE3WUOUeN62jAfBgNVHSMEGDAWgBS7j/zuPBpDeYfg
03XE3WUOUeN62jAPBgNVHRMBAf8EBTADAQH/MDoGA1UdEQQzMDGCD29uZS5leGFt
cGxlLmNvbYINKi5leGFtcGxlLmNvbYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49
BAMCA0gAMEUCIQD4W0lYv4vnym1818WgctJB25a+qfM3GVIgsAvEr3zxYAIgSuR8
FbXsPRA4louSRZ9824iVjr6x+3oBT7d/wK8HNFQ=
-----END CERTIFICATE-----
"""

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsrZCbMUp9J5PVXzy
Ws1vkGnwfbvidYbMwao9SnVtzX6hRANCAAS9b8v8ogFn+BKS3vYoFwhm116jAtf6
1HKPBZO5dSXNBEWSoWHx3TttKytYtPaub/EWdM1odSJae0yfiDaa3A9T
-----END PRIVATE KEY-----
"""


def server_context() -> ssl.SSLContext:
    """Return a context that presents the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(CERTIFICATE + KEY)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def client_context() -> ssl.SSLContext:
    """Return a context that trusts the certificate."""
    return ssl.create_default_context(cadata=CERTIFICATE)
