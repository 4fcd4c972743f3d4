//! Lets server administrators look at somebody's second factor and take it away. The specification
//! has nothing for that.

use serde_json::{Value, json};

use crate::{App, Result, http::endpoint::Ruma};

/// `GET /_salon/admin/v1/users/{userId}/totp`
pub(super) async fn look(app: App, req: Ruma<look::Request>) -> Result<String> {
    let account = app.accounts.administration.find_for(&req.caller, &req.body.user_id).await?;
    let state = app.accounts.factors.state(account.user).await?;
    let mut answer = json!({ "enabled": state.is_some() });
    if let Some(state) = state {
        answer["since_ts"] = json!(state.since_ms);
        answer["recovery_codes_left"] = json!(state.recovery_codes);
        answer["locked_until_ts"] = state.locked_until_ms.map_or(Value::Null, |until| json!(until));
    }
    Ok(answer.to_string())
}

/// `DELETE /_salon/admin/v1/users/{userId}/totp`
pub(super) async fn reset(app: App, req: Ruma<reset::Request>) -> Result<String> {
    app.accounts.administration.reset_second_factor_for(&req.caller, &req.body.user_id).await?;
    Ok(json!({}).to_string())
}

macro_rules! of_user {
    ($(#[$doc:meta])* $name:ident, $method:ident) => {
        $(#[$doc])*
        pub(super) mod $name {
            use ruma::{
                OwnedUserId,
                api::{IncomingRequest, auth_scheme::AccessToken, client::session::logout, error::DeserializationError},
                metadata,
            };
            use serde::{Deserialize, de::value::SeqDeserializer};

            metadata! {
                method: $method,
                rate_limited: true,
                authentication: AccessToken,
                history: {
                    unstable => "/_salon/admin/v1/users/{user_id}/totp",
                }
            }

            /// The request.
            #[derive(Debug)]
            pub(in crate::http::client) struct Request {
                pub(super) user_id: OwnedUserId,
            }

            impl IncomingRequest for Request {
                type EndpointError = ruma::api::error::Error;
                // Any will do: the answer is written by hand.
                type OutgoingResponse = logout::v3::Response;

                fn try_from_http_request_inner(
                    _: http::Request<&[u8]>,
                    path_args: &[&str],
                ) -> Result<Self, DeserializationError> {
                    let path_args = SeqDeserializer::<_, serde::de::value::Error>::new(path_args.iter().copied());
                    let (user_id,) = Deserialize::deserialize(path_args)?;
                    Ok(Self { user_id })
                }
            }
        }
    };
}

of_user! {
    /// Looking at a second factor.
    look, GET
}
of_user! {
    /// Taking a second factor away.
    reset, DELETE
}
