"""Logging in where a password is not enough."""

import asyncio
import base64
import hashlib
import hmac
import os
import struct
import subprocess
import time

from nio import LoginError

from people import PASSWORD, Scenario, succeed


def code(key, later=0):
    """The code that an authenticator app shows `later` steps from now (RFC 6238)."""
    step = int(time.time()) // 30 + later
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def command(*arguments):
    """A command of the operator's on the server, with pipes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SALON_")}
    environment["SALON_SERVER__DATA_DIRECTORY"] = os.environ["DATA_DIRECTORY"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([os.environ["PROGRAM"], "user", *arguments], env=environment, **pipes)


def run(*arguments):
    """Runs a command; returns the last word that it says."""
    with command(*arguments) as process:
        said = process.communicate()[0]
    assert process.returncode == 0, said
    return said.split()[-1]


def enrol(user):
    """Turns on the second factor of `user`; returns the key of the authenticator app."""
    with command("add-totp", user) as process:
        key = process.stdout.readline().split()[-1]
        process.stdin.write(code(key) + "\n")
        process.stdin.flush()
        said = process.communicate()[0]
    assert process.returncode == 0, said
    return key


class Factors(Scenario):
    async def test_a_bare_password_is_refused_with_a_sentence_that_helps(self):
        alice = await self.person("alice")
        await asyncio.to_thread(enrol, alice.user)

        refusal = await self.client(alice.user).login(PASSWORD)

        self.assertIsInstance(refusal, LoginError)
        self.assertEqual(refusal.status_code, "M_FORBIDDEN")
        self.assertIn("Two-factor authentication is on", refusal.message)

    async def test_a_code_after_the_password_logs_in_once(self):
        alice = await self.person("alice")
        key = await asyncio.to_thread(enrol, alice.user)
        second, third = self.client(alice.user), self.client(alice.user)
        # The code that is shown now has confirmed the app.
        password = PASSWORD + code(key, later=1)

        succeed(await second.login(password))
        refusal = await third.login(password)

        self.assertEqual(succeed(await second.whoami()).user_id, alice.user_id)
        self.assertIsInstance(refusal, LoginError)

    async def test_an_app_password_logs_in_without_a_code(self):
        alice = await self.person("alice")
        await asyncio.to_thread(enrol, alice.user)
        password = await asyncio.to_thread(run, "app-password", alice.user, "--label", "Mail bridge")
        bridge = self.client(alice.user)

        succeed(await bridge.login(password))

        await bridge.refresh()
        self.assertEqual(succeed(await bridge.whoami()).device_id, bridge.device_id)

    async def test_a_personal_token_needs_no_login(self):
        alice, bob = await self.people("alice", "bob")
        await asyncio.to_thread(enrol, alice.user)
        room = await self.room(alice, bob)
        token = await asyncio.to_thread(run, "access-token", alice.user, "--label", "Weather bot", "--days", "1")
        bot = self.client(alice.user)
        bot.access_token = token
        identity = succeed(await bot.whoami())
        bot.restore_login(identity.user_id, identity.device_id, token)

        await bot.until(lambda: room in bot.rooms)
        await bot.say(room, "It rains")

        await bob.message("It rains")
        self.assertNotEqual(identity.device_id, alice.device_id)
