//! `apt`: packages of Debian and its kin.

mod deb;
pub(crate) mod lists;
mod policy;
mod wish;

use crate::args::{Arguments, Choice};
use crate::system::command::Finished;
use crate::system::dpkg::Packages;
use crate::{Context, Diff, Module, ModuleError, Outcome};
use deb::PackageFile;
use policy::Policy;
use wish::{Host, Wish};

/// Installs, upgrades and removes packages with apt-get. What is already as asked for is read from dpkg's own list, and
/// starts no process.
#[derive(Arguments)]
#[arguments(exclusive("deb", "upgrade"), exclusive("deb", "name"))]
pub struct AptArgs {
    /// Packages: `name`, `name=version` (with `*`: the newest such), `name>=version`, `name:architecture`, `name/release`,
    /// `na*`.
    #[arg(alias = "package", alias = "pkg", default = "")]
    name: Vec<String>,
    /// How packages should be.
    #[arg(default = "present")]
    state: State,
    /// Fetch the lists of packages first.
    #[arg(alias = "update-cache")]
    update_cache: Option<bool>,
    /// Seconds the lists stay good; they are fetched when they are older.
    #[arg(default = "0")]
    cache_valid_time: u64,
    /// How often fetching is tried again.
    #[arg(default = "5")]
    update_cache_retries: u32,
    /// Seconds between those tries, at most.
    #[arg(default = "12")]
    update_cache_retry_max_delay: u64,
    /// Remove configuration files, too.
    #[arg(default = "false")]
    purge: bool,
    /// The release packages are taken from.
    #[arg(alias = "default-release")]
    default_release: Option<String>,
    /// Install what packages recommend; as the host is configured if nothing is said.
    #[arg(alias = "install-recommends")]
    install_recommends: Option<bool>,
    /// Go on in spite of what apt-get warns of; also allows unauthenticated packages and downgrades.
    #[arg(default = "false")]
    force: bool,
    /// Install packages whose origin is not proved.
    #[arg(default = "false", alias = "allow-unauthenticated")]
    allow_unauthenticated: bool,
    /// Install an older version than there is.
    #[arg(
        default = "false",
        alias = "allow-downgrade",
        alias = "allow_downgrades",
        alias = "allow-downgrades"
    )]
    allow_downgrade: bool,
    /// Change packages that are held.
    #[arg(default = "false")]
    allow_change_held_packages: bool,
    /// Upgrade all packages.
    #[arg(default = "no")]
    upgrade: Upgrade,
    /// A package file to install: on the host, or an address that the host fetches it from.
    deb: Option<String>,
    /// Options for dpkg, with commas between.
    #[arg(default = "force-confdef,force-confold")]
    dpkg_options: String,
    /// Remove packages that were installed for others and are needed no more.
    #[arg(default = "false")]
    autoremove: bool,
    /// Remove package files that cannot be fetched any more.
    #[arg(default = "false")]
    autoclean: bool,
    /// Remove all fetched package files.
    #[arg(default = "false")]
    clean: bool,
    /// Upgrade packages that are installed, install none.
    #[arg(default = "false")]
    only_upgrade: bool,
    /// Fail rather than remove a package that is needed no more.
    #[arg(default = "false")]
    fail_on_autoremove: bool,
    /// Use apt-get; it always is.
    #[arg(default = "false")]
    force_apt_get: bool,
    /// Seconds to wait for another program that holds apt's lock.
    #[arg(default = "60")]
    lock_timeout: u64,
    /// What `policy-rc.d` answers while packages are installed: 101 keeps services from being started.
    policy_rc_d: Option<i64>,
}

/// How packages should be.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum State {
    /// Not there.
    #[choice(alias = "removed")]
    Absent,
    /// With all that building it needs.
    #[choice(name = "build-dep")]
    BuildDep,
    /// There, in the newest version.
    Latest,
    /// There.
    #[choice(alias = "installed")]
    Present,
    /// As they are, with broken dependencies mended.
    Fixed,
}

/// How all packages are upgraded.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum Upgrade {
    /// Not at all.
    #[choice(alias = "False", alias = "false")]
    No,
    /// Without removing any.
    #[choice(alias = "True", alias = "true")]
    Yes,
    /// Without removing any.
    Safe,
    /// Removing what is in the way.
    Full,
    /// Removing what is in the way.
    Dist,
}

