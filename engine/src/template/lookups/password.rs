//! Lookups that draw passwords: `password`, which remembers them in files, and `random_string`.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::template::evaluation::search_path;
use crate::template::filters::{Chance, HashSettings, hash_password, wrong};
use crate::template::to_text;

/// One file is read and written at a time, so that hosts agree on a new password.
static FILES: Mutex<()> = Mutex::new(());

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SIGNS: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// How a password is drawn.
struct Wanted {
    path: String,
    length: usize,
    characters: Vec<char>,
    encrypt: Option<String>,
    ident: Option<String>,
    seed: Option<Value>,
}

/// The passwords that files hold; drawn and written when they do not.
pub(super) fn password(terms: &[Value], kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    terms.iter().map(|term| one(&wanted(&to_text(term), kwargs)?)).collect()
}

fn wanted(term: &str, kwargs: &Kwargs) -> Result<Wanted, Error> {
    let mut options: Vec<(String, String)> = Vec::new();
    let mut path = term;
    let is_word =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    // Options stand behind the path, which may have blanks in it.
    while let Some((before, last)) = path.rsplit_once(' ') {
        match last.split_once('=') {
            Some((name @ ("length" | "chars" | "encrypt" | "seed" | "ident"), value)) => {
                options.push((name.to_owned(), value.to_owned()));
                path = before.trim_end();
            }
            Some((name, _)) if is_word(name) => {
                return Err(wrong(format!("Unrecognized parameter(s) given to password lookup: {name}")));
            }
            _ => break,
        }
    }
    let option = |name: &str| {
        let written =
            options.iter().find(|(known, _)| known == name).map(|(_, value)| Value::from(value.as_str()));
        let named = kwargs.get::<Option<Value>>(name)?.filter(|value| !value.is_none());
        Ok::<_, Error>(written.or(named))
    };
    let length = match option("length")? {
        Some(length) => to_text(&length)
            .parse()
            .map_err(|_| wrong(format!("password: `{}` is no length", to_text(&length))))?,
        None => 20,
    };
    let sets: Vec<String> = match option("chars")? {
        Some(chars) => match chars.as_str() {
            // Two commas are a comma.
            Some(text) => {
                let mut sets: Vec<String> = Vec::new();
                if text.contains(",,") {
                    sets.push(",".to_owned());
                }
                sets.extend(
                    text.replace(",,", ",").split(',').filter(|set| !set.is_empty()).map(str::to_owned),
                );
                sets
            }
            None => chars.try_iter()?.map(|set| to_text(&set)).collect(),
        },
        None => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
    };
    let encrypt = option("encrypt")?.map(|encrypt| to_text(&encrypt));
    let ident = option("ident")?.map(|ident| to_text(&ident));
    let characters = characters(&sets);
    if characters.is_empty() {
        return Err(wrong("password: there are no characters to choose from"));
    }
    Ok(Wanted { path: path.to_owned(), length, characters, encrypt, ident, seed: option("seed")? })
}

/// All characters of some sets, which are named or given.
fn characters(sets: &[String]) -> Vec<char> {
    let mut all = String::new();
    for set in sets {
        match set.as_str() {
            "ascii_letters" => all.extend([LOWER, UPPER]),
            "ascii_lowercase" => all.push_str(LOWER),
            "ascii_uppercase" => all.push_str(UPPER),
            "digits" => all.push_str(DIGITS),
            "hexdigits" => all.push_str("0123456789abcdefABCDEF"),
            "octdigits" => all.push_str("01234567"),
            "punctuation" => all.push_str(SIGNS),
            "whitespace" => all.push_str(" \t\n\r\u{b}\u{c}"),
            "printable" => {
                all.extend([DIGITS, LOWER, UPPER, SIGNS]);
                all.push_str(" \t\n\r\u{b}\u{c}");
            }
            given => all.push_str(given),
        }
    }
    all.replace(['"', '\''], "").chars().collect()
}

fn drawn(characters: &[char], length: usize, seed: Option<&Value>) -> Result<String, Error> {
    let mut chance = Chance::new(seed)?;
    Ok((0..length).map(|_| characters[chance.index(characters.len())]).collect())
}

fn salt_of(kind: &str) -> Result<String, Error> {
    let letters: Vec<char> = [LOWER, UPPER, DIGITS, "./"].concat().chars().collect();
    let length = match kind {
        "bcrypt" | "blowfish" => 22,
        "md5_crypt" | "md5" => 8,
        _ => 16,
    };
    drawn(&letters, length, None)
}

