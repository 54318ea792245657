//! Users and groups. Read through `getent`, so that directory services count too; `/etc/passwd` and `/etc/group`
//! where there is no `getent`.

use crate::Context;

/// A line of the user database.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Number.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// The comment field (GECOS).
    pub comment: String,
    /// Home folder.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A line of the group database.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Number.
    pub gid: u32,
    /// Names of the users it lists.
    pub members: Vec<String>,
}

/// A user by name or number.
pub fn user(context: &Context, name: &str) -> Option<User> {
    read_user(&lookup(context, "passwd", name)?)
}

/// A user by name or number, if it is in the host's own file.
pub fn local_user(name: &str) -> Option<User> {
    read_user(&local("passwd", name)?)
}

fn read_user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, comment, home, shell, ..] = fields.as_slice() else { return None };
    Some(User {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment: (*comment).to_owned(),
        home: (*home).to_owned(),
        shell: (*shell).to_owned(),
    })
}

/// A group by name or number.
pub fn group(context: &Context, name: &str) -> Option<Group> {
    read_group(&lookup(context, "group", name)?)
}

/// A group by name or number, if it is in the host's own file.
pub fn local_group(name: &str) -> Option<Group> {
    read_group(&local("group", name)?)
}

fn read_group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members, ..] = fields.as_slice() else { return None };
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members })
}

/// The line of a database whose name (first field) or number (third field) is `key`. The local file is asked
/// first: it costs no process.
fn lookup(context: &Context, database: &str, key: &str) -> Option<String> {
    if let Some(line) = local(database, key) {
        return Some(line);
    }
    let getent = context.find_program("getent")?;
    let finished = context.tool(getent).arguments([database, key]).run().ok()?;
    finished.status.success().then(|| finished.out().lines().next().unwrap_or_default().to_owned())
}

/// As [`lookup`], only in the local file.
fn local(database: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/etc/{database}")).unwrap_or_default();
    let matches = |line: &&str| line.split(':').next() == Some(key) || line.split(':').nth(2) == Some(key);
    text.lines().find(matches).map(str::to_owned)
}
