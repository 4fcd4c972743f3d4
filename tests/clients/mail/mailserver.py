"""Runs a mail server, and a command that finds it configured in its environment.

usage: mailserver.py starttls|tls|none COMMAND...

Messages are files in the directory MAIL, named by their order. It takes them only from who logs in,
and, unless the encryption is none, only over TLS.
"""

import itertools
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = b"salon", b"the password of the mail server"


class Keeper:
    """Keeps messages."""

    def __init__(self, directory):
        self.directory = directory
        self.numbers = itertools.count(1)

    async def handle_DATA(self, server, session, envelope):
        path = self.directory / f"{next(self.numbers):04}"
        path.with_suffix(".part").write_bytes(envelope.content)
        path.with_suffix(".part").rename(path)
        return "250 taken"


class Server(Controller):
    """aiosmtpd with TLS from the beginning, or after STARTTLS, or not at all."""

    def __init__(self, keeper, context, encryption):
        self.context, self.encryption = context, encryption
        super().__init__(keeper, hostname="127.0.0.1", port=free_port(), ready_timeout=30,
                         ssl_context=context if encryption == "tls" else None)

    def factory(self):
        is_upgraded = self.encryption == "starttls"
        return SMTP(
            self.handler, hostname="localhost", authenticator=authenticate, auth_required=True,
            auth_require_tls=is_upgraded, require_starttls=is_upgraded,
            tls_context=self.context if is_upgraded else None,
        )



def authenticate(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=is_right, handled=False)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def certificate(directory):
    """A certificate for localhost that nobody else knows."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def main():
    encryption, command = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="salon-mail-") as home:
        home = pathlib.Path(home)
        cert, context = certificate(home)
        mail = home / "mail"
        mail.mkdir()
        server = Server(Keeper(mail), context, encryption)
        server.start()
        environment = dict(
            os.environ,
            MAIL=str(mail),
            SALON_MAIL__SMTP_HOST="localhost",
            SALON_MAIL__SMTP_PORT=str(server.port),
            SALON_MAIL__ENCRYPTION=encryption,
            SALON_MAIL__USERNAME=USER.decode(),
            SALON_MAIL__PASSWORD=PASSWORD.decode(),
            SALON_MAIL__FROM="Salon <noreply@localhost>",
            SALON_MAIL__CA_FILE=str(cert),
        )
        outcome = subprocess.run(command, env=environment).returncode
        server.stop()
        sys.exit(outcome)


if __name__ == "__main__":
    main()