/// The `apt` module.
pub struct Apt;

impl Module for Apt {
    type Args = AptArgs;
    const NAME: &'static str = "apt";
    const SUMMARY: &'static str = "Manages packages of Debian and its kin";
    const ALIASES: &'static [&'static str] = &["apt-get"];

    fn run(args: AptArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // apt-get is what there is; to insist on it changes nothing.
        let _ = args.force_apt_get;
        let policy = Policy::set(args.policy_rc_d, context)?;
        let result = manage(&args, context);
        drop(policy);
        result
    }
}

fn manage(args: &AptArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
    let cache_updated = update_cache(args, context)?;
    let mut outcome = Outcome::new(false);
    if args.clean {
        merge(&mut outcome, &apt_get(args, &["clean"], context)?, context);
    }
    if let Some(deb) = &args.deb {
        merge(&mut outcome, &install_file(args, deb, context)?, context);
    } else if args.upgrade != Upgrade::No {
        let how =
            if matches!(args.upgrade, Upgrade::Yes | Upgrade::Safe) { "upgrade" } else { "dist-upgrade" };
        let with_new: &[&str] = if how == "upgrade" { &["--with-new-pkgs", how] } else { &[how] };
        merge(&mut outcome, &apt_get(args, with_new, context)?, context);
    }
    let wanted: Vec<&str> = args.name.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let needed = needed(args, &wanted, context)?;
    if !needed.is_empty() {
        let mut words = vec![match args.state {
            State::Absent => "remove",
            State::BuildDep => "build-dep",
            State::Present | State::Latest | State::Fixed => "install",
        }];
        words.extend(needed.iter().map(String::as_str));
        match apt_get(args, &words, context) {
            Ok(finished) => merge(&mut outcome, &finished, context),
            // Without the lists that the real run fetches first, a prediction cannot know the packages.
            Err(_) if context.check && cache_updated => {
                outcome.changed = true;
                outcome.warnings.push(format!(
                    "the lists of packages are not fetched in check mode: {} would be installed if there",
                    needed.join(", ")
                ));
            }
            Err(error) => return Err(error),
        }
    } else if args.state == State::Fixed {
        merge(&mut outcome, &apt_get(args, &["install"], context)?, context);
    }
    if args.autoremove {
        merge(&mut outcome, &apt_get(args, &["autoremove"], context)?, context);
    }
    if args.autoclean {
        merge(&mut outcome, &apt_get(args, &["autoclean"], context)?, context);
    }
    let only_cache = wanted.is_empty() && args.deb.is_none() && args.upgrade == Upgrade::No;
    outcome.changed |= only_cache && cache_updated;
    outcome.result.insert("cache_updated".to_owned(), cache_updated.into());
    outcome.result.insert("cache_update_time".to_owned(), lists::fetched_at().into());
    Ok(outcome)
}

/// Fetches the lists of packages if asked for and old enough. In check mode nothing is fetched.
fn update_cache(args: &AptArgs, context: &Context) -> Result<bool, ModuleError> {
    let wanted = args.update_cache.unwrap_or(args.cache_valid_time > 0);
    if !wanted || lists::are_fresh(args.cache_valid_time) {
        return Ok(false);
    }
    if !context.check {
        lists::fetch(
            args.update_cache_retries,
            args.update_cache_retry_max_delay,
            args.lock_timeout,
            context,
        )?;
    }
    Ok(true)
}

/// The packages something has to be done about, as apt-get takes them.
fn needed(args: &AptArgs, wanted: &[&str], context: &Context) -> Result<Vec<String>, ModuleError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let host = Host { packages: &Packages::read()?, candidate: &|name| candidate(name, context) };
    let wish = Wish { state: args.state, only_upgrade: args.only_upgrade, purge: args.purge };
    wish.needed(wanted, &host)
}

/// The version of a package that apt would install; `None` when it has none: of names that are only provided.
fn candidate(name: &str, context: &Context) -> Result<Option<String>, ModuleError> {
    let finished = context.tool("apt-cache").arguments(["policy", name]).succeed()?;
    let out = finished.out();
    let version = out.lines().find_map(|line| line.trim_start().strip_prefix("Candidate: "));
    Ok(version.map(str::to_owned).filter(|version| version != "(none)"))
}

