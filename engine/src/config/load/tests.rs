#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use super::*;
use crate::config::{
    CLOUDER_PATH, DEFAULT_BECOME, DEFAULT_FORKS, DEFAULT_HOST_LIST, DEFAULT_REMOTE_USER, DEFAULT_ROLES_PATH,
};

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(
    folder: &tempfile::TempDir,
    environment: &[(&str, &str)],
) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    Config::with(folder.path(), &|name| environment.get(name).map(|text| (*text).to_owned()))
}

fn refused(files: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    let errors = load(&project(files), environment).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_environment_is_stronger_than_the_file_and_that_than_what_is_usual() {
    let folder = project(&[("ansible.cfg", "[defaults]\nforks = 7\nremote_user = \"web admin\"\n")]);
    let (config, _) = load(&folder, &[("ANSIBLE_FORKS", "9"), ("HOME", "/home/me")]).unwrap();
    assert_eq!(config.integer(&DEFAULT_FORKS), 9);
    assert_eq!(config.get(&DEFAULT_FORKS).1, &Origin::Environment("ANSIBLE_FORKS"));
    assert_eq!(config.text(&DEFAULT_REMOTE_USER).as_deref(), Some("web admin"));
    assert_eq!(config.get(&DEFAULT_REMOTE_USER).1, &Origin::File(folder.path().join("ansible.cfg")));
    assert!(!config.flag(&DEFAULT_BECOME) && !config.is_set(&DEFAULT_BECOME));
    assert_eq!(config.list(&DEFAULT_ROLES_PATH)[0], "/home/me/.ansible/roles");
}

#[test]
fn relative_paths_start_at_the_file() {
    let folder =
        project(&[("ansible.cfg", "[defaults]\ninventory = hosts, $SITE/more\nroles_path = r:/x\n")]);
    let elsewhere = project(&[]);
    let file = folder.path().join("ansible.cfg").display().to_string();
    let (config, _) = load(&elsewhere, &[("ANSIBLE_CONFIG", &file), ("SITE", "/site")]).unwrap();
    let here = folder.path().display();
    assert_eq!(config.list(&DEFAULT_HOST_LIST), [format!("{here}/hosts"), "/site/more".to_owned()]);
    assert_eq!(config.list(&DEFAULT_ROLES_PATH), [format!("{here}/r"), "/x".to_owned()]);
}

#[test]
fn a_folder_that_anyone_may_write_to_is_not_trusted() {
    let folder = project(&[("ansible.cfg", "[defaults]\nforks = 7\n")]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (config, warnings) = load(&folder, &[("HOME", "/nowhere")]).unwrap();
    assert_eq!(config.integer(&DEFAULT_FORKS), 50);
    assert!(warnings[0].to_string().contains("anyone may write"));
}

#[test]
fn our_own_settings_are_in_a_file_of_their_own() {
    let folder = project(&[("clouder.toml", "path = [\"../platform\", \"/base\"]\n")]);
    let (config, _) = load(&folder, &[]).unwrap();
    let here = folder.path().display();
    assert_eq!(config.list(&CLOUDER_PATH), [format!("{here}/../platform"), "/base".to_owned()]);
}

#[test]
fn wrong_values_are_told_together_with_their_places() {
    let said = refused(
        &[("ansible.cfg", "[defaults]\nforks = many\n[privilege_escalation]\nbecome = perhaps\n")],
        &[("ANSIBLE_TIMEOUT", "soon")],
    );
    assert!(said.contains("ansible.cfg:2:9") && said.contains("ansible.cfg:4:10"), "{said}");
    assert!(said.contains("ANSIBLE_TIMEOUT must be a whole number, not `soon`"), "{said}");
    let said = refused(&[("clouder.toml", "pth = \"x\"\n")], &[]);
    assert!(said.contains("clouder.toml:1:1") && said.contains("did you mean `path`?"), "{said}");
    let said = refused(&[("clouder.toml", "path = \n")], &[]);
    assert!(said.contains("clouder.toml:1:8"), "{said}");
}

#[test]
fn no_color_is_any_text() {
    let (config, _) = load(&project(&[]), &[("NO_COLOR", "please")]).unwrap();
    assert!(config.flag(&crate::config::ANSIBLE_NOCOLOR));
}
