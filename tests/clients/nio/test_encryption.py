"""Encrypted rooms: messages, files, and devices that verify each other."""

import io
import json

from nio import (
    KeyVerificationAccept,
    KeyVerificationKey,
    KeyVerificationMac,
    KeyVerificationStart,
    RoomEncryptedImage,
)
from nio.crypto import decrypt_attachment

from people import PASSWORD, Scenario, succeed

PICTURE = bytes(range(256)) * 400


class Encryption(Scenario):
    async def test_members_of_an_encrypted_room_read_each_other(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob, encrypted=True)

        question = await alice.say(room, "Do cats eat bats?")
        asked = await bob.message("Do cats eat bats?")
        await bob.say(room, "Do bats eat cats?")
        answered = await alice.message("Do bats eat cats?")

        self.assertTrue(asked.decrypted and answered.decrypted)
        self.assertEqual((asked.sender, answered.sender), (alice.user_id, bob.user_id))
        # What the server has is not what was said.
        path = f"/_matrix/client/v3/rooms/{room}/event/{question}"
        stored = await alice.send("GET", path, headers={"Authorization": f"Bearer {alice.access_token}"})
        event = json.loads(await stored.read())
        self.assertEqual(event["type"], "m.room.encrypted")
        self.assertNotIn("bats", json.dumps(event))

    async def test_whoever_joins_later_reads_what_is_said_from_then_on(self):
        alice, bob, carol = await self.people("alice", "bob", "carol")
        room = await self.room(alice, bob, encrypted=True)
        await alice.say(room, "before")
        await bob.message("before")

        succeed(await alice.room_invite(room, carol.user_id))
        succeed(await carol.join(room))
        for member in (alice, bob):
            await member.until(lambda: carol.user_id in member.rooms[room].users and not member.should_query_keys)
        await carol.until(lambda: room in carol.rooms and len(carol.rooms[room].users) == 3)
        alice.invalidate_outbound_session(room)
        await alice.say(room, "after")

        self.assertTrue((await carol.message("after")).decrypted)
        self.assertTrue((await bob.message("after")).decrypted)

    async def test_a_new_device_reads_what_is_said_from_then_on(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob, encrypted=True)
        await alice.say(room, "to one device")
        await bob.message("to one device")

        second = self.client(bob.user)
        succeed(await second.login(PASSWORD))
        await second.refresh()
        await alice.until(lambda: second.device_id in alice.device_store[bob.user_id])
        second.seen.clear()
        alice.invalidate_outbound_session(room)
        await alice.say(room, "to two devices")

        self.assertTrue((await second.message("to two devices")).decrypted)
        self.assertTrue((await bob.message("to two devices")).decrypted)

    async def test_a_client_continues_where_it_was_closed(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob, encrypted=True)
        await alice.say(room, "first")
        await bob.message("first")
        await bob.close()
        await alice.say(room, "meanwhile")

        reopened = self.client(bob.user)
        reopened.restore_login(bob.user_id, bob.device_id, bob.access_token)
        reopened.load_store()

        self.assertTrue((await reopened.message("meanwhile")).decrypted)
        self.assertNotIn("first", [getattr(event, "body", None) for event in reopened.seen])

    async def test_a_picture_is_encrypted_on_its_way(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob, encrypted=True)

        uploaded, file = await alice.upload(
            io.BytesIO(PICTURE), "image/png", "cat.png", encrypt=True, filesize=len(PICTURE)
        )
        file["url"] = succeed(uploaded).content_uri
        info = {"mimetype": "image/png", "size": len(PICTURE)}
        await alice.put(room, "m.room.message", {"msgtype": "m.image", "body": "cat.png", "info": info, "file": file})

        event = await bob.event(RoomEncryptedImage)
        downloaded = succeed(await bob.download(event.url)).body
        self.assertNotEqual(downloaded, PICTURE)
        key, sha256, iv = event.key["k"], event.hashes["sha256"], event.iv
        self.assertEqual(decrypt_attachment(downloaded, key, sha256, iv), PICTURE)

    async def test_two_devices_verify_each_other_by_emoji(self):
        alice, bob = await self.people("alice", "bob")
        await self.room(alice, bob, encrypted=True)
        bobs = alice.device_store[bob.user_id][bob.device_id]
        alices = bob.device_store[alice.user_id][alice.device_id]

        succeed(await alice.start_key_verification(bobs))
        started = await bob.event(KeyVerificationStart)
        succeed(await bob.accept_key_verification(started.transaction_id))
        await alice.event(KeyVerificationAccept)
        await alice.refresh()
        await bob.event(KeyVerificationKey)
        await bob.refresh()
        await alice.event(KeyVerificationKey)
        emoji = [person.key_verifications[started.transaction_id].get_emoji() for person in (alice, bob)]
        for person in (alice, bob):
            succeed(await person.confirm_short_auth_string(started.transaction_id))
        for person in (alice, bob):
            await person.event(KeyVerificationMac)

        self.assertEqual(emoji[0], emoji[1])
        self.assertTrue(bobs.verified and alices.verified)