/// Runs apt-get; in check mode only simulated.
fn apt_get(args: &AptArgs, words: &[&str], context: &mut Context) -> Result<Finished, ModuleError> {
    let mut command = lists::apt_get(args.lock_timeout, context).argument("-y");
    for option in args.dpkg_options.split(',').filter(|option| !option.is_empty()) {
        command = command.argument("-o").argument(format!("Dpkg::Options::=--{option}"));
    }
    if let Some(release) = &args.default_release {
        command = command.arguments(["-t", release]);
    }
    let flags = [
        (context.check, "--simulate"),
        (args.purge && words.first() == Some(&"remove"), "--purge"),
        (args.purge && words.first() == Some(&"autoremove"), "--purge"),
        (args.install_recommends == Some(false), "--no-install-recommends"),
        (args.only_upgrade, "--only-upgrade"),
        (args.state == State::Fixed, "--fix-broken"),
        (args.fail_on_autoremove && words.first() != Some(&"autoremove"), "--no-remove"),
        (args.allow_unauthenticated || args.force, "--allow-unauthenticated"),
        (args.allow_downgrade || args.force, "--allow-downgrades"),
        (args.allow_change_held_packages || args.force, "--allow-change-held-packages"),
    ];
    for (_, flag) in flags.iter().filter(|(wanted, _)| *wanted) {
        command = command.argument(flag);
    }
    if args.install_recommends == Some(true) {
        command = command.arguments(["-o", "APT::Install-Recommends=yes"]);
    }
    // Killed while dpkg runs, it would leave packages half installed, and all later runs refused.
    let command = command.arguments(words).asked_to_end();
    let line = command.line();
    let exchange = &mut context.exchange;
    let finished = command.run_watched(&mut |piece| exchange.output(piece))?;
    if finished.status.success() { Ok(finished) } else { Err(finished.failure(&format!("'{line}' failed"))) }
}

/// Installs a package file, fetched first if it is an address, unless that version is there.
fn install_file(args: &AptArgs, deb: &str, context: &mut Context) -> Result<Finished, ModuleError> {
    let file = PackageFile::of(deb, context)?;
    let is_there = file.is_installed(&Packages::read()?, context)?;
    if is_there && !args.force {
        // Nothing to do is told as apt-get tells it.
        return context.tool("true").run();
    }
    apt_get(args, &["install", &file.path().to_string_lossy()], context)
}

/// Adds what a run of apt-get did to the outcome.
fn merge(outcome: &mut Outcome, finished: &Finished, context: &Context) {
    let out = finished.out();
    let cleaned = out.lines().any(|line| line.starts_with("Del "));
    let changes = changes(&out);
    outcome.changed |= changes.is_some() || cleaned;
    outcome.result.insert("stdout".to_owned(), out.as_str().into());
    outcome.result.insert("stderr".to_owned(), finished.err().into());
    if let Some(changes) = changes.filter(|_| context.diff) {
        outcome.diff.push(Diff { prepared: Some(changes.to_owned()), ..Diff::default() });
    }
}

/// What apt-get says it changes, if it changes anything.
fn changes(out: &str) -> Option<&str> {
    // "0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded."
    let summary =
        out.lines().find(|line| line.contains(" upgraded, ") && line.contains(" newly installed"))?;
    let mut numbers = summary.split(" and ").next()?.split(|c: char| !c.is_ascii_digit());
    numbers.find(|number| number.parse::<u64>().is_ok_and(|number| number > 0))?;
    let end = out.find(summary)? + summary.len();
    let start = out.find("The following").unwrap_or(0);
    Some(&out[start.min(end)..end])
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn the_summary_tells_what_changes() {
        let nothing = "Reading…\nzsh is already the newest version\n0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.\n";
        assert_eq!(changes(nothing), None);
        assert_eq!(changes(""), None);
        let installs = "Reading…\nThe following NEW packages will be installed:\n  zsh\n0 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.\nInst zsh\n";
        let told = changes(installs).unwrap();
        assert!(told.starts_with("The following NEW") && told.ends_with("3 not upgraded."), "{told}");
        let holds = "1 upgraded, 0 newly installed, 2 downgraded, 0 to remove and 0 not upgraded.\n";
        assert_eq!(changes(holds), Some(holds.trim_end()));
    }
}
