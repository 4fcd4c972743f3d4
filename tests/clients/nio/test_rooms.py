"""Rooms: members, state, history, relations and what is shown beside the messages."""

import io

from nio import (
    DownloadError,
    ErrorResponse,
    MessageDirection,
    ReceiptEvent,
    RedactedEvent,
    RoomMessageText,
    RoomVisibility,
    TypingNoticeEvent,
)
from nio.api import PushRuleKind, RelationshipType

from people import LONG_POLL, Scenario, succeed

FILE = b"Curiouser and curiouser!"


class Rooms(Scenario):
    async def test_history_is_read_page_by_page_in_both_directions(self):
        alice = await self.person("alice")
        room = await self.room(alice)
        said = [f"message {number}" for number in range(25)]
        for body in said:
            await alice.say(room, body)

        backwards, start = [], (await alice.refresh()).next_batch
        while start:
            page = succeed(await alice.room_messages(room, start, limit=10))
            self.assertLessEqual(len(page.chunk), 10)
            backwards += page.chunk
            start = page.end
        first = succeed(await alice.room_context(room, backwards[-1].event_id, limit=0))
        forwards, start = [], first.start
        while start:
            page = succeed(await alice.room_messages(room, start, direction=MessageDirection.front, limit=10))
            forwards += page.chunk
            start = page.end if page.chunk else None

        def bodies(events):
            return [event.body for event in events if isinstance(event, RoomMessageText)]

        self.assertEqual(bodies(reversed(backwards)), said)
        self.assertEqual(bodies(forwards), said)

    async def test_context_surrounds_an_event(self):
        alice = await self.person("alice")
        room = await self.room(alice)
        events = [await alice.say(room, body) for body in ("one", "two", "three")]

        context = succeed(await alice.room_context(room, events[1], limit=2))

        self.assertEqual(context.event.body, "two")
        self.assertEqual([event.body for event in context.events_before], ["one"])
        self.assertEqual([event.body for event in context.events_after], ["three"])

    async def test_relations_are_found_from_their_parent(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)
        root = await alice.say(room, "root")
        relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
        relation["m.in_reply_to"] = {"event_id": root}
        reply = await bob.say(room, "in the thread", **{"m.relates_to": relation})
        reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": root, "key": "👍"}}
        liked = await bob.put(room, "m.reaction", reaction)
        edit = {"m.new_content": {"msgtype": "m.text", "body": "Root"}}
        edited = await alice.say(room, "* Root", **edit, **{"m.relates_to": {"rel_type": "m.replace", "event_id": root}})

        async def related(kind=None):
            return [event.event_id async for event in alice.room_get_event_relations(room, root, kind)]

        self.assertEqual(await related(), [edited, liked, reply])
        self.assertEqual(await related(RelationshipType.annotation), [liked])
        self.assertEqual(await related(RelationshipType.thread), [reply])
        self.assertEqual(await related(RelationshipType.replacement), [edited])
        self.assertEqual([event.event_id async for event in alice.room_get_threads(room)], [root])

    async def test_a_redacted_message_is_gone_for_all(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)
        regretted = await alice.say(room, "something rash")
        await bob.message("something rash")

        succeed(await alice.room_redact(room, regretted, reason="I was angry"))

        await bob.until(lambda: any(getattr(event, "redacts", None) == regretted for event in bob.seen))
        event = succeed(await bob.room_get_event(room, regretted)).event
        self.assertIsInstance(event, RedactedEvent)
        self.assertEqual(event.redacter, alice.user_id)

    async def test_readers_and_writers_show(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)
        said = await alice.say(room, "Are you there?")
        await bob.message("Are you there?")
        self.assertEqual(bob.rooms[room].unread_notifications, 1)

        succeed(await bob.room_read_markers(room, said, said))
        succeed(await bob.room_typing(room, True))

        await alice.event(TypingNoticeEvent, lambda event: event.users == [bob.user_id])
        receipts = await alice.event(ReceiptEvent)
        self.assertEqual(
            [(receipt.event_id, receipt.receipt_type, receipt.user_id) for receipt in receipts.receipts],
            [(said, "m.read", bob.user_id)],
        )
        await bob.until(lambda: bob.rooms[room].fully_read_marker == said)
        self.assertEqual(bob.rooms[room].unread_notifications, 0)

        succeed(await bob.room_typing(room, False))
        await alice.event(TypingNoticeEvent, lambda event: event.users == [])

    async def test_members_come_and_go(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)

        succeed(await alice.room_kick(room, bob.user_id, "Pepper"))
        self.assertIn(room, (await bob.refresh(LONG_POLL)).rooms.leave)
        self.assertIsInstance(await bob.join(room), ErrorResponse)
        succeed(await alice.room_ban(room, bob.user_id))
        self.assertIsInstance(await alice.room_invite(room, bob.user_id), ErrorResponse)
        succeed(await alice.room_unban(room, bob.user_id))
        succeed(await alice.room_invite(room, bob.user_id))
        succeed(await bob.join(room))
        succeed(await bob.room_leave(room))
        succeed(await bob.room_forget(room))

        members = succeed(await alice.joined_members(room)).members
        self.assertEqual([member.user_id for member in members], [alice.user_id])
        self.assertEqual(succeed(await bob.joined_rooms()).rooms, [])

    async def test_whoever_knocks_is_let_in(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice)
        succeed(await alice.room_enable_knocking(room))

        succeed(await bob.room_knock(room, "Let me in!"))
        succeed(await alice.room_invite(room, bob.user_id))
        succeed(await bob.join(room))

        await alice.until(lambda: bob.user_id in alice.rooms[room].users)

    async def test_state_is_set_and_read(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)

        succeed(await alice.room_put_state(room, "m.room.name", {"name": "Tea party"}))
        succeed(await alice.update_room_topic(room, "No room! No room!"))
        refused = await bob.room_put_state(room, "m.room.name", {"name": "Bob's"})

        self.assertEqual(refused.status_code, "M_FORBIDDEN")
        await bob.until(lambda: bob.rooms[room].topic == "No room! No room!")
        self.assertEqual(bob.rooms[room].display_name, "Tea party")
        self.assertEqual(succeed(await bob.room_get_state_event(room, "m.room.name")).content, {"name": "Tea party"})
        types = {event["type"] for event in succeed(await bob.room_get_state(room)).events}
        self.assertLessEqual({"m.room.create", "m.room.power_levels", "m.room.topic"}, types)

    async def test_a_public_room_is_found_by_its_alias_and_in_the_directory(self):
        alice, bob = await self.people("alice", "bob")
        local_part = f"tea-{alice.user}"
        made = succeed(
            await alice.room_create(visibility=RoomVisibility.public, alias=local_part, name="Tea party")
        )

        found = succeed(await bob.room_resolve_alias(f"#{local_part}:localhost"))
        listed = succeed(await bob.list_public_rooms(filter_generic_search_term="tea party"))
        joined = succeed(await bob.join(f"#{local_part}:localhost"))

        self.assertEqual((found.room_id, joined.room_id), (made.room_id, made.room_id))
        self.assertIn(made.room_id, [room.room_id for room in listed.public_rooms])
        self.assertEqual(succeed(await bob.room_get_visibility(made.room_id)).visibility, "public")

        succeed(await alice.room_put_alias(f"#more-{local_part}:localhost", made.room_id))
        succeed(await alice.room_delete_alias(f"#more-{local_part}:localhost"))
        self.assertIsInstance(await bob.room_resolve_alias(f"#more-{local_part}:localhost"), ErrorResponse)

    async def test_a_space_leads_to_its_rooms(self):
        alice = await self.person("alice")
        room = await self.room(alice, name="Garden")
        space = await self.room(alice, name="Wonderland", space=True)
        succeed(await alice.room_put_state(space, "m.space.child", {"via": ["localhost"]}, room))

        hierarchy = succeed(await alice.space_get_hierarchy(space))

        self.assertEqual([child["room_id"] for child in hierarchy.rooms], [space, room])

    async def test_an_upgraded_room_points_to_its_successor(self):
        alice, bob = await self.people("alice", "bob")
        # nio copies the power levels, in which version 12 has no place for the creator.
        old = await self.room(alice, bob, room_version="10", name="Old")

        upgraded = succeed(await alice.room_upgrade(old, "11"))

        tombstone = succeed(await bob.room_get_state_event(old, "m.room.tombstone")).content
        self.assertEqual(tombstone["replacement_room"], upgraded.room_id)
        name = succeed(await alice.room_get_state_event(upgraded.room_id, "m.room.name")).content
        self.assertEqual(name, {"name": "Old"})

    async def test_a_file_is_downloaded_as_it_was_uploaded(self):
        alice, bob = await self.people("alice", "bob")

        uploaded, _ = await alice.upload(io.BytesIO(FILE), "text/plain", "curious.txt", filesize=len(FILE))
        downloaded = succeed(await bob.download(succeed(uploaded).content_uri))

        self.assertEqual((downloaded.body, downloaded.content_type), (FILE, "text/plain"))
        self.assertEqual(downloaded.filename, "curious.txt")
        self.assertIsInstance(await bob.download("mxc://localhost/nothing"), DownloadError)
        self.assertGreater(succeed(await bob.content_repository_config()).upload_size, len(FILE))

    async def test_a_stored_filter_chooses_what_is_synced(self):
        alice = await self.person("alice")
        room = await self.room(alice)
        await alice.say(room, "unwanted")
        chosen = {"timeline": {"types": ["org.example.wanted"]}}

        stored = succeed(await alice.upload_filter(room=chosen))
        wanted = await alice.put(room, "org.example.wanted", {})
        answer = succeed(await alice.sync(sync_filter=stored.filter_id, full_state=True))

        timeline = answer.rooms.join[room].timeline.events
        self.assertEqual([event.event_id for event in timeline], [wanted])

    async def test_push_rules_decide_what_notifies(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)
        await alice.say(room, "loud")
        await bob.until(lambda: bob.rooms[room].unread_notifications == 1)

        succeed(await bob.set_pushrule("global", PushRuleKind.room, room, actions=[]))
        await alice.say(room, "quiet")
        await bob.message("quiet")

        self.assertEqual(bob.rooms[room].unread_notifications, 1)
        succeed(await bob.delete_pushrule("global", PushRuleKind.room, room))
        await alice.say(room, "loud again")
        await bob.until(lambda: bob.rooms[room].unread_notifications == 2)
