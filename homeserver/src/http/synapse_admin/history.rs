//! Forgetting what was said in rooms.

use ruma::OwnedEventId;
use serde::{Deserialize, Serialize};

use super::{Call, redactions::word};
use crate::{App, Error, Result, moderation::Until, storage::errands::State};

#[derive(Serialize)]
pub(super) struct Begun {
    purge_id: String,
}

/// `POST /_synapse/admin/v1/purge_history/{room_id}` and the same with an event
pub(super) async fn purge(app: App, call: Call) -> Result<Begun> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        delete_local_events: bool,
        purge_up_to_event_id: Option<OwnedEventId>,
        purge_up_to_ts: Option<i64>,
    }
    let body: Body = call.body()?;
    let in_path = call.args.get(1).map(|id| OwnedEventId::try_from(id.as_str())).transpose();
    let in_path = in_path.map_err(|_| Error::invalid_param("This is not an event ID."))?;
    let event_id = in_path.or(body.purge_up_to_event_id);
    let until = match (&event_id, body.purge_up_to_ts) {
        (Some(event_id), _) => Until::Event(event_id),
        (None, Some(at_ms)) => Until::Time(at_ms),
        (None, None) => return Err(Error::missing_param("Until when is not said.")),
    };
    let purge_id = app.moderation.purge(&call.caller, &call.room(0)?, until, body.delete_local_events).await?;
    Ok(Begun { purge_id })
}

#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `GET /_synapse/admin/v1/purge_history_status/{purge_id}`
pub(super) async fn status(app: App, call: Call) -> Result<Status> {
    let (state, error) = app.moderation.purged(&call.args[0]).await?;
    // This endpoint knows no scheduled purges.
    let state = if state == State::Scheduled { State::Active } else { state };
    Ok(Status { status: word(state), error })
}
