"""People who use matrix-nio, and the tests they take part in."""

import asyncio
import itertools
import os
import tempfile
import unittest

from nio import AsyncClient, AsyncClientConfig, ErrorResponse

PASSWORD = "correct horse battery staple"
# How long news may take, in seconds; a server that has them tells at once.
PATIENCE = 60
# How long one request may wait for news, in milliseconds.
LONG_POLL = 5_000

numbers = itertools.count(1)


class Person(AsyncClient):
    """A client with an account, which sees to its keys whenever it asks for news."""

    def __init__(self, name, store):
        config = AsyncClientConfig(store_sync_tokens=True, max_timeouts=0, request_timeout=PATIENCE)
        super().__init__(os.environ["SALON_URL"], name, store_path=store, config=config)
        self.seen = []
        self.add_event_callback(self._see, None)
        self.add_ephemeral_callback(self._see, None)
        self.add_to_device_callback(self._see_to_device, None)

    async def _see(self, _room, event):
        self.seen.append(event)

    async def _see_to_device(self, event):
        self.seen.append(event)

    async def refresh(self, timeout=0):
        """Asks for news once, and does what encryption then needs."""
        answer = succeed(await self.sync(timeout))
        if self.should_upload_keys:
            succeed(await self.keys_upload())
        if self.should_query_keys:
            succeed(await self.keys_query())
        if self.should_claim_keys:
            succeed(await self.keys_claim(self.get_users_for_key_claiming()))
        for sent in await self.send_to_device_messages():
            succeed(sent)
        return answer

    async def until(self, claim):
        """Asks for news until `claim` returns something true, and returns that."""
        async with asyncio.timeout(PATIENCE):
            await self.refresh()
            while not (found := claim()):
                await self.refresh(LONG_POLL)
            return found

    async def event(self, kind, claim=lambda event: True):
        """Waits until it has seen an event of the class `kind` for which `claim` holds."""
        return await self.until(
            lambda: next((event for event in self.seen if isinstance(event, kind) and claim(event)), None)
        )

    async def message(self, body):
        """Waits until a message is here that can be read and says `body`."""
        return await self.until(
            lambda: next((event for event in self.seen if getattr(event, "body", None) == body), None)
        )

    async def say(self, room, body, **more):
        """Sends a text, encrypted if the room is; returns the event ID."""
        return await self.put(room, "m.room.message", {"msgtype": "m.text", "body": body, **more})

    async def put(self, room, kind, content):
        """Sends an event, encrypted if the room is; returns its ID."""
        sent = succeed(await self.room_send(room, kind, content, ignore_unverified_devices=True))
        return sent.event_id


def succeed(answer):
    """Returns an answer that is not an error."""
    assert not isinstance(answer, ErrorResponse), f"{type(answer).__name__}: {answer}"
    return answer


class Scenario(unittest.IsolatedAsyncioTestCase):
    """A test with people of its own."""

    async def asyncSetUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.store = directory.name

    def client(self, name):
        """A client that is not logged in."""
        person = Person(name, self.store)
        self.addAsyncCleanup(person.close)
        return person

    async def person(self, name):
        """Somebody who has just registered."""
        person = self.client(f"{name}-{next(numbers)}")
        succeed(await person.register(person.user, PASSWORD, device_name="First"))
        await person.refresh()
        return person

    async def people(self, *names):
        """Several who have just registered."""
        return [await self.person(name) for name in names]

    async def room(self, creator, *others, encrypted=False, **options):
        """A room that everybody has joined and knows of."""
        state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
        invited = [other.user_id for other in others]
        made = succeed(await creator.room_create(invite=invited, initial_state=state if encrypted else [], **options))
        for other in others:
            await other.until(lambda: made.room_id in other.invited_rooms)
            succeed(await other.join(made.room_id))
        for member in (creator, *others):
            await member.until(lambda: self._is_known(member, made.room_id, 1 + len(others), encrypted))
        return made.room_id

    @staticmethod
    def _is_known(member, room_id, size, encrypted):
        room = member.rooms.get(room_id)
        return room and room.encrypted == encrypted and len(room.users) - len(room.invited_users) == size
