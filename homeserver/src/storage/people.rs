//! Whom the user directory can find, and by which words.

use std::collections::{BTreeSet, HashSet};

use ruma::{OwnedUserId, UserId};
use sqlx::{MySql, QueryBuilder};

use super::{
    Conn,
    bulk::{self, Insert},
    codec::{Text, UserIdColumn},
    directory::escape_like,
    numbers::UserNid,
};
use crate::Result;

/// A word is cut to so many characters.
const WORD: usize = 64;
/// A longer name or avatar is left out.
const SHOWN: usize = 1024;

/// Somebody who was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `people` and `users`")]
pub struct Person {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

/// The words of a text, in small letters.
pub fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.to_lowercase().chars().take(WORD).collect()).collect()
}

/// Lets a user be found, by local part and display name; in the place of what they were found by
/// before.
pub async fn upsert(
    conn: &mut Conn,
    user: UserNid,
    user_id: &UserId,
    display_name: Option<&str>,
    avatar_url: Option<&str>,
) -> Result<()> {
    let fits = |text: &&str| text.len() <= SHOWN;
    let display_name = display_name.filter(fits);
    sqlx::query!(
        "insert into people (user_nid, display_name, avatar_url) values (?, ?, ?)
         on duplicate key update display_name = values(display_name), avatar_url = values(avatar_url)",
        user,
        display_name,
        avatar_url.filter(fits)
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from people_words where user_nid = ?", user).execute(&mut *conn).await?;
    let mut found_by = words(user_id.localpart());
    found_by.extend(display_name.map(words).unwrap_or_default());
    let found_by: Vec<String> = found_by.into_iter().collect();
    WORDS
        .run(conn, &found_by, |word, to| {
            sqlx::Arguments::add(to, word.as_str())?;
            sqlx::Arguments::add(to, user)
        })
        .await?;
    Ok(())
}

/// Lets a user no longer be found.
pub async fn delete(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from people_words where user_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("delete from people where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// Lists users who have a word beginning with each of `words`, those with the first word whole
/// first, then those with a name. Of more than `limit`, those whose words come first in the alphabet.
pub async fn by_words(conn: &mut Conn, words: &[String], limit: i64) -> Result<Vec<UserNid>> {
    let Some((first, others)) = words.split_first() else { return Ok(Vec::new()) };
    let mut query = QueryBuilder::<MySql>::new("select people.user_nid, word = ");
    query.push_bind(first);
    // Read along the index on words, so that it can stop at the limit.
    query.push(
        ", display_name is not null
         from people_words
         straight_join people on people.user_nid = people_words.user_nid
         where word like ",
    );
    query.push_bind(beginning(first));
    for other in others {
        query.push(
            " and exists (
                select 1 from people_words as other
                where other.user_nid = people_words.user_nid and other.word like ",
        );
        query.push_bind(beginning(other));
        query.push(")");
    }
    query.push(" order by word, people_words.user_nid limit ");
    query.push_bind(limit);
    let mut found: Vec<(i64, bool, bool)> = query.build_query_as().fetch_all(conn).await?;
    found.sort_by_key(|(_, is_whole, has_name)| (!is_whole, !has_name));
    let mut seen = HashSet::new();
    Ok(found.into_iter().filter(|(user, ..)| seen.insert(*user)).map(|(user, ..)| UserNid(user)).collect())
}

/// Lists users whose ID begins with `start`.
pub async fn by_id(conn: &mut Conn, start: &str, limit: i64) -> Result<Vec<UserNid>> {
    let users = sqlx::query_scalar!(
        "select people.user_nid
         from users
         join people on people.user_nid = users.user_nid
         where user_id like ?
         order by user_id
         limit ?",
        beginning(start).into_bytes(),
        limit
    );
    Ok(users.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}

/// Those of `users` whom `reader` may find: who is in an open room, the reader too, or in a room with the reader.
pub async fn visible(conn: &mut Conn, users: &[UserNid], reader: UserNid) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for list in bulk::lists(users) {
        let mut query = QueryBuilder::<MySql>::new(
            "select people.user_nid, user_id, display_name, avatar_url
             from people
             join users on users.user_nid = people.user_nid
             where (
                 exists (
                     select 1
                     from room_members as member
                     join open_rooms on open_rooms.room_nid = member.room_nid
                     where member.user_nid = people.user_nid and member.membership = 1
                 )
                 or exists (
                     select 1
                     from room_members as member
                     join room_members as reader on reader.room_nid = member.room_nid
                     where member.user_nid = people.user_nid and member.membership = 1
                       and reader.membership = 1 and reader.user_nid <> member.user_nid and reader.user_nid = ",
        );
        query.push_bind(reader.0);
        query.push(")) and people.user_nid in (");
        let mut values = query.separated(",");
        for user in list {
            values.push_bind(user.0);
        }
        query.push(")");
        let rows: Vec<(i64, UserIdColumn, Option<Text>, Option<Text>)> =
            query.build_query_as().fetch_all(&mut *conn).await?;
        people.extend(rows.into_iter().map(|(user, user_id, name, avatar)| Person {
            user: UserNid(user),
            user_id: user_id.0,
            display_name: name.map(|name| name.0),
            avatar_url: avatar.map(|avatar| avatar.0),
        }));
    }
    Ok(people)
}

fn beginning(text: &str) -> String {
    format!("{}%", escape_like(text))
}

/// Notes that a user's rooms do not show the newest profile yet.
pub async fn insert_profile_change(conn: &mut Conn, user: UserNid, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into profile_changes (user_nid, changed_at) values (?, ?)
         on duplicate key update changed_at = greatest(changed_at + 1, values(changed_at))",
        user,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds when the profile changed that a user's rooms do not show yet.
pub async fn find_profile_change(conn: &mut Conn, user: UserNid) -> Result<Option<i64>> {
    let found = sqlx::query_scalar!("select changed_at from profile_changes where user_nid = ?", user);
    Ok(found.fetch_optional(conn).await?)
}

/// Lists the users whose rooms do not show the newest profile yet.
pub async fn list_profile_changes(conn: &mut Conn) -> Result<Vec<UserNid>> {
    let users = sqlx::query_scalar!("select user_nid from profile_changes order by changed_at");
    Ok(users.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}

/// Notes that a user's rooms show the profile as it was changed then.
pub async fn delete_profile_change(conn: &mut Conn, user: UserNid, changed_at: i64) -> Result<()> {
    sqlx::query!("delete from profile_changes where user_nid = ? and changed_at = ?", user, changed_at)
        .execute(conn)
        .await?;
    Ok(())
}

// Words that the collation takes for the same are one.
const WORDS: Insert = Insert { head: "insert ignore into people_words (word, user_nid) values", columns: 2, tail: "" };

#[cfg(test)]
mod tests;
