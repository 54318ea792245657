//! The kernel, the machine and its name.

use std::os::unix::fs::MetadataExt as _;

use super::collectors::{Gathered, Host};
use super::python;
use crate::Context;

/// `system`, `kernel`, `machine`, `architecture`, `hostname`, `fqdn` and the like.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let names = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let (machine, nodename) = (text(names.machine()), text(names.nodename()));
    let hostname = nodename.split('.').next().unwrap_or_default().to_owned();
    let fqdn = full_name(host, &nodename);
    gathered.set("system", text(names.sysname()));
    gathered.set("kernel", text(names.release()));
    gathered.set("kernel_version", text(names.version()));
    gathered.set("architecture", architecture(&machine));
    let bits = userspace_bits(host);
    gathered.set("userspace_bits", bits);
    gathered.set("userspace_architecture", userspace_architecture(&machine, bits));
    gathered.set("machine", machine);
    gathered.set("domain", fqdn.split_once('.').map_or("", |(_, domain)| domain));
    gathered.set("fqdn", fqdn);
    gathered.set("nodename", nodename);
    gathered.set("hostname", hostname);
    let machine_id =
        ["/var/lib/dbus/machine-id", "/etc/machine-id"].iter().find_map(|path| host.files.word(path));
    if let Some(id) = machine_id {
        gathered.set("machine_id", id);
    }
    if let Some(version) = python::version(host) {
        gathered.set("python_version", version.text);
    }
}

/// The name packages and downloads go by: all of 386 to 686 are `i386`.
fn architecture(machine: &str) -> &str {
    match machine.as_bytes() {
        [b'i', b'3'..=b'6', b'8', b'6'] => "i386",
        _ => machine,
    }
}

/// A 32-bit system may run on a 64-bit kernel: its shell tells.
fn userspace_bits(host: &Host<'_>) -> &'static str {
    let mut magic = [0; 5];
    let read = std::fs::File::open(host.files.path("/bin/sh"))
        .and_then(|mut shell| std::io::Read::read_exact(&mut shell, &mut magic));
    match (read, magic) {
        (Ok(()), [0x7f, b'E', b'L', b'F', 1]) => "32",
        (Ok(()), [0x7f, b'E', b'L', b'F', 2]) => "64",
        _ if cfg!(target_pointer_width = "32") => "32",
        _ => "64",
    }
}

fn userspace_architecture<'a>(machine: &'a str, bits: &str) -> &'a str {
    match (architecture(machine), bits) {
        ("x86_64", "32") => "i386",
        (architecture, _) => architecture,
    }
}

/// The fully qualified name: `/etc/hosts` is asked first, then, through `getent`, whatever else the host asks.
fn full_name(host: &Host<'_>, nodename: &str) -> String {
    let hosts = host.files.text("/etc/hosts").unwrap_or_default();
    let names = match names_beside(&hosts, nodename) {
        Some(names) => names,
        None => names_by_service(host.context, nodename).unwrap_or_default(),
    };
    let dotted =
        std::iter::once(nodename).chain(names.iter().map(String::as_str)).find(|name| name.contains('.'));
    dotted.or(names.first().map(String::as_str)).unwrap_or(nodename).to_owned()
}

/// The names, the canonical one first, of the address that a hosts file gives a name. As in resolving and resolving
/// back, the first line of that address counts.
fn names_beside(hosts: &str, name: &str) -> Option<Vec<String>> {
    let lines = || {
        hosts.lines().filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let address = words.next()?;
            Some((address, words.collect::<Vec<_>>()))
        })
    };
    let (address, _) = lines().find(|(_, names)| names.contains(&name))?;
    let (_, names) = lines().find(|(other, _)| *other == address)?;
    Some(names.into_iter().map(str::to_owned).collect())
}

/// The same by the host's name service: `getent hosts` tells the address, and for an address its names.
fn names_by_service(context: &Context, name: &str) -> Option<Vec<String>> {
    let getent = context.find_program("getent")?;
    let ask = |key: &str| {
        let finished = context.tool(&getent).arguments(["hosts", key]).run().ok()?;
        finished.status.success().then(|| finished.out())
    };
    let answer = ask(name)?;
    let mut words = answer.lines().next()?.split_whitespace().map(str::to_owned);
    let address = words.next()?;
    let forward: Vec<String> = words.collect();
    let back = ask(&address).unwrap_or_default();
    let back: Vec<String> =
        back.lines().next().unwrap_or_default().split_whitespace().skip(1).map(str::to_owned).collect();
    Some(if back.is_empty() { forward } else { back })
}

/// `is_chroot`: whether the root folder is another than that of the first process.
pub(super) fn collect_chroot(host: &Host<'_>, gathered: &mut Gathered) {
    if std::env::var_os("debian_chroot").is_some() {
        gathered.set("is_chroot", true);
        return;
    }
    let Ok(mine) = host.files.path("/").metadata() else { return };
    let chroot = match host.files.path("/proc/1/root/.").metadata() {
        Ok(first) => (mine.ino(), mine.dev()) != (first.ino(), first.dev()),
        // Only root may look there. The root of a file system has a number of its own by the kind of file system.
        Err(_) => mine.ino() != root_number(),
    };
    gathered.set("is_chroot", chroot);
}

/// The inode number that the root of this kind of file system has when nothing is wrong.
fn root_number() -> u64 {
    const BTRFS: u64 = 0x9123_683e;
    const XFS: u64 = 0x5846_5342;
    match rustix::fs::statfs("/").map(|found| u64::try_from(found.f_type).unwrap_or_default()) {
        Ok(BTRFS) => 256,
        Ok(XFS) => 128,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{architecture, names_beside, userspace_architecture};

    #[test]
    fn names_are_those_of_the_first_line_of_the_address() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1 web.example.org web # a comment\n10.0.0.9 db\n";
        assert_eq!(names_beside(hosts, "web").unwrap(), ["web.example.org", "web"]);
        assert_eq!(names_beside(hosts, "a"), None);
        let shared = "127.0.0.1 localhost\n127.0.0.1 vm\n";
        assert_eq!(names_beside(shared, "vm").unwrap(), ["localhost"]);
    }

    #[test]
    fn architectures_have_their_package_names() {
        assert_eq!((architecture("i686"), architecture("x86_64")), ("i386", "x86_64"));
        assert_eq!(userspace_architecture("x86_64", "32"), "i386");
        assert_eq!(userspace_architecture("aarch64", "64"), "aarch64");
    }
}
