//! What can be granted to people and revoked, each by itself.

use std::str::FromStr;

use crate::{Error, Result};

macro_rules! features {
    ($($(#[$doc:meta])* $feature:ident => $name:literal, $sentence:literal;)*) => {
        /// Something that people do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Feature {
            $($(#[$doc])* $feature,)*
        }

        impl Feature {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$feature,)*];

            /// Its name in rules.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$feature => $name,)*
                }
            }

            /// What somebody is told who may not use it.
            pub fn refusal(self) -> &'static str {
                match self {
                    $(Self::$feature => $sentence,)*
                }
            }
        }
    };
}

features! {
    /// Creating a room that is none of the following.
    CreateRoom => "create_room", "You may not create rooms on this server.";
    /// Creating a room for talking with one person.
    CreateDirectChat => "create_direct_chat", "You may not begin direct chats on this server.";
    /// Creating a space.
    CreateSpace => "create_space", "You may not create spaces on this server.";
    /// Giving a room an alias, or putting it on the published list.
    Publish => "publish", "You may not publish rooms on this server.";
    /// Coming into a room.
    Join => "join", "You may not join rooms.";
    /// Asking to come into a room.
    Knock => "knock", "You may not knock on rooms.";
    /// Inviting somebody.
    Invite => "invite", "You may not invite anybody.";
    /// Sending an event that is none of the following.
    SendMessage => "send_message", "You may not send messages.";
    /// Sending an event that shows a file.
    SendMedia => "send_media", "You may not send pictures and files.";
    /// Uploading a file.
    Upload => "upload", "You may not upload files.";
    /// Reacting to a message.
    React => "react", "You may not react to messages.";
    /// Changing one's profile.
    ChangeProfile => "change_profile", "You may not change your profile.";
    /// Searching for people and published rooms.
    SearchDirectory => "search_directory", "You may not search the directory.";
    /// Adding an e-mail address to one's account.
    AddEmail => "add_email", "You may not add an e-mail address.";
    /// What only server administrators can do.
    AdminApi => "admin_api", "You may not administrate this server from here.";
}

impl FromStr for Feature {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|feature| feature.name() == name);
        found.ok_or_else(|| Error::invalid_param(format!("There is no feature {name:?}.")))
    }
}
