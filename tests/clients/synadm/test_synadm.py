"""Runs commands of synadm against the server at SALON_URL, and looks at what came of them."""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from urllib.parse import quote

import requests

import lines

URL = os.environ["SALON_URL"]
PASSWORD = "correct horse battery staple"
PATIENCE_S = 60
numbers = itertools.count(1)


class Person:
    """Somebody with an account and a session."""

    def __init__(self, name):
        self.name = f"{name}{next(numbers)}"
        body = {"username": self.name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        answer = requests.post(f"{URL}/_matrix/client/v3/register", json=body, timeout=PATIENCE_S).json()
        self.id, self.token, self.device = answer["user_id"], answer["access_token"], answer["device_id"]

    def call(self, method, path, body=None, **more):
        """A request of the client-server API."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return requests.request(
            method, f"{URL}/_matrix/{path}", headers=headers, json=body, timeout=PATIENCE_S, **more
        )

    def create_room(self, **more):
        return self.call("POST", "client/v3/createRoom", {"preset": "public_chat", **more}).json()["room_id"]

    def join(self, room):
        return self.call("POST", f"client/v3/join/{quote(room)}", {})

    def say(self, room, **content):
        path = f"client/v3/rooms/{quote(room)}/send/m.room.message/{next(numbers)}"
        return self.call("PUT", path, {"msgtype": "m.text", **content}).json()["event_id"]

    def bodies(self, room):
        """What is left of the messages of a room, the newest first."""
        events = self.call("GET", f"client/v3/rooms/{quote(room)}/messages?dir=b&limit=50").json()["chunk"]
        return [event["content"].get("body") for event in events if event["type"] == "m.room.message"]

    def upload(self, text):
        answer = self.call("POST", "media/v3/upload", headers={"Content-Type": "text/plain"}, data=text)
        return answer.json()["content_uri"].rsplit("/", 1)[1]

    def is_logged_in(self):
        return self.call("GET", "client/v3/account/whoami").ok


def operate(*arguments):
    """Runs a command on the machine of the server."""
    environment = {name: value for name, value in os.environ.items() if name != "SALON_URL"}
    environment["SALON_SERVER__DATA_DIRECTORY"] = os.environ["DATA_DIRECTORY"]
    subprocess.run([os.environ["PROGRAM"], *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Person("root")
        operate("user", "make-admin", cls.root.name)
        cls.folder = tempfile.TemporaryDirectory()
        cls.config = pathlib.Path(cls.folder.name, "synadm.yaml")
        cls.config.write_text(json.dumps({
            "user": cls.root.name, "token": cls.root.token, "base_url": URL, "protocol": "http",
            "admin_path": "/_synapse/admin", "matrix_path": "/_matrix", "timeout": PATIENCE_S,
            "server_discovery": "well-known", "homeserver": "localhost", "format": "json", "ssl_verify": True,
        }))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def synadm(self, *arguments):
        """What a command prints, which is JSON."""
        program = pathlib.Path(sys.executable).with_name("synadm")
        command = [program, "--batch", "--config-file", self.config, "--output", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HOME": self.folder.name})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # Some commands tell what they do before they tell what came of it.
        told, at = None, done.stdout.find("{")
        while at >= 0:
            told, end = json.JSONDecoder().raw_decode(done.stdout, at)
            at = done.stdout.find("{", end)
        return told

    def until(self, claim):
        """Asks until `claim` returns something true, and returns that."""
        end = time.monotonic() + PATIENCE_S
        while not (found := claim()):
            self.assertLess(time.monotonic(), end, "It takes too long.")
            time.sleep(0.1)
        return found

    def test_version(self):
        self.assertIn("Salon", self.synadm("version")["server_version"])

    def test_users_are_listed_and_shown(self):
        alice = Person("alice")

        listed = self.synadm("user", "list", "--limit", "1000")
        found = self.synadm("user", "search", alice.name)
        shown = self.synadm("user", "details", alice.id)

        self.assertIn(alice.id, [user["name"] for user in listed["users"]])
        self.assertEqual([user["name"] for user in found["users"]], [alice.id])
        self.assertEqual((shown["name"], shown["deactivated"], shown["threepids"]), (alice.id, False, []))

    def test_users_are_changed(self):
        alice = Person("alice")

        address = f"{alice.name}@example.org"
        changed = self.synadm(
            "user", "modify", alice.id, "--display-name", "Alice", "--threepid", "email", address, "--lock",
            "--user-type", "bot",
        )
        owner = self.synadm("user", "3pid", address)
        is_locked = not alice.is_logged_in()
        self.synadm("user", "modify", alice.id, "--unlock", "--user-type", "null")

        self.assertEqual((changed["displayname"], changed["locked"], changed["user_type"]), ("Alice", True, "bot"))
        self.assertEqual((changed["threepids"][0]["address"], owner["user_id"]), (address, alice.id))
        self.assertTrue(is_locked and alice.is_logged_in())

    def test_users_are_created_and_deactivated(self):
        user = f"@made{next(numbers)}:localhost"

        created = self.synadm("user", "modify", user, "--password", PASSWORD)
        self.synadm("user", "deactivate", user)

        self.assertEqual(created["name"], user)
        self.assertTrue(self.synadm("user", "details", user)["deactivated"])

    def test_users_are_suspended(self):
        alice = Person("alice")

        self.synadm("user", "suspend", alice.id)
        was_suspended = self.synadm("user", "details", alice.id)["suspended"]
        self.synadm("user", "suspend", alice.id, "--unsuspend")

        self.assertTrue(was_suspended)
        self.assertFalse(self.synadm("user", "details", alice.id)["suspended"])

    def test_passwords_are_reset(self):
        alice = Person("alice")

        self.synadm("user", "password", alice.id, "--password", PASSWORD + "r")

        self.assertFalse(alice.is_logged_in())

    def test_what_a_user_does_is_looked_at(self):
        alice = Person("alice")
        room = alice.create_room()

        member = self.synadm("user", "membership", alice.id)
        whois = self.synadm("user", "whois", alice.id)
        token = self.synadm("user", "login", alice.id, "--expire-days", "1")["access_token"]
        answer = requests.get(f"{URL}/_matrix/client/v3/account/whoami", headers={"Authorization": f"Bearer {token}"})

        self.assertEqual((member["joined_rooms"], member["total"]), ([room], 1))
        self.assertEqual(whois["user_id"], alice.id)
        self.assertEqual(answer.json()["user_id"], alice.id)

    def test_old_devices_are_pruned(self):
        alice = Person("alice")

        pruned = self.synadm("user", "prune-devices", alice.id, "--device-id", alice.device, "--min-surviving", "0")

        self.assertFalse(alice.is_logged_in(), pruned)

    def test_what_a_user_said_is_redacted(self):
        alice, bob = Person("alice"), Person("bob")
        room = bob.create_room()
        alice.join(room)
        alice.say(room, body="spam")

        redact_id = self.synadm("user", "redact", alice.id, "--reason", "spam")["redact_id"]
        ended = self.until(
            lambda: (status := self.synadm("user", "redact-status", redact_id))["status"] == "complete" and status
        )

        self.assertEqual(ended["failed_redactions"], {})
        self.assertEqual(bob.bodies(room), [None])

    def test_a_user_is_shadow_banned(self):
        alice, bob = Person("alice"), Person("bob")
        room = bob.create_room()
        alice.join(room)

        self.synadm("user", "shadow-ban", alice.id)
        alice.say(room, body="spam")
        said = bob.bodies(room)
        self.synadm("user", "shadow-ban", alice.id, "--unban")
        alice.say(room, body="sorry")

        self.assertEqual((said, bob.bodies(room)), ([], ["sorry"]))

    def test_rooms_are_listed_and_shown(self):
        alice = Person("alice")
        room = alice.create_room(name=f"Fish {alice.name}")

        found = self.synadm("room", "list", "--name", f"Fish {alice.name}")
        shown = self.synadm("room", "details", room)
        members = self.synadm("room", "members", room)
        state = self.synadm("room", "state", room)
        power = self.synadm("room", "power-levels", "--name", f"Fish {alice.name}")

        self.assertEqual([listed["room_id"] for listed in found["rooms"]], [room])
        self.assertEqual((shown["name"], shown["joined_members"], members["members"]), (f"Fish {alice.name}", 1, [alice.id]))
        self.assertIn("m.room.create", [event["type"] for event in state["state"]])
        self.assertEqual(power["rooms"][0]["room_id"], room)

    def test_users_come_into_rooms_and_get_power(self):
        alice, bob = Person("alice"), Person("bob")
        room = alice.create_room()

        joined = self.synadm("room", "join", room, bob.id)
        self.synadm("room", "make-admin", room, "--user-id", bob.id)
        named = bob.call("PUT", f"client/v3/rooms/{quote(room)}/state/m.room.name", {"name": "Bob's"})

        self.assertEqual(joined["room_id"], room)
        self.assertTrue(named.ok, named.text)

    def test_rooms_are_blocked(self):
        alice, bob = Person("alice"), Person("bob")
        room = alice.create_room()

        self.synadm("room", "block", room, "--block")
        status = self.synadm("room", "block-status", room)
        was_let_in = bob.join(room).ok
        self.synadm("room", "block", room, "--unblock")

        self.assertEqual((status["block"], status["user_id"]), (True, self.root.id))
        self.assertTrue(not was_let_in and bob.join(room).ok)

    def test_rooms_are_deleted(self):
        alice = Person("alice")
        old, new = alice.create_room(), alice.create_room()

        at_once = self.synadm("room", "delete", "--v1", old)
        delete_id = self.synadm("room", "delete", "--block", new)["delete_id"]
        ended = self.until(
            lambda: (status := self.synadm("room", "delete-status", "--delete-id", delete_id))["status"] == "complete"
            and status
        )

        self.assertEqual(at_once["kicked_users"], [alice.id])
        self.assertEqual(ended["shutdown_room"]["kicked_users"], [alice.id])
        self.assertFalse(alice.join(new).ok)

    def test_history_is_purged(self):
        alice = Person("alice")
        room = alice.create_room()
        alice.say(room, body="old")
        event = alice.say(room, body="new")

        purge_id = self.synadm("history", "purge", room, "--before-event-id", event, "--delete-local")["purge_id"]
        self.until(lambda: self.synadm("history", "purge-status", purge_id)["status"] == "complete")

        self.assertEqual(alice.bodies(room), ["new"])

    def test_media_are_listed_withdrawn_and_deleted(self):
        alice = Person("alice")
        room = alice.create_room()
        media = alice.upload("a picture")
        alice.say(room, msgtype="m.image", body="x", url=f"mxc://localhost/{media}")
        is_served = lambda: alice.call("GET", f"client/v1/media/download/localhost/{media}").ok

        in_room = self.synadm("media", "list", "--room-id", room)
        of_user = self.synadm("media", "list", "--user-id", alice.id)
        self.synadm("media", "quarantine", "--server-name", "localhost", "--media-id", media)
        was_served = is_served()
        self.synadm("media", "unquarantine", "--server-name", "localhost", "--media-id", media)
        is_served_again = is_served()
        withdrawn = self.synadm("media", "quarantine", "--user-id", alice.id)
        deleted = self.synadm("media", "delete", "--media-id", media)

        self.assertEqual(in_room["local"], [f"mxc://localhost/{media}"])
        self.assertEqual([found["media_id"] for found in of_user["media"]], [media])
        self.assertTrue(not was_served and is_served_again)
        self.assertEqual(withdrawn["num_quarantined"], 1)
        self.assertEqual(deleted["deleted_media"], [media])

    def test_media_are_protected(self):
        alice = Person("alice")
        media = alice.upload("a picture that many use")

        self.synadm("media", "protect", media)
        withdrawn = self.synadm("media", "quarantine", "--user-id", alice.id)

        self.assertEqual(withdrawn["num_quarantined"], 0)
        self.assertTrue(alice.call("GET", f"client/v1/media/download/localhost/{media}").ok)

    def test_users_are_told_something(self):
        alice = Person("alice")

        sent = self.synadm("notice", "send", alice.id, "The server rests tonight.")
        invited = alice.call("GET", "client/v3/sync").json()["rooms"]["invite"]
        room = next(iter(invited))
        alice.join(room)

        self.assertEqual(alice.bodies(room), ["The server rests tonight."])
        self.assertTrue(sent["event_id"].startswith("$"))

    def test_old_media_are_deleted(self):
        alice = Person("alice")
        media = alice.upload("x" * 5000)

        deleted = self.synadm("media", "delete", "--before-days", "0", "--size", "4")
        copies = self.synadm("media", "purge", "--before-days", "1")

        self.assertIn(media, deleted["deleted_media"])
        self.assertEqual(copies["deleted"], 0)

    def test_registration_tokens_are_made_changed_and_deleted(self):
        made = self.synadm("regtok", "new", "--token", "fish", "--uses-allowed", "2")
        changed = self.synadm("regtok", "update", "fish", "--uses-allowed", "-1")
        listed = self.synadm("regtok", "list")
        shown = self.synadm("regtok", "details", "fish")
        self.synadm("regtok", "delete", "fish")
        gone = self.synadm("regtok", "details", "fish")

        self.assertEqual((made["token"], made["uses_allowed"], made["expiry_time"]), ("fish", 2, None))
        self.assertIsNone(changed["uses_allowed"])
        self.assertEqual((listed["registration_tokens"], shown), ([changed], changed))
        self.assertEqual(gone["errcode"], "M_NOT_FOUND")


if __name__ == "__main__":
    lines.run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
