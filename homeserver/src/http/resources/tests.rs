//! Each path leads where it should.

use super::*;
use crate::http::routes;

/// Where `path` leads, and with which parameters.
fn find(resources: &Resources, path: &str) -> Option<(Arc<str>, Vec<String>)> {
    let found = resources.paths.at(path).ok()?;
    Some((found.value.path.clone(), found.params.iter().map(|(_, value)| value.to_owned()).collect()))
}

#[test]
fn each_path_leads_to_itself() {
    let resources = Resources::new(routes());

    for path in routes().iter().flat_map(|route| &route.paths) {
        let segments: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "%2Fx" } else { part }).collect();
        let (found, args) = find(&resources, &segments.join("/")).expect("it leads somewhere");

        assert_eq!(*found, **path);
        assert_eq!(args, vec!["%2Fx"; path.matches('{').count()]);
    }
}

#[test]
fn a_path_that_begins_like_another_is_found() {
    let resources = Resources::new(routes());
    let lead = |path: &str| find(&resources, path).map(|(found, _)| found.to_string());

    assert_eq!(
        lead("/_matrix/client/v3/rooms/!a/state/m.room.name/").as_deref(),
        Some("/_matrix/client/v3/rooms/{room_id}/state/{event_type}/")
    );
    assert_eq!(
        lead("/_matrix/client/v3/profile/@a:b/a_field").as_deref(),
        Some("/_matrix/client/v3/profile/{user_id}/{field}")
    );
    assert_eq!(lead("/_matrix/client/v3/rooms"), None);
    assert_eq!(lead("/"), None);
}
