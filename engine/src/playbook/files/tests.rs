use clouder_vault::{Envelope, Key, Password};

use super::*;

fn files() -> Files {
    Files::new(Places::default(), Arc::default())
}

#[test]
fn built_in_files_are_read_like_others() {
    let files = files();
    let root = Files::built_in();
    assert!(files.is_folder(root) && files.is_folder(&root.join("roles")));
    let readme = root.join("roles/../playbooks/./README.md");
    assert!(files.is_file(&readme) && files.exists(&readme) && Files::is_built_in(&readme));
    assert!(files.source(&readme).unwrap().text().contains("playbooks"));
    assert!(files.list(&root.join("playbooks")).unwrap().contains(&root.join("playbooks/README.md")));
    assert!(!files.exists(&root.join("roles/nope")) && !files.exists(&root.join("nope")));
    assert!(!files.exists(&root.join("../etc/passwd")), "no way leads out of the tree");
    assert_eq!(files.read(&root.join("roles")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(files.list(&readme).unwrap_err().kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn what_cannot_be_read_is_told() {
    let files = files();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yml");
    assert!(files.source(&path).unwrap_err().message.ends_with("there is no such file"));
    assert!(files.source(folder.path()).unwrap_err().message.ends_with("it is a folder"));
    fs::write(&path, b"a: \xff").unwrap();
    assert!(files.source(&path).unwrap_err().message.contains("not UTF-8"));
}

#[test]
fn encrypted_files_are_opened_and_stay_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yml");
    let key = Key { label: "default".to_owned(), password: Password::new("pw") };
    let sealed = Envelope::seal(b"a: hunter2: 1", &key.password, None, None).unwrap();
    fs::write(&path, sealed.to_text()).unwrap();
    assert!(files().source(&path).unwrap_err().message.ends_with("no vault password was given"));
    let mut keyring = Keyring::default();
    keyring.add(key);
    let source = Files::new(Places::default(), Arc::new(keyring)).source(&path).unwrap();
    assert_eq!(source.text(), "a: hunter2: 1");
    assert!(source.is_secret());
}

#[test]
fn playbooks_are_looked_for_in_layers() {
    let folder = tempfile::tempdir().unwrap();
    let organisation = folder.path().join("org");
    fs::create_dir_all(organisation.join("playbooks")).unwrap();
    fs::write(organisation.join("playbooks/x.yml"), "").unwrap();
    let places = Places {
        project: folder.path().to_owned(),
        organisation: vec![organisation.clone()],
        ..Places::default()
    };
    let files = Files::new(places, Arc::default());
    assert_eq!(files.find_playbook("playbooks/x.yml"), Some(organisation.join("playbooks/x.yml")));
    assert_eq!(
        files.find_playbook("playbooks/README.md"),
        Some(Files::built_in().join("playbooks/README.md"))
    );
    assert_eq!(files.find_playbook("playbooks/y.yml"), None);
}
