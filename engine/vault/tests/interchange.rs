//! What ansible-vault wrote, read here, and the other way round.
//!
//! Each folder below `interchange/` holds a text (`plain`), its `password` and what `ansible-vault encrypt` made of them
//! (`sealed`), if given a `label`, and a `salt` as `ANSIBLE_VAULT_ENCRYPT_SALT`. With the same salt, both must write the same.

use std::fs;
use std::path::{Path, PathBuf};

use clouder_vault::{Envelope, Password};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interchange");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let cases: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    assert!(cases.len() >= 7);
    cases
}

fn password(case: &Path) -> Password {
    Password::new(fs::read(case.join("password")).unwrap_or_default())
}

#[test]
fn what_ansible_vault_wrote_is_read() {
    for case in cases() {
        let envelope = Envelope::parse(&fs::read(case.join("sealed")).unwrap()).unwrap();
        assert_eq!(envelope.label(), fs::read_to_string(case.join("label")).ok().as_deref(), "{case:?}");
        assert_eq!(envelope.open(&password(&case)), Some(fs::read(case.join("plain")).unwrap()), "{case:?}");
        assert_eq!(envelope.open(&Password::new("another")), None, "{case:?}");
    }
}

#[test]
fn what_is_written_is_what_ansible_vault_would_write() {
    let mut salted = 0;
    for case in cases() {
        let sealed = fs::read_to_string(case.join("sealed")).unwrap();
        assert_eq!(Envelope::parse(sealed.as_bytes()).unwrap().to_text(), sealed, "{case:?}");
        let Ok(salt) = fs::read(case.join("salt")) else { continue };
        let label = fs::read_to_string(case.join("label")).ok();
        let plain = fs::read(case.join("plain")).unwrap();
        let own = Envelope::seal(&plain, &password(&case), label.as_deref(), Some(&salt)).unwrap();
        assert_eq!(own.to_text(), sealed, "{case:?}");
        salted += 1;
    }
    assert!(salted >= 5);
}
