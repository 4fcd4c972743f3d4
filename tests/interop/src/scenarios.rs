//! What people do, one file per subject; each scenario is a function whose name is a claim.

mod accounts;
mod encryption;
mod media;
mod oauth;
mod recovery;
mod rooms;

use std::pin::Pin;

use anyhow::Result;

use crate::stage::Stage;

/// A scenario, to be played at a stage.
pub type Scenario = fn(Stage) -> Pin<Box<dyn Future<Output = Result<()>>>>;

macro_rules! scenarios {
    ($($subject:ident::$claim:ident,)*) => {
        vec![$((concat!(stringify!($subject), "::", stringify!($claim)), |stage| Box::pin($subject::$claim(stage)))),*]
    };
}

/// All scenarios with their names.
pub fn all() -> Vec<(&'static str, Scenario)> {
    scenarios![
        accounts::a_device_logs_in_and_is_deleted_by_another,
        accounts::a_person_is_found_by_name,
        accounts::account_data_reach_all_devices,
        oauth::an_application_is_let_in_refreshes_its_tokens_and_logs_out,
        rooms::messages_are_edited_reacted_to_and_redacted,
        rooms::a_thread_gathers_its_answers,
        rooms::history_is_read_from_its_end,
        rooms::readers_and_writers_show,
        rooms::a_mention_is_counted_until_it_is_read,
        rooms::a_public_room_is_found_and_joined,
        media::a_file_goes_up_and_comes_down,
        media::a_picture_is_scaled_by_the_server,
        media::an_attachment_is_encrypted_on_its_way,
        encryption::members_of_an_encrypted_room_read_each_other,
        encryption::reactions_edits_and_threads_work_in_encrypted_rooms,
        encryption::people_verify_each_other_by_emoji,
        recovery::a_new_device_restores_the_history_from_the_backup,
        recovery::a_new_device_is_verified_by_another,
    ]
}
