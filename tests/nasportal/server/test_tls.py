"""The portal opened deliberately: its own certificate, or a trusted proxy in front."""

import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.portal import running_portal

pytestmark = pytest.mark.slow


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is good for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "portal.crt", folder / "portal.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths


def test_it_serves_under_its_own_certificate(tmp_path: Path) -> None:
    path, key = certificate(tmp_path)
    tls = {"NASPORTAL_TLS": "certificate", "NASPORTAL_TLS_CERTIFICATE": str(path), "NASPORTAL_TLS_KEY": str(key)}
    with running_portal(tmp_path / "var", **tls) as portal:
        assert portal.link.startswith(f"https://127.0.0.1:{portal.port}/login/once/")
        trusted = ssl.create_default_context(cafile=str(path))
        connection = HTTPSConnection("127.0.0.1", portal.port, context=trusted, timeout=10)
        connection.request("GET", portal.link.removeprefix(f"https://127.0.0.1:{portal.port}"))
        answer = connection.getresponse()
        assert answer.status == 302
        cookie = next(value for name, value in answer.getheaders() if name == "Set-Cookie" and "_session" in value)
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_behind_a_trusted_proxy_plain_requests_are_sent_to_https(tmp_path: Path) -> None:
    with running_portal(tmp_path / "var", NASPORTAL_TLS="proxy", NASPORTAL_HOSTS="nas.example.org") as portal:

        def ask(path: str, **headers: str) -> HTTPResponse:
            connection = HTTPConnection("127.0.0.1", portal.port, timeout=10)
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers={"Host": "nas.example.org"} | given)
            return connection.getresponse()

        assert portal.link.startswith("https://nas.example.org/login/once/")
        plain = ask("/login/")
        assert plain.status == 301
        assert plain.headers["Location"] == "https://nas.example.org/login/"
        assert ask("/login/", X_Forwarded_Proto="https").status == 200
        assert ask("/healthz").status == 200
        assert ask("/login/", Host="evil.example", X_Forwarded_Proto="https").status == 400
