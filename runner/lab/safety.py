"""Who may ask a lab: a token, and certificates of the lab's own for what leaves this computer."""

import contextlib
import datetime
import ipaddress
import os
import secrets
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinybench.errors import ToolMissingError, UsageError
from tinybench.extras import missing
from tinybench.files import read_text

if TYPE_CHECKING:
    from distributed import Security

TOKEN_B = 32
DAYS = 825
"""That a certificate is good for; clients refuse longer ones."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TRY_S = 2.0
LEADER, WORKER = "leader", "worker"


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token(folder: Path, name: str = "token") -> str:
    """Return a secret of a lab, which is made the first time; only its owner can read it.

    `name`: "token", by which people ask, or "webhook-key", by which what it tells is signed.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return known_token(folder, name) or ""
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_urlsafe(TOKEN_B) + "\n")
    return known_token(folder, name) or ""


def known_token(folder: Path, name: str = "token") -> str | None:
    """Return the secret that lies in a lab's folder. Raises UsageError where it cannot be read."""
    path = folder / name
    try:
        found = read_text(path, 1024).strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the token cannot be read: {error}") from error
    if len(found) < TOKEN_B:
        raise UsageError(f"{path}: no token of a lab; remove it, and a new one is made")
    return found


def tls_folder(folder: Path) -> Path:
    """Return where the certificates of a lab are."""
    return folder / "tls"


def security(tls: Path, role: str) -> "Security":
    """Return what makes dask ask for certificates of this lab on both sides."""
    from distributed import Security

    _insist_files(tls, role)
    names: dict[str, Any] = {"tls_ca_file": str(tls / "ca.pem"), "require_encryption": True}
    for who in ("scheduler", "worker", "client"):
        names[f"tls_{who}_cert"] = str(tls / f"{role}.pem")
        names[f"tls_{who}_key"] = str(tls / f"{role}-key.pem")
    return Security(**names)


def joining(leader: str, tls: Path | None) -> "Security | None":
    """Return how a leader is joined; None: on loopback. Raises UsageError for an open way."""
    scheme, mark, rest = leader.partition("://")
    if scheme not in ("tcp", "tls") or not mark:
        raise UsageError(
            f"'{leader[:80]}' is no address of a leader such as tcp://127.0.0.1:8751; "
            "`tinybench lab serve` prints it"
        )
    if scheme == "tls":
        if tls is None:
            raise UsageError("a tls:// leader needs --tls DIR, with the files of `lab init`")
        return security(tls, WORKER)
    if not is_loopback(rest.rpartition(":")[0].strip("[]")):
        raise UsageError(
            f"{leader} leaves this computer without TLS, and whoever listens there could run "
            "anything here: serve it with `tinybench lab init`, and join by tls://"
        )
    return None


def refusal(host: str, port: int, tls: Path) -> str | None:
    """Return why the certificates of a worker and of the leader do not agree; None: they do.

    Or nobody listens there, which whoever asks knows already.
    """
    try:
        context = ssl.create_default_context(cafile=str(tls / "ca.pem"))
        context.load_cert_chain(tls / f"{WORKER}.pem", tls / f"{WORKER}-key.pem")
        context.check_hostname = False  # as dask, which holds to the lab's authority alone
        with (
            socket.create_connection((host, port), TRY_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as line,
            contextlib.suppress(TimeoutError),
        ):
            line.recv(1)  # only now the leader says whether it takes ours
    except ssl.SSLError as error:
        return f"the certificates in {tls} are not of the lab there: {error.reason or error}"
    except OSError:
        return None
    return None


def _insist_files(tls: Path, role: str) -> None:
    for name in ("ca.pem", f"{role}.pem", f"{role}-key.pem"):
        if not (tls / name).is_file():
            raise UsageError(
                f"{tls / name} is not there: `tinybench lab init --host NAME` makes certificates "
                f"where the leader runs; a worker gets ca.pem, {WORKER}.pem and {WORKER}-key.pem"
            )


def make_certificates(tls: Path, hosts: Sequence[str]) -> list[Path]:
    """Make a certificate authority for one lab, and certificates for its leader and its workers.

    The authority's own key is not kept: nothing is ever signed by it again. Raises UsageError
    where there are certificates already; ToolMissingError without cryptography.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise ToolMissingError(missing("making certificates", "cryptography", "lab")) from error
    if (tls / "ca.pem").exists():
        raise UsageError(
            f"{tls} has certificates already, which workers may use: remove the folder to make new"
        )
    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(days=DAYS)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = (
        x509.CertificateBuilder()
        .subject_name(name("tinybench lab"))
        .issuer_name(name("tinybench lab"))
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    written = [_written(tls / "ca.pem", ca.public_bytes(serialization.Encoding.PEM), 0o644)]
    alternatives = [_alternative(x509, one) for one in dict.fromkeys([*hosts, *LOOPBACK])]
    for role in (LEADER, WORKER):
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            x509.CertificateBuilder()
            .subject_name(name(f"tinybench lab {role}"))
            .issuer_name(ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False
            )
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .sign(ca_key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        written.append(_written(tls / f"{role}.pem", made.public_bytes(pem), 0o644))
        written.append(_written(tls / f"{role}-key.pem", secret, 0o600))
    return written


def _alternative(x509: Any, host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _written(path: Path, data: bytes, mode: int) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path
