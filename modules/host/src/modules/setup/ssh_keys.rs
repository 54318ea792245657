//! The public keys the host shows to those who come by SSH.

use super::collectors::{Gathered, Host};

/// `ssh_host_key_…_public` and its kind.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    for algorithm in ["dsa", "rsa", "ecdsa", "ed25519"] {
        let places = ["/etc/ssh", "/etc/openssh", "/etc"];
        let text = places
            .iter()
            .find_map(|folder| host.files.text(format!("{folder}/ssh_host_{algorithm}_key.pub")));
        let text = text.unwrap_or_default();
        let mut words = text.split_whitespace();
        if let (Some(kind), Some(key)) = (words.next(), words.next()) {
            gathered.set(&format!("ssh_host_key_{algorithm}_public"), key);
            gathered.set(&format!("ssh_host_key_{algorithm}_public_keytype"), kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn keys_are_told_without_their_comment() {
        let facts = facts_of(&[("/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAAA root@web\n")], collect);
        assert_eq!(
            (&facts["ssh_host_key_rsa_public"], &facts["ssh_host_key_rsa_public_keytype"]),
            (&"AAAA".into(), &"ssh-rsa".into())
        );
        assert_eq!(facts.len(), 2);
    }
}
