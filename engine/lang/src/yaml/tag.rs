//! Tags: `!vault`, `!unsafe`, `!!str` …

use super::{Yaml, scalar, timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;

/// What a tag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The value speaks for itself.
    None,
    /// `!` alone: a quoted text counts as if it were not, and nothing is the empty text.
    Bare,
    /// `!unsafe`: no text below is a template.
    Unsafe,
    /// `!vault`: ciphertext.
    Vault,
    /// `!!str`.
    Text,
    /// `!!int`.
    Integer,
    /// `!!float`.
    Float,
    /// `!!bool`.
    Boolean,
    /// `!!null`.
    Null,
    /// `!!timestamp`.
    Timestamp,
    /// `!!binary`.
    Binary,
    /// `!!seq`.
    Sequence,
    /// `!!map`.
    Mapping,
    /// `!!set`: the keys of a mapping.
    Set,
    /// `!!omap` and `!!pairs`: a list of mappings of one key each.
    Pairs,
}

impl Tag {
    /// What a tag asks for, or its name when Ansible knows no such tag.
    pub(super) fn read(tag: Option<&str>) -> Result<Self, String> {
        let Some(name) = tag else { return Ok(Self::None) };
        let core = name.strip_prefix("tag:yaml.org,2002:");
        Ok(match core.unwrap_or(name) {
            "!" => Self::Bare,
            "!unsafe" => Self::Unsafe,
            "!vault" | "!vault-encrypted" => Self::Vault,
            _ if core.is_none() => return Err(name.to_owned()),
            "str" | "python/unicode" => Self::Text,
            "int" => Self::Integer,
            "float" => Self::Float,
            "bool" => Self::Boolean,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "seq" => Self::Sequence,
            "map" | "python/dict" => Self::Mapping,
            "set" => Self::Set,
            "omap" | "pairs" => Self::Pairs,
            _ => return Err(name.to_owned()),
        })
    }

    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None | Self::Bare => "!",
            Self::Unsafe => "!unsafe",
            Self::Vault => "!vault",
            Self::Text => "!!str",
            Self::Integer => "!!int",
            Self::Float => "!!float",
            Self::Boolean => "!!bool",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
            Self::Sequence => "!!seq",
            Self::Mapping => "!!map",
            Self::Set => "!!set",
            Self::Pairs => "!!omap",
        }
    }

    /// Whether a list may carry it.
    pub(super) fn fits_sequence(self) -> bool {
        matches!(self, Self::None | Self::Bare | Self::Unsafe | Self::Sequence | Self::Pairs)
    }

    /// Whether a mapping may carry it.
    pub(super) fn fits_mapping(self) -> bool {
        matches!(self, Self::None | Self::Bare | Self::Unsafe | Self::Mapping | Self::Set)
    }

    /// Whether a scalar may carry it.
    pub(super) fn fits_scalar(self) -> bool {
        !matches!(self, Self::Sequence | Self::Mapping | Self::Set | Self::Pairs)
    }
}

/// A scalar as one of YAML's own types.
pub(super) fn convert(tag: Tag, text: &str) -> Result<Yaml, String> {
    let wrong = || format!("`{}` does not fit `{text}`", tag.name());
    match tag {
        Tag::Text => Ok(Yaml::String(text.into())),
        Tag::Null => Ok(Yaml::Null),
        Tag::Boolean => scalar::boolean(text).map(Yaml::Bool).ok_or_else(wrong),
        Tag::Integer => scalar::integer(text).unwrap_or_else(|| Err(wrong())),
        Tag::Float => {
            let whole = || text.parse::<f64>().ok().filter(|number| number.is_finite());
            scalar::float(text).or_else(whole).map(Yaml::Float).ok_or_else(wrong)
        }
        Tag::Timestamp => {
            timestamp::normalise(text).unwrap_or_else(|| Err(wrong())).map(|date| Yaml::String(date.into()))
        }
        Tag::Binary => {
            let bare: String = text.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(bare).map_err(|error| format!("`!!binary` needs base64: {error}"))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| "`!!binary` data that is not UTF-8 text cannot be a variable".to_owned())?;
            Ok(Yaml::String(text.into()))
        }
        _ => Err(wrong()),
    }
}
