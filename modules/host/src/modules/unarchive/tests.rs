use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Unarchive;
use crate::modules::testing::{changes_once, context_with, folder, mode, refusal, run, run_in};
use crate::modules::testing_server::Server;
use crate::system::zip::{Item, ZipWriter};

fn set_time(path: &Path, seconds: u64) {
    File::open(path).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// A folder with a file, a folder with a private file, a link and a further name.
fn tree(at: &Path) {
    fs::create_dir_all(at.join("top/sub")).unwrap();
    fs::write(at.join("top/a ü.txt"), "one\n").unwrap();
    fs::write(at.join("top/sub/private"), "secret\n").unwrap();
    fs::set_permissions(at.join("top/sub/private"), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(at.join("top/sub"), Permissions::from_mode(0o750)).unwrap();
    symlink("a ü.txt", at.join("top/link")).unwrap();
    fs::hard_link(at.join("top/a ü.txt"), at.join("top/same")).unwrap();
    set_time(&at.join("top/a ü.txt"), 1_700_000_000);
    set_time(&at.join("top/sub/private"), 1_700_000_001);
}

fn tar(at: &Path, words: &[&str]) {
    let output = Command::new("tar").current_dir(at).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The tree packed with an option of tar; the path of the archive, and a folder to unpack it in.
fn packed(at: &Path, option: &str) -> (String, String) {
    tree(at);
    tar(at, &["-c", option, "-f", "archive", "top"]);
    fs::create_dir(at.join("dest")).unwrap();
    (at.join("archive").display().to_string(), at.join("dest").display().to_string())
}

fn zipped(at: &Path) -> (String, String) {
    let path = at.join("archive.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let moment = UNIX_EPOCH + Duration::from_secs(1_700_000_001);
    let mut add = |name: &str, mode: u32, content: &str| {
        let item = Item { name, mode, modified: moment, length: content.len() as u64 };
        zip.add(&item, &mut content.as_bytes()).unwrap();
    };
    add("top/", 0o040_755, "");
    add("top/a ü.txt", 0o100_644, &"one\n".repeat(1000));
    add("top/tool", 0o100_755, "tool\n");
    add("top/link", 0o120_777, "tool");
    add("implied/deep/file", 0o100_600, "deep\n");
    zip.finish().unwrap();
    fs::create_dir(at.join("dest")).unwrap();
    (path.display().to_string(), at.join("dest").display().to_string())
}

fn on_host(source: &str, dest: &str) -> Value {
    json!({"src": source, "dest": dest, "remote_src": true})
}

#[test]
fn tar_archives_of_all_formats_are_unpacked_once() {
    for (option, handler) in [
        ("--format=gnu", "TarArchive"),
        ("--format=posix", "TarArchive"),
        ("-z", "TgzArchive"),
        ("-j", "TarBzipArchive"),
        ("-J", "TarXzArchive"),
        ("--zstd", "TarZstdArchive"),
    ] {
        let (_guard, at) = folder();
        let program = match option {
            "-j" => "bzip2",
            "-J" => "xz",
            "--zstd" => "zstd",
            _ => "tar",
        };
        if crate::modules::testing::context().find_program(program).is_none() {
            continue;
        }
        let (source, dest) = packed(&at, option);
        let outcome = changes_once::<Unarchive>(&on_host(&source, &dest));
        assert_eq!((&outcome.result["handler"], &outcome.result["src"]), (&json!(handler), &json!(source)));
        assert_eq!(outcome.result["state"], "directory");
        let top = at.join("dest/top");
        assert_eq!(fs::read_to_string(top.join("same")).unwrap(), "one\n");
        assert_eq!((mode(&top.join("sub")), mode(&top.join("sub/private"))), (0o750, 0o600));
    }
}

#[test]
fn each_kind_of_difference_is_seen_and_mended() {
    let (_guard, at) = folder();
    let (source, dest) = packed(&at, "-z");
    let arguments = on_host(&source, &dest);
    changes_once::<Unarchive>(&arguments);
    let top = at.join("dest/top");
    let private = top.join("sub/private");
    let spoil: [(&str, &dyn Fn()); 8] = [
        ("top/sub/private: content", &|| {
            fs::write(&private, "Secret\n").unwrap();
            set_time(&private, 1_700_000_001);
        }),
        ("top/sub/private: size", &|| {
            fs::write(&private, "more").unwrap();
            set_time(&private, 1_700_000_001);
        }),
        ("top/sub/private: time", &|| set_time(&private, 1_800_000_000)),
        ("top/sub/private: mode", &|| fs::set_permissions(&private, Permissions::from_mode(0o644)).unwrap()),
        ("top/sub: mode", &|| fs::set_permissions(top.join("sub"), Permissions::from_mode(0o700)).unwrap()),
        ("top/sub/private: new", &|| fs::remove_file(&private).unwrap()),
        ("top/link: target", &|| {
            fs::remove_file(top.join("link")).unwrap();
            symlink("elsewhere", top.join("link")).unwrap();
        }),
        ("top/link: kind", &|| {
            fs::remove_file(top.join("link")).unwrap();
            fs::write(top.join("link"), "").unwrap();
        }),
    ];
    for (difference, spoil) in spoil {
        spoil();
        let outcome = changes_once::<Unarchive>(&arguments);
        let shown = outcome.diff[0].prepared.clone().unwrap();
        assert!(shown.contains(difference), "{difference}: {shown}");
    }
    // What the archive does not have is none of its business.
    fs::write(top.join("more"), "").unwrap();
    assert!(!run::<Unarchive>(arguments, false).changed);
}

#[test]
fn options_of_tar_count_for_comparing_too() {
    let (_guard, at) = folder();
    let (source, dest) = packed(&at, "-z");
    let mut arguments = on_host(&source, &dest);
    arguments["extra_opts"] = json!(["--strip-components=1", "--no-same-owner"]);
    arguments["list_files"] = json!(true);
    let outcome = changes_once::<Unarchive>(&arguments);
    let files = outcome.result["files"].as_array().unwrap();
    assert!(files.contains(&json!("sub/private")), "{files:?}");
    assert!(at.join("dest/sub/private").exists());
    arguments["extra_opts"] = json!(["--transform", "s/^top/other/"]);
    changes_once::<Unarchive>(&arguments);
    assert!(at.join("dest/other/sub/private").exists());
}

#[test]
fn parts_are_left_out_and_picked() {
    let (_guard, at) = folder();
    let (source, dest) = packed(&at, "-z");
    let mut arguments = on_host(&source, &dest);
    arguments["exclude"] = json!(["private", "same", "a*"]);
    changes_once::<Unarchive>(&arguments);
    assert!(at.join("dest/top/link").is_symlink() && !at.join("dest/top/sub/private").exists());
    let arguments =
        json!({"src": source, "dest": dest, "remote_src": true, "include": "top/sub", "list_files": true});
    let outcome = changes_once::<Unarchive>(&arguments);
    assert_eq!(outcome.result["files"], json!(["top/sub/", "top/sub/private"]));
    assert!(!at.join("dest/top/same").exists());
    let arguments = json!({"src": source, "dest": dest, "remote_src": true, "include": "top/none"});
    assert!(refusal::<Unarchive>(&arguments).contains("Not found in archive"));
}

#[test]
fn newer_files_can_be_kept() {
    for is_zip in [false, true] {
        let (_guard, at) = folder();
        let (source, dest) = if is_zip { zipped(&at) } else { packed(&at, "-z") };
        let mut arguments = on_host(&source, &dest);
        arguments["keep_newer"] = json!(true);
        changes_once::<Unarchive>(&arguments);
        let file = at.join("dest/top/a ü.txt");
        fs::write(&file, "newer\n").unwrap();
        assert!(!run::<Unarchive>(arguments.clone(), false).changed);
        assert_eq!(fs::read_to_string(&file).unwrap(), "newer\n");
        set_time(&file, 1_600_000_000);
        changes_once::<Unarchive>(&arguments);
        assert_ne!(fs::read_to_string(&file).unwrap(), "newer\n");
    }
}

#[test]
fn attributes_asked_for_count_for_all_that_is_unpacked() {
    for is_zip in [false, true] {
        let (_guard, at) = folder();
        let (source, dest) = if is_zip { zipped(&at) } else { packed(&at, "-z") };
        let mut arguments = on_host(&source, &dest);
        arguments["mode"] = json!("u=rwX,go=");
        changes_once::<Unarchive>(&arguments);
        assert_eq!(mode(&at.join("dest/top")), 0o700);
        assert_eq!(mode(&at.join("dest/top/a ü.txt")), 0o600);
        if is_zip {
            assert_eq!(mode(&at.join("dest/implied/deep")), 0o700);
        }
        fs::set_permissions(at.join("dest/top/a ü.txt"), Permissions::from_mode(0o644)).unwrap();
        let outcome = changes_once::<Unarchive>(&arguments);
        assert!(!outcome.result.contains_key("extract_results"), "only the mode was wrong");
        if rustix::process::geteuid().is_root() {
            arguments["owner"] = json!("1234");
            changes_once::<Unarchive>(&arguments);
            assert_eq!(fs::symlink_metadata(at.join("dest/top/link")).unwrap().uid(), 1234);
        }
    }
}

#[test]
fn zip_archives_are_unpacked_once() {
    let (_guard, at) = folder();
    let (source, dest) = zipped(&at);
    let mut arguments = on_host(&source, &dest);
    arguments["list_files"] = json!(true);
    let outcome = changes_once::<Unarchive>(&arguments);
    assert_eq!(outcome.result["handler"], "ZipArchive");
    assert_eq!(outcome.result["files"][1], "top/a ü.txt");
    let dest = at.join("dest");
    assert_eq!(fs::read_to_string(dest.join("top/a ü.txt")).unwrap(), "one\n".repeat(1000));
    assert_eq!(fs::read_link(dest.join("top/link")).unwrap(), Path::new("tool"));
    assert_eq!((mode(&dest.join("top/tool")), mode(&dest.join("implied/deep/file"))), (0o755, 0o600));
    assert_eq!(fs::metadata(dest.join("top/tool")).unwrap().mtime(), 1_700_000_001);
    fs::write(dest.join("top/tool"), "TOOL\n").unwrap();
    set_time(&dest.join("top/tool"), 1_700_000_001);
    let untouched = fs::metadata(dest.join("implied/deep/file")).unwrap().ino();
    let outcome = changes_once::<Unarchive>(&arguments);
    assert!(outcome.diff[0].prepared.as_ref().unwrap().contains("top/tool: content"));
    assert_eq!(fs::metadata(dest.join("implied/deep/file")).unwrap().ino(), untouched);
}

#[test]
fn parts_of_zip_archives_are_left_out_and_picked() {
    let (_guard, at) = folder();
    let (source, dest) = zipped(&at);
    let arguments = json!({"src": source, "dest": dest, "remote_src": true, "exclude": ["top/*"]});
    changes_once::<Unarchive>(&arguments);
    assert!(at.join("dest/implied/deep/file").exists() && !at.join("dest/top").exists());
    let arguments = json!({"src": source, "dest": dest, "remote_src": true, "include": ["top/t*"]});
    changes_once::<Unarchive>(&arguments);
    assert!(at.join("dest/top/tool").exists() && !at.join("dest/top/link").is_symlink());
    let arguments = json!({"src": source, "dest": dest, "remote_src": true, "include": ["none"]});
    assert!(refusal::<Unarchive>(&arguments).contains("`none`"));
}

#[test]
fn damage_is_seen_and_leaves_what_is_there() {
    let (_guard, at) = folder();
    let (source, dest) = zipped(&at);
    changes_once::<Unarchive>(&on_host(&source, &dest));
    let tool = at.join("dest/top/tool");
    fs::write(&tool, "old\n").unwrap();
    // The checksum in the list.
    let mut bytes = fs::read(&source).unwrap();
    let name = b"top/tool";
    let at_list = bytes.windows(name.len()).rposition(|part| part == name).unwrap();
    bytes[at_list - 46 + 16] ^= 1;
    fs::write(&source, bytes).unwrap();
    assert!(refusal::<Unarchive>(&on_host(&source, &dest)).contains("damaged"));
    assert_eq!(fs::read_to_string(&tool).unwrap(), "old\n");
}

#[test]
fn names_do_not_lead_out_of_the_folder() {
    let (_guard, at) = folder();
    let path = at.join("evil.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let item = Item { name: "../out", mode: 0o100_644, modified: UNIX_EPOCH, length: 1 };
    zip.add(&item, &mut b"x".as_slice()).unwrap();
    zip.finish().unwrap();
    fs::create_dir(at.join("dest")).unwrap();
    let arguments = on_host(&path.display().to_string(), &at.join("dest").display().to_string());
    assert!(refusal::<Unarchive>(&arguments).contains("leads out of"));
    assert!(!at.join("out").exists());
}

#[test]
fn archives_come_from_the_controller_and_from_servers() {
    let (_guard, at) = folder();
    let (source, dest) = packed(&at, "-z");
    let bytes = fs::read(&source).unwrap();
    let (mut context, sha256) = context_with(&bytes);
    let sent = json!({"src": "files/a.tgz", "dest": dest, "_sha256": sha256, "_name": "a.tgz", "_size": 3});
    assert!(run_in::<Unarchive>(sent.clone(), &mut context).changed);
    assert!(!run_in::<Unarchive>(sent, &mut context).changed);
    fs::remove_dir_all(at.join("dest/top")).unwrap();
    let server = Server::start(move |asked| match asked.target.as_str() {
        "/a.tgz" => (200, Vec::new(), bytes.clone()),
        _ => (404, Vec::new(), Vec::new()),
    });
    changes_once::<Unarchive>(&on_host(&server.url("/a.tgz"), &dest));
    assert!(refusal::<Unarchive>(&on_host(&server.url("/none"), &dest)).contains("404"));
}

#[test]
fn what_is_there_can_be_a_reason_to_do_nothing() {
    let (_guard, at) = folder();
    let arguments = json!({"src": "/none", "dest": at, "remote_src": true, "creates": at});
    let outcome = run::<Unarchive>(arguments, false);
    assert!(outcome.skipped && !outcome.changed, "{outcome:?}");
}

#[test]
fn mistakes_are_told() {
    let (_guard, at) = folder();
    let (source, _) = packed(&at, "-z");
    let missing = on_host(&source, &at.join("none").display().to_string());
    assert!(refusal::<Unarchive>(&missing).contains("must be an existing dir"));
    let foreseen = run::<Unarchive>(missing, true);
    assert!(foreseen.changed && !foreseen.failed, "an earlier task may make the folder: {foreseen:?}");
    let dest = at.join("dest").display().to_string();
    assert!(refusal::<Unarchive>(&on_host("/none.tgz", &dest)).contains("does not exist"));
    File::create(at.join("text")).unwrap().write_all(b"no archive at all").unwrap();
    let text = at.join("text").display().to_string();
    assert!(refusal::<Unarchive>(&on_host(&text, &dest)).contains("Failed to find handler"));
    let both = json!({"src": source, "dest": dest, "include": "a", "exclude": "b"});
    assert!(refusal::<Unarchive>(&both).contains("include"));
}

#[test]
fn of_what_is_there_several_times_the_last_counts() {
    let (_guard, at) = folder();
    fs::write(at.join("x"), "first\n").unwrap();
    tar(&at, &["-cf", "archive", "x"]);
    fs::write(at.join("x"), "later\n").unwrap();
    tar(&at, &["-rf", "archive", "x"]);
    fs::create_dir(at.join("dest")).unwrap();
    let arguments =
        on_host(&at.join("archive").display().to_string(), &at.join("dest").display().to_string());
    changes_once::<Unarchive>(&arguments);
    assert_eq!(fs::read_to_string(at.join("dest/x")).unwrap(), "later\n");
}
