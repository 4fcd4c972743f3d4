"""A bridge to a network of echoes, and a person who uses it; prints a line for each test."""

import asyncio
import itertools
import os
import unittest

import aiohttp
import lines
from mautrix.appservice import AppService
from mautrix.appservice.state_store import FileASStateStore
from mautrix.types import EventType, Membership, RoomCreatePreset

# How long anything may take, in seconds.
PATIENCE = 60

numbers = itertools.count(1)


class Bridge(AppService):
    """Ghosts join where they are invited and repeat what they hear; rooms are there when asked for."""

    def __init__(self):
        number = next(numbers)
        super().__init__(
            server=os.environ["SALON_URL"],
            domain="localhost",
            as_token="the token of the bridge",
            hs_token="the token of the server",
            bot_localpart="echobot",
            id="echo",
            state_store=FileASStateStore(path=f"{os.environ['BRIDGE_HOME']}/state-{number}.json", binary=False),
            query_user=self.make_ghost,
            query_alias=self.make_room,
            ephemeral_events=True,
        )
        self.passed = asyncio.Queue()
        self.matrix_event_handler(self.hear)

    async def make_ghost(self, user_id):
        ghost = self.intent.user(user_id)
        await ghost.ensure_registered()
        await ghost.set_displayname("An echo")
        return {"made": True}

    async def make_room(self, alias):
        localpart = alias.removeprefix("#").split(":")[0]
        await self.intent.create_room(alias_localpart=localpart, preset=RoomCreatePreset.PUBLIC, name="A hall")
        return {"made": True}

    async def hear(self, event):
        if event.type == EventType.ROOM_MEMBER and event.content.membership == Membership.INVITE:
            await self.intent.user(event.state_key).join_room(event.room_id)
        elif event.type == EventType.ROOM_MESSAGE and not event.sender.startswith("@echo"):
            members = await self.intent.user("@echo_hall:localhost").get_joined_members(event.room_id)
            for ghost in filter(lambda member: member.startswith("@echo_"), members):
                await self.intent.user(ghost).send_text(event.room_id, f"{event.content.body} ...")
        elif event.type in (EventType.TYPING, EventType.RECEIPT):
            await self.passed.put(event)


class Person:
    """Somebody with a plain HTTP client."""

    def __init__(self, session):
        self.session = session
        self.since = None

    async def call(self, method, path, body=None):
        url = os.environ["SALON_URL"] + "/_matrix/client/v3" + path
        async with self.session.request(method, url, json=body, headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def register(self):
        self.headers = {}
        name = f"alice-{next(numbers)}"
        body = {"username": name, "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
        answer = await self.call("POST", "/register", body)
        self.user_id = answer["user_id"]
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}

    async def say(self, room, body):
        path = f"/rooms/{room}/send/m.room.message/{next(numbers)}"
        return (await self.call("PUT", path, {"msgtype": "m.text", "body": body}))["event_id"]

    async def until(self, room, claim):
        """Asks for news until there is an event in the room for which `claim` holds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                since = f"&since={self.since}" if self.since else ""
                news = await self.call("GET", f"/sync?timeout=5000{since}")
                self.since = news["next_batch"]
                events = news.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
                for event in events:
                    if claim(event):
                        return event


class Bridged(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.bridge = Bridge()
        await self.bridge.start(port=int(os.environ["BRIDGE_PORT"]))
        self.addAsyncCleanup(self.bridge.stop)
        session = aiohttp.ClientSession()
        self.addAsyncCleanup(session.close)
        self.alice = Person(session)
        await self.alice.register()

    async def test_the_server_reaches_the_bridge(self):
        duration = await self.bridge.ping_self("meow")

        self.assertGreaterEqual(duration, 0)
        self.assertEqual((await self.bridge.intent.whoami()).user_id, "@echobot:localhost")

    async def test_a_ghost_is_made_when_it_is_invited_and_repeats_what_it_hears(self):
        room = (await self.alice.call("POST", "/createRoom", {"invite": ["@echo_cave:localhost"]}))["room_id"]
        joined = lambda event: event["sender"] == "@echo_cave:localhost" and event["type"] == "m.room.member"
        member = await self.alice.until(room, joined)
        self.assertEqual(member["content"]["membership"], "join")
        self.assertEqual(member["content"]["displayname"], "An echo")
        await self.bridge.intent.user("@echo_hall:localhost").ensure_registered()
        await self.alice.call("POST", f"/rooms/{room}/invite", {"user_id": "@echo_hall:localhost"})
        await self.alice.until(room, lambda event: event["sender"] == "@echo_hall:localhost")

        await self.alice.say(room, "hello")

        heard = {"@echo_cave:localhost", "@echo_hall:localhost"}
        while heard:
            echo = await self.alice.until(room, lambda event: event["sender"] in heard)
            self.assertEqual(echo["content"]["body"], "hello ...")
            heard.remove(echo["sender"])

    async def test_a_room_is_made_when_its_alias_is_joined(self):
        name = f"echo_hall_{next(numbers)}"

        room = (await self.alice.call("POST", f"/join/%23{name}:localhost"))["room_id"]

        state = await self.alice.call("GET", f"/rooms/{room}/state/m.room.name")
        self.assertEqual(state, {"name": "A hall"})

    async def test_the_bridge_sees_who_types_and_says_when_something_was_said(self):
        ghost = self.bridge.intent.user("@echo_past:localhost")
        room = await ghost.create_room(preset=RoomCreatePreset.PUBLIC)
        await self.alice.call("POST", f"/join/{room}")

        await self.alice.call("PUT", f"/rooms/{room}/typing/{self.alice.user_id}", {"typing": True, "timeout": 30000})
        said = await ghost.send_text(room, "long ago", timestamp=12345)

        async with asyncio.timeout(PATIENCE):
            typing = await self.bridge.passed.get()
        self.assertEqual((typing.room_id, typing.content.user_ids), (room, [self.alice.user_id]))
        event = await self.alice.call("GET", f"/rooms/{room}/event/{said}")
        self.assertEqual(event["origin_server_ts"], 12345)


if __name__ == "__main__":
    lines.run(unittest.defaultTestLoader.loadTestsFromTestCase(Bridged))
