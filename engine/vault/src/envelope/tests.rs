use proptest::prelude::*;

use super::{Envelope, check_label, is_encrypted};
use crate::{Password, VaultError};

fn sealed(label: Option<&str>) -> String {
    Envelope::seal(b"text", &Password::new("pw"), label, None).unwrap().to_text()
}

fn parsed(text: &str) -> Result<Envelope, String> {
    Envelope::parse(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn the_first_line_says_for_whom_it_is() {
    assert!(sealed(None).starts_with("$ANSIBLE_VAULT;1.1;AES256\n"));
    assert!(sealed(Some("prod")).starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"));
    assert_eq!(parsed(&sealed(Some("default"))).unwrap().label(), None);
    assert!(is_encrypted(sealed(None).as_bytes()));
    assert!(!is_encrypted(b"a: $ANSIBLE_VAULT;1.1;AES256"));
}

#[test]
fn lines_are_no_longer_than_ansibles() {
    let text = sealed(None);
    let lengths: Vec<usize> = text.lines().skip(1).map(str::len).collect();
    let (last, others) = lengths.split_last().unwrap();
    assert!(others.iter().all(|length| *length == 80) && *last <= 80, "{lengths:?}");
}

#[test]
fn salts_differ() {
    assert_ne!(sealed(None), sealed(None));
}

#[test]
fn blanks_around_lines_and_other_line_breaks_do_not_count() {
    let text = sealed(Some("prod"));
    let indented = text.replace('\n', "\r\n    ");
    assert_eq!(parsed(&indented), parsed(&text));
    assert_eq!(parsed(text.trim_end()), parsed(&text));
}

#[test]
fn what_is_wrong_with_a_text_is_told() {
    let told = |text: &str| parsed(text).unwrap_err();
    assert_eq!(told("a: b"), "it is not encrypted: it does not begin with $ANSIBLE_VAULT;");
    assert_eq!(told("$ANSIBLE_VAULT;1.1"), "it is no whole encrypted text: its first line names no cipher");
    assert_eq!(told("$ANSIBLE_VAULT;1.1;AES\n"), "the cipher AES is not known; AES256 is");
    assert_eq!(
        told("$ANSIBLE_VAULT;1.0;AES256\n"),
        "it is no whole encrypted text: its version is 1.0; 1.1 and 1.2 are known"
    );
    assert_eq!(
        told("$ANSIBLE_VAULT;1.1;AES256\nxyz"),
        "it is no whole encrypted text: it is not hexadecimal"
    );
    let missing = "it is no whole encrypted text: salt, signature and ciphertext are not all there";
    assert_eq!(told("$ANSIBLE_VAULT;1.1;AES256\n6162"), missing);
    assert_eq!(told("$ANSIBLE_VAULT;1.1;AES256\n"), missing);
    let cut = "$ANSIBLE_VAULT;1.1;AES256\n61620a61620a6162";
    assert_eq!(told(cut), "it is no whole encrypted text: the signature has another length");
}

#[test]
fn labels_are_one_line_without_a_semicolon() {
    check_label("sp ace").unwrap();
    for wrong in ["a;b", "a\nb"] {
        let error = Envelope::seal(b"", &Password::new("pw"), Some(wrong), None).unwrap_err();
        assert!(matches!(error, VaultError::Label(..)), "{error}");
    }
}

proptest! {
    // Each case derives keys, which is slow on purpose.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_was_encrypted_is_decrypted_with_the_same_password_only(
        plain in prop::collection::vec(any::<u8>(), 0..200),
        password in prop::collection::vec(any::<u8>(), 0..20),
        other in prop::collection::vec(any::<u8>(), 0..20),
        label in prop::option::of("[^;\\pC\\s]{1,8}"),
        salt in prop::option::of(prop::collection::vec(any::<u8>(), 1..40)),
    ) {
        let key = Password::new(password.clone());
        let text = Envelope::seal(&plain, &key, label.as_deref(), salt.as_deref()).unwrap().to_text();
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(envelope.label(), label.as_deref());
        prop_assert_eq!(envelope.open(&key), Some(plain));
        if other != password {
            prop_assert_eq!(envelope.open(&Password::new(other)), None);
        }
    }

    #[test]
    fn a_changed_text_is_not_decrypted(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let key = Password::new("pw");
        let mut changed = Envelope::seal(b"some text", &key, None, Some(b"salt")).unwrap();
        let at = at.index(changed.ciphertext.len());
        changed.ciphertext[at] ^= 1 << bit;
        prop_assert_eq!(changed.open(&key), None);
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Envelope::parse(&bytes));
        drop(Envelope::parse(&[b"$ANSIBLE_VAULT;1.2;AES256;a\n".as_slice(), &bytes].concat()));
    }
}
