"""Accounts, devices and what people tell about themselves."""

from nio import ErrorResponse

from people import PASSWORD, Scenario, succeed


class Accounts(Scenario):
    async def test_a_password_logs_in_until_the_device_logs_out(self):
        alice = await self.person("alice")
        second = self.client(alice.user)

        offered = succeed(await second.login_info())
        succeed(await second.login(PASSWORD, device_name="Second"))

        self.assertIn("m.login.password", offered.flows)
        self.assertEqual(succeed(await second.whoami()).user_id, alice.user_id)
        names = {device.display_name for device in succeed(await alice.devices()).devices}
        self.assertEqual(names, {"First", "Second"})

        succeed(await second.logout())
        remaining = succeed(await alice.devices()).devices
        self.assertEqual([device.id for device in remaining], [alice.device_id])

    async def test_a_device_is_renamed_and_deleted_after_its_owner_has_proven_to_be_there(self):
        alice = await self.person("alice")
        second = self.client(alice.user)
        succeed(await second.login(PASSWORD))

        succeed(await alice.update_device(second.device_id, {"display_name": "Lost"}))
        asked = await alice.delete_devices([second.device_id])
        proof = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": alice.user},
            "password": PASSWORD,
            "session": asked.session,
        }
        succeed(await alice.delete_devices([second.device_id], proof))

        self.assertEqual([device.id for device in succeed(await alice.devices()).devices], [alice.device_id])
        self.assertIsInstance(await second.whoami(), ErrorResponse)

    async def test_a_profile_is_seen_by_others(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)

        succeed(await alice.set_displayname("Alice Liddell"))
        succeed(await alice.set_avatar("mxc://localhost/rabbit"))

        await bob.until(lambda: bob.rooms[room].users[alice.user_id].avatar_url)
        self.assertEqual(bob.rooms[room].users[alice.user_id].display_name, "Alice Liddell")
        profile = succeed(await bob.get_profile(alice.user_id))
        self.assertEqual((profile.displayname, profile.avatar_url), ("Alice Liddell", "mxc://localhost/rabbit"))

    async def test_presence_is_seen_by_those_who_share_a_room(self):
        alice, bob = await self.people("alice", "bob")
        room = await self.room(alice, bob)

        succeed(await alice.set_presence("unavailable", "At tea"))

        await bob.until(lambda: bob.rooms[room].users[alice.user_id].status_msg == "At tea")
        self.assertEqual(succeed(await bob.get_presence(alice.user_id)).presence, "unavailable")
