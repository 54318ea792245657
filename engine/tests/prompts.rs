//! What somebody types: vault passwords, and answers to `vars_prompt`. `script` makes the terminal.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// What a command shows on a terminal where each question is answered by the next answer, and its exit code.
fn typed(folder: &Path, command: &str, answers: &[&str]) -> std::io::Result<String> {
    let clouder = env!("CARGO_BIN_EXE_clouder");
    // A question that nobody answers must not stop all tests.
    let mut script = Command::new("timeout")
        .args([
            "60",
            "script",
            "--quiet",
            "--return",
            "--echo",
            "always",
            "--command",
            &command.replace("clouder", clouder),
        ])
        .arg("/dev/null")
        .current_dir(folder)
        .env_remove("ANSIBLE_VAULT_PASSWORD_FILE")
        .env("PAGER", "cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(mut output)) = (script.stdin.take(), script.stdout.take()) else {
        return Err(std::io::Error::other("script has no pipes"));
    };
    let mut answers = answers.iter();
    let mut shown = Vec::new();
    let mut piece = [0; 256];
    loop {
        match output.read(&mut piece)? {
            0 => break,
            length => shown.extend_from_slice(&piece[..length]),
        }
        if shown.ends_with(b": ")
            && let Some(answer) = answers.next()
        {
            input.write_all(answer.as_bytes())?;
        }
    }
    drop(input);
    let code = script.wait()?.code().unwrap_or(-1);
    let shown = String::from_utf8_lossy(&shown).replace('\r', "");
    Ok(format!("{shown}exit code: {code}"))
}

#[test]
fn passwords_are_asked_for_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "plain text\n").unwrap();
    let typed = |command: &str, answers: &[&str]| typed(folder.path(), command, answers).unwrap();
    let sealed = || std::fs::read_to_string(&file).unwrap();

    assert_eq!(
        typed("clouder vault encrypt file", &["hunter2\n", "hunter3\n"]),
        "New Vault password: \nConfirm New Vault password: \nerror: the two passwords are not the same\n\nexit code: 1"
    );
    assert_eq!(sealed(), "plain text\n");

    let command = "clouder vault encrypt --vault-id prod@prompt file";
    assert_eq!(
        typed(command, &["hunter2\n", "hunter2\n"]),
        "New vault password (prod): \nConfirm new vault password (prod): \nEncryption successful\nexit code: 0"
    );
    assert!(sealed().starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"));

    assert_eq!(
        typed("clouder vault view --ask-vault-pass file", &["wrong\u{15}hunter\u{7f}r2\n"]),
        "Vault password: \nplain text\nexit code: 0"
    );

    let command = "clouder vault encrypt-string --vault-id one@prompt --prompt --output value.yml";
    let told = typed(command, &["hunter2\n", "hunter2\n", "key\n", "secret value\n"]);
    assert!(
        told.ends_with("key\nString to encrypt (hidden): \nEncryption successful\nexit code: 0"),
        "{told}"
    );
    assert!(!told.contains("hunter2") && !told.contains("secret value"), "{told}");
    let value = std::fs::read_to_string(folder.path().join("value.yml")).unwrap();
    assert!(value.starts_with("key: !vault |\n          $ANSIBLE_VAULT;1.2;AES256;one\n"), "{value}");
}

#[test]
fn a_question_that_is_interrupted_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let command = "clouder vault encrypt; stty | grep -c -e '-echo'";
    assert_eq!(
        typed(folder.path(), command, &["hunter\u{3}"]).unwrap(),
        "New Vault password: \nerror: New Vault password: interrupted\n\n0\nexit code: 1"
    );
}

#[test]
fn what_a_play_asks_for_is_confirmed_encrypted_and_may_be_a_template() {
    let folder = tempfile::tempdir().unwrap();
    let play = "
- hosts: localhost
  gather_facts: false
  vars: {region: eu}
  vars_prompt:
    - {name: size, prompt: How many, default: 3, private: false}
    - {name: password, confirm: true, encrypt: md5_crypt, salt: abcdefgh}
    - {name: place, private: false}
    - {name: raw, private: false, unsafe: true}
  tasks:
    - debug: {msg: '{{ [size, password, place, raw] | join(\" \") }}'}
";
    std::fs::write(folder.path().join("play.yml"), play).unwrap();
    let answers = ["\n", "secret\n", "secrte\n", "secret\n", "secret\n", "{{ region }}\n", "{{ region }}\n"];
    let shown = typed(folder.path(), "clouder run play.yml", &answers).unwrap();
    for expected in [
        "How many [3]: ",
        "confirm input for password: ",
        "***** VALUES ENTERED DO NOT MATCH ****",
        "\"3 $1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1 eu {{ region }}\"",
    ] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    assert!(!shown.contains("secret"), "{shown}");
}