fn one(wanted: &Wanted) -> Result<Value, Error> {
    let _guard = FILES.lock();
    let path = resolved(&wanted.path);
    let is_kept = path != Path::new("/dev/null");
    let written = if is_kept { std::fs::read_to_string(&path).ok() } else { None };
    let is_new = written.is_none();
    let written = written.unwrap_or_default();
    let line = written.trim_end_matches('\n');
    let (line, mut ident) =
        line.rsplit_once(" ident=").map_or((line, None), |(rest, ident)| (rest, Some(ident.to_owned())));
    let (line, mut salt) =
        line.rsplit_once(" salt=").map_or((line, None), |(rest, salt)| (rest, Some(salt.to_owned())));
    let mut changed = is_new;
    let plain = if is_new {
        drawn(&wanted.characters, wanted.length, wanted.seed.as_ref())?
    } else {
        line.to_owned()
    };
    if let Some(kind) = &wanted.encrypt {
        if salt.is_none() {
            salt = Some(salt_of(kind)?);
            changed = true;
        }
        if ident.is_none() && wanted.ident.is_some() {
            ident.clone_from(&wanted.ident);
            changed = true;
        }
    }
    if changed && is_kept {
        let mut content = plain.clone();
        if let Some(salt) = &salt {
            content.push_str(&format!(" salt={salt}"));
        }
        if let Some(ident) = &ident {
            content.push_str(&format!(" ident={ident}"));
        }
        content.push('\n');
        write(&path, &content).map_err(|error| wrong(format!("cannot write {}: {error}", path.display())))?;
    }
    match &wanted.encrypt {
        Some(kind) => {
            let settings = HashSettings { salt, ident, ..HashSettings::default() };
            hash_password(&plain, kind, &settings).map(Value::from)
        }
        None => Ok(Value::from(plain)),
    }
}

/// Where the file is: beside the playbook unless the path is absolute.
fn resolved(path: &str) -> PathBuf {
    let path = match path.strip_prefix("~/") {
        Some(rest) => PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(rest),
        None => PathBuf::from(path),
    };
    match search_path().last() {
        Some(folder) if path.is_relative() => folder.join(path),
        _ => path,
    }
}

/// Writes a file that only its owner may read, whole or not at all.
fn write(path: &Path, content: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// `community.general.random_string`.
pub(super) fn random_string(kwargs: &Kwargs) -> Result<Vec<Value>, Error> {
    let flag = |name: &str, usual: bool| Ok::<_, Error>(kwargs.get::<Option<bool>>(name)?.unwrap_or(usual));
    let count = |name: &str| Ok::<_, Error>(kwargs.get::<Option<usize>>(name)?.unwrap_or(0));
    let length = kwargs.get::<Option<usize>>("length")?.unwrap_or(8);
    let special = kwargs.get::<Option<String>>("override_special")?.unwrap_or_else(|| SIGNS.to_owned());
    let seed = kwargs.get::<Option<Value>>("seed")?;
    let ignored = kwargs.get::<Option<String>>("ignore_similar_chars")?;
    let mut chance = Chance::new(seed.as_ref())?;
    let mut pool = String::new();
    let mut text: Vec<char> = Vec::new();
    for (set, wanted, least) in [
        (UPPER, flag("upper", true)?, count("min_upper")?),
        (LOWER, flag("lower", true)?, count("min_lower")?),
        (DIGITS, flag("numbers", true)?, count("min_numeric")?),
        (special.as_str(), flag("special", true)?, count("min_special")?),
    ] {
        if wanted {
            pool.push_str(set);
        }
        let set: Vec<char> = set.chars().collect();
        text.extend((0..least).filter_map(|_| set.get(chance.index(set.len()))));
    }
    if let Some(all) = kwargs.get::<Option<String>>("override_all")? {
        pool = all;
    }
    let is_similar = |c: char| ignored.as_deref() == Some("true") && "il1LoO0".contains(c);
    let pool: Vec<char> = pool.chars().filter(|c| !is_similar(*c)).collect();
    if pool.is_empty() || text.len() > length {
        return Err(wrong("random_string: the characters asked for do not fit its length"));
    }
    while text.len() < length {
        text.push(pool[chance.index(pool.len())]);
    }
    for index in (1..text.len()).rev() {
        text.swap(index, chance.index(index + 1));
    }
    let text: String = text.into_iter().collect();
    Ok(vec![if flag("base64", false)? {
        use base64::Engine as _;
        Value::from(base64::engine::general_purpose::STANDARD.encode(text))
    } else {
        Value::from(text)
    }])
}
