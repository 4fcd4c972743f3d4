//! Reports by their place among all of them, which never changes: programs that come for what is new
//! remember how many there were. So a report that was put away keeps its place, and is left out.

use sqlx::{FromRow, MySql, QueryBuilder};

use super::StoredReport;
use crate::{
    Result,
    storage::{
        Conn,
        codec::{EventIdColumn, RoomIdColumn, Text, UserIdColumn},
        directory::escape_like,
        numbers::UserNid,
        overview::Page,
    },
};

/// Which reports are wanted: parts of the IDs of who reports, of whom, and of the room.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "see above")]
pub struct ReportFilter {
    pub reporter: Option<String>,
    pub reported: Option<String>,
    pub room_id: Option<String>,
}

#[derive(FromRow)]
struct Row {
    report_nid: i64,
    kind: i8,
    reporter: UserIdColumn,
    room_id: Option<RoomIdColumn>,
    event_id: Option<EventIdColumn>,
    reported: Option<UserIdColumn>,
    reason: Text,
    content: Option<Text>,
    created_at: i64,
    is_dismissed: bool,
}

impl Row {
    fn kept(self) -> Option<StoredReport> {
        (!self.is_dismissed).then_some(StoredReport {
            nid: self.report_nid,
            kind: self.kind,
            reporter: self.reporter.0,
            room_id: self.room_id.map(|id| id.0),
            event_id: self.event_id.map(|id| id.0),
            user_id: self.reported.map(|id| id.0),
            reason: self.reason.0,
            content: self.content.map(|content| content.0),
            created_at: self.created_at,
        })
    }
}

const SELECT: &str = "select reports.report_nid, reports.kind, reporters.user_id as reporter, rooms.room_id, event_id, \
     reported.user_id as reported, reason, content, reports.created_at, \
     dismissed_reports.report_nid is not null as is_dismissed ";
const FROM: &str = "from reports \
     join users as reporters on reporters.user_nid = reporter_nid \
     left join users as reported on reported.user_nid = reports.user_nid \
     left join rooms on rooms.room_nid = reports.room_nid \
     left join dismissed_reports on dismissed_reports.report_nid = reports.report_nid ";

/// Lists a page of the reports of a kind; those that were put away leave gaps.
pub async fn list(conn: &mut Conn, kind: i8, filter: &ReportFilter, page: Page) -> Result<Vec<StoredReport>> {
    let direction = page.direction();
    let mut query = QueryBuilder::new(SELECT);
    query.push(FROM);
    push_filter(&mut query, kind, filter);
    query.push(format!(" order by reports.created_at {direction}, reports.report_nid {direction} limit "));
    query.push_bind(page.limit).push(" offset ").push_bind(page.from);
    let rows: Vec<Row> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().filter_map(Row::kept).collect())
}

/// Counts the reports of a kind, with those that were put away.
pub async fn count(conn: &mut Conn, kind: i8, filter: &ReportFilter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) ");
    query.push(FROM);
    push_filter(&mut query, kind, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

/// Finds a report of a kind, unless it was put away.
pub async fn find(conn: &mut Conn, kind: i8, nid: i64) -> Result<Option<StoredReport>> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(FROM).push("where reports.kind = ").push_bind(kind);
    query.push(" and reports.report_nid = ").push_bind(nid);
    let row: Option<Row> = query.build_query_as().fetch_optional(conn).await?;
    Ok(row.and_then(Row::kept))
}

/// Puts a report away.
pub async fn dismiss(conn: &mut Conn, nid: i64, by: UserNid, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into dismissed_reports (report_nid, dismissed_by, dismissed_at) values (?, ?, ?)",
        nid,
        by,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn push_filter(query: &mut QueryBuilder<MySql>, kind: i8, filter: &ReportFilter) {
    query.push("where reports.kind = ").push_bind(kind);
    let parts = [
        ("reporters.user_id", &filter.reporter),
        ("reported.user_id", &filter.reported),
        ("rooms.room_id", &filter.room_id),
    ];
    for (column, part) in parts {
        if let Some(part) = part {
            query.push(format!(" and convert({column} using utf8mb4) like "));
            query.push_bind(format!("%{}%", escape_like(part)));
        }
    }
}
