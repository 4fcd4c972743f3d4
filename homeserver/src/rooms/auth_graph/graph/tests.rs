//! Small graphs, drawn in the tests: `(event, [authorised by])`.

use super::*;

fn graph(rows: &[(i64, &[i64])]) -> AuthGraph {
    let mut graph = AuthGraph::default();
    graph.extend(
        rows.iter().map(|(event, auth)| AuthRow {
            event: EventNid(*event),
            auth: auth.iter().copied().map(EventNid).collect(),
        }),
    );
    graph
}

fn events(numbers: &[i64]) -> Vec<EventNid> {
    numbers.iter().copied().map(EventNid).collect()
}

fn numbers(mut events: Vec<EventNid>) -> Vec<i64> {
    events.sort_unstable();
    events.into_iter().map(|event| event.0).collect()
}

/// 1 ← 2 ← 3 ← 4 ← 5, and 2 ← 6 ← 7.
fn forked() -> AuthGraph {
    // Rows come in any order.
    graph(&[(5, &[4, 1]), (7, &[6, 1]), (3, &[2, 1]), (1, &[]), (6, &[2]), (2, &[1]), (4, &[3])])
}

#[test]
fn a_chain_is_all_below() {
    let graph = forked();

    assert!(graph.chain(events(&[1])).is_empty());
    assert_eq!(numbers(graph.chain(events(&[4]))), [1, 2, 3]);
    assert_eq!(numbers(graph.chain(events(&[4, 3, 7]))), [1, 2, 3, 6]);
}

#[test]
fn the_difference_is_what_some_but_not_all_build_upon() {
    let graph = forked();

    assert_eq!(numbers(graph.difference([], &[events(&[5]), events(&[7])])), [3, 4, 5, 6, 7]);
    assert!(graph.difference([], &[events(&[5]), events(&[5, 3])]).is_empty());
    assert_eq!(numbers(graph.difference([], &[events(&[5]), events(&[7]), events(&[5, 7])])), [3, 4, 5, 6, 7]);
}

#[test]
fn what_states_have_in_common_is_not_in_the_difference() {
    let graph = forked();

    assert_eq!(numbers(graph.difference(events(&[3]), &[events(&[5]), events(&[7])])), [4, 5, 6, 7]);
    assert_eq!(numbers(graph.difference(events(&[5]), &[events(&[5]), events(&[7])])), [6, 7]);
}

#[test]
fn a_plain_difference_is_one_that_a_look_at_what_is_common_explains() {
    let graph = forked();

    // 3 and 4 are in question, unless something common builds upon them.
    assert!(!graph.is_difference_plain([], &[events(&[5]), events(&[7])]));
    assert!(!graph.is_difference_plain(events(&[3, 6]), &[events(&[5]), events(&[7])]));
    assert!(graph.is_difference_plain(events(&[4, 6]), &[events(&[5]), events(&[7])]));
    assert!(graph.is_difference_plain(events(&[4]), &[events(&[5]), events(&[6, 7])]));
    assert!(graph.is_difference_plain([], &[events(&[3]), events(&[6])]));
}

#[test]
fn the_subgraph_is_what_lies_between() {
    let graph = forked();

    assert_eq!(numbers(graph.subgraph(&events(&[5, 2]))), [2, 3, 4, 5]);
    assert_eq!(numbers(graph.subgraph(&events(&[5, 7]))), [5, 7]);
    assert_eq!(numbers(graph.subgraph(&events(&[5, 7, 2]))), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_graph_grows() {
    let mut graph = forked();

    graph.extend([AuthRow { event: EventNid(8), auth: events(&[5, 7]) }]);

    assert_eq!(numbers(graph.auth(EventNid(8)).collect()), [5, 7]);
    assert_eq!(numbers(graph.chain(events(&[8]))), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn events_that_are_not_in_the_graph_have_nothing_below_them() {
    let graph = graph(&[(2, &[1])]);

    assert!(!graph.knows(EventNid(9)));
    assert_eq!(graph.auth(EventNid(9)).count(), 0);
    assert_eq!(numbers(graph.chain(events(&[9, 2]))), [1]);
    assert_eq!(graph.auth(EventNid(1)).count(), 0);
}
