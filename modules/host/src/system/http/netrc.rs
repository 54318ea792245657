//! Names and passwords from `~/.netrc`.

/// The login and password for a host; those of `default` when it has none of its own.
pub(super) fn credentials(text: &str, host: &str) -> Option<(String, String)> {
    let mut words =
        text.lines().flat_map(|line| line.split_whitespace().take_while(|word| !word.starts_with('#')));
    let (mut is_wanted, mut login, mut password) = (false, None, None);
    let mut found = None;
    loop {
        let word = words.next();
        if matches!(word, None | Some("machine" | "default")) {
            if let (true, Some(login)) = (is_wanted, login.take()) {
                found = Some((login, password.take().unwrap_or_default()));
                break;
            }
            (login, password) = (None, None);
        }
        match word {
            None => break,
            Some("machine") => {
                is_wanted = words.next().is_some_and(|machine| machine.eq_ignore_ascii_case(host));
            }
            Some("default") => is_wanted = true,
            Some("login") => login = words.next().map(str::to_owned),
            Some("password") => password = words.next().map(str::to_owned),
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::credentials;

    #[test]
    fn the_hosts_entry_is_found() {
        let text = "# mine\nmachine a.org login me password secret\nmachine b.org\n  login you\ndefault login all password x\n";
        let expected = |login: &str, password: &str| Some((login.to_owned(), password.to_owned()));
        assert_eq!(credentials(text, "a.org"), expected("me", "secret"));
        assert_eq!(credentials(text, "b.org"), expected("you", ""));
        assert_eq!(credentials(text, "c.org"), expected("all", "x"));
        assert_eq!(credentials("machine a.org login me", "c.org"), None);
    }
}
