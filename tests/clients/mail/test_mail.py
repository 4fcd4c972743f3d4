"""Somebody adds an e-mail address, and chooses a new password by it."""

import email
import email.policy
import json
import os
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request

SALON = os.environ["SALON_URL"]
MAIL = pathlib.Path(os.environ["MAIL"])
CLIENT = "/_matrix/client/v3"


def call(path, body, token=None):
    """POSTs JSON; returns the status and the answer."""
    headers = {"Content-Type": "application/json", "Accept-Language": "fr"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(SALON + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def message(number):
    """Waits for a message."""
    path = MAIL / f"{number:04}"
    for _ in range(300):
        if path.exists():
            return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        time.sleep(0.1)
    raise AssertionError(f"message {number} does not come")


def click(mail):
    """Confirms what a message asks for."""
    text = mail.get_content()
    link = next(word for word in text.split() if word.startswith(("http://", "https://")))
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["token"][0]
    form = urllib.parse.urlencode({"token": token}).encode()
    with urllib.request.urlopen(SALON + "/_salon/email/confirm", form) as page:
        assert page.status == 200


def an_address_is_added():
    _, alice = call(f"{CLIENT}/register", {
        "username": "alice", "password": "a long password 1", "auth": {"type": "m.login.dummy"},
    })
    ask = {"client_secret": "secret", "email": "alice@mailbox.test", "send_attempt": 1}
    _, asked = call(f"{CLIENT}/account/3pid/email/requestToken", ask)
    mail = message(1)
    assert mail["To"] == "alice@mailbox.test" and mail["From"] == "Salon <noreply@localhost>", mail.items()
    assert mail["Subject"] == "localhost: Confirmez votre adresse e-mail", mail["Subject"]
    assert mail["Date"] and mail["Message-ID"].endswith("@localhost>"), mail.items()
    assert "Si ce n'était pas vous" in mail.get_content(), mail.get_content()
    click(mail)
    proof = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"},
             "password": "a long password 1"}
    status, answer = call(f"{CLIENT}/account/3pid/add",
                          {"sid": asked["sid"], "client_secret": "secret", "auth": proof}, alice["access_token"])
    assert status == 200, answer
    assert "a été ajoutée" in message(2)["Subject"]


def a_password_is_reset():
    ask = {"client_secret": "secret", "email": "alice@mailbox.test", "send_attempt": 1}
    _, asked = call(f"{CLIENT}/account/password/email/requestToken", ask)
    click(message(3))
    proof = {"type": "m.login.email.identity",
             "threepid_creds": {"sid": asked["sid"], "client_secret": "secret"}}
    status, answer = call(f"{CLIENT}/account/password", {"new_password": "another password 2", "auth": proof})
    assert status == 200, answer
    login = {"type": "m.login.password", "password": "another password 2",
             "identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "alice@mailbox.test"}}
    status, answer = call(f"{CLIENT}/login", login)
    assert (status, answer["user_id"]) == (200, "@alice:localhost"), answer
    assert "mot de passe" in message(4)["Subject"]
    assert "Nouvelle connexion" in message(5)["Subject"]


if __name__ == "__main__":
    for test in (an_address_is_added, a_password_is_reset):
        try:
            test()
            print(f"test mail::{test.__name__} ... ok", flush=True)
        except Exception as fault:
            print(f"test mail::{test.__name__} ... FAILED\n{fault!r}", flush=True)
