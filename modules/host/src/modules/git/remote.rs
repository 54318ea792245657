//! What a repository elsewhere has under a version's name.

use super::repository::Repository;
use crate::ModuleError;

/// A version, found.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    /// Its commit; unknown when the repository elsewhere does not tell, as of a commit that no name leads to.
    pub(super) commit: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// A branch, by its name.
    Branch(String),
    /// A tag, by its name.
    Tag(String),
    /// A commit, or what a refspec brings.
    Other,
}

impl Target {
    /// Asks the repository elsewhere.
    pub(super) fn find(repository: &Repository<'_>) -> Result<Self, ModuleError> {
        let version = repository.args.version.as_str();
        let (branch, tag) = (format!("refs/heads/{version}"), format!("refs/tags/{version}"));
        let peeled = format!("{tag}^{{}}");
        let patterns = ["ls-remote", "--symref", &repository.url, "HEAD", &branch, &tag, &peeled];
        let told = repository.git_anywhere(&patterns).succeed()?.out();
        let target = Self::read(&told, version);
        let may_be_commit = version.len() >= SHORTEST_HASH && is_hash(version);
        if target.kind == Kind::Other
            && version != "HEAD"
            && !may_be_commit
            && repository.args.refspec.is_none()
        {
            let message =
                format!("Failed to find {version}: {} has no such branch or tag", repository.args.repo);
            return Err(ModuleError::new(message));
        }
        Ok(target)
    }

    fn read(told: &str, version: &str) -> Self {
        let lines = || told.lines().filter_map(|line| line.split_once('\t'));
        let commit_of = |name: &str| {
            let mut commits = lines().filter(|(commit, _)| !commit.starts_with("ref: "));
            commits.find(|(_, known)| *known == name).map(|(commit, _)| commit.to_owned())
        };
        if version == "HEAD" {
            let symbolic = lines().find_map(|(target, name)| {
                let branch = target.strip_prefix("ref: refs/heads/")?;
                (name == "HEAD").then(|| branch.to_owned())
            });
            let kind = symbolic.map_or(Kind::Other, Kind::Branch);
            return Self { commit: commit_of("HEAD"), kind };
        }
        if let Some(commit) = commit_of(&format!("refs/heads/{version}")) {
            return Self { commit: Some(commit), kind: Kind::Branch(version.to_owned()) };
        }
        // Of a tag with a message the commit it is on, not the message.
        let tag = format!("refs/tags/{version}");
        if let Some(commit) = commit_of(&format!("{tag}^{{}}")).or_else(|| commit_of(&tag)) {
            return Self { commit: Some(commit), kind: Kind::Tag(version.to_owned()) };
        }
        Self { commit: is_whole_commit(version).then(|| version.to_owned()), kind: Kind::Other }
    }
}

/// The fewest digits by which Git takes a commit.
const SHORTEST_HASH: usize = 4;

fn is_whole_commit(version: &str) -> bool {
    matches!(version.len(), 40 | 64) && is_hash(version)
}

fn is_hash(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read() {
        let told = "ref: refs/heads/main\tHEAD\naaa\tHEAD\nbbb\trefs/heads/dev\nccc\trefs/tags/v1\nddd\trefs/tags/v1^{}\n";
        let found = |version: &str| {
            let target = Target::read(told, version);
            (target.commit, target.kind)
        };
        assert_eq!(found("HEAD"), (Some("aaa".to_owned()), Kind::Branch("main".to_owned())));
        assert_eq!(found("dev"), (Some("bbb".to_owned()), Kind::Branch("dev".to_owned())));
        assert_eq!(found("v1"), (Some("ddd".to_owned()), Kind::Tag("v1".to_owned())));
        let whole = "0123456789012345678901234567890123456789";
        assert_eq!(found(whole), (Some(whole.to_owned()), Kind::Other));
        assert_eq!(found("0123456"), (None, Kind::Other));
    }
}
