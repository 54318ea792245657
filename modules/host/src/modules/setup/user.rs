//! Who this process is, and its environment.

use serde_json::{Map, Value};

use super::collectors::{Gathered, Host};
use crate::system::account;

/// `user_…`, `real_…_id`, `effective_…_id`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let effective = rustix::process::geteuid().as_raw();
    gathered.set("effective_user_id", effective);
    gathered.set("effective_group_id", rustix::process::getegid().as_raw());
    gathered.set("real_user_id", rustix::process::getuid().as_raw());
    gathered.set("real_group_id", rustix::process::getgid().as_raw());
    // A number without a line in the user database has no name to tell.
    let Some(user) = account::user(host.context, &effective.to_string()) else { return };
    gathered.set("user_id", user.name);
    gathered.set("user_uid", user.uid);
    gathered.set("user_gid", user.gid);
    gathered.set("user_gecos", user.comment);
    gathered.set("user_dir", user.home);
    gathered.set("user_shell", user.shell);
}

/// `env`: as the commands of a task see it.
pub(super) fn collect_environment(host: &Host<'_>, gathered: &mut Gathered) {
    let mut environment: Map<String, Value> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into()))
        .collect();
    environment
        .extend(host.context.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    gathered.set("env", environment);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn this_process_is_told() {
        let facts = facts_of(&[], collect);
        assert_eq!(facts["effective_user_id"], rustix::process::geteuid().as_raw());
        assert_eq!(facts["user_uid"], facts["effective_user_id"]);
        assert!(facts_of(&[], collect_environment)["env"]["PATH"].is_string());
    }
}
