//! Where facts are kept from run to run.

use std::time::Duration;

use clouder_lang::{Diagnostic, Span};

use super::super::{Failure, show};
use crate::config::{self, Config};
use crate::vars::FactCache;

/// Where facts are kept from run to run.
pub(in crate::cli) fn fact_cache(config: &Config) -> Result<Option<FactCache>, Failure> {
    let plugin = config.text(&config::CACHE_PLUGIN).unwrap_or_default();
    match plugin.rsplit('.').next().unwrap_or_default() {
        "memory" | "" => Ok(None),
        "jsonfile" => {
            let Some(folder) = config.path(&config::CACHE_PLUGIN_CONNECTION) else {
                return Err(Failure::new(
                    "facts are to be kept in files, and nothing says where",
                    "fact_caching_connection in ansible.cfg names the folder",
                ));
            };
            let age = config.integer(&config::CACHE_PLUGIN_TIMEOUT);
            let age = (age > 0).then(|| Duration::from_secs(age));
            let prefix = config.text(&config::CACHE_PLUGIN_PREFIX).unwrap_or_default();
            let cache = FactCache::new(folder.clone(), prefix, age).map_err(|error| {
                Failure::new(
                    format!("cannot make the folder {} for facts: {error}", folder.display()),
                    "fact_caching_connection in ansible.cfg names the folder",
                )
            })?;
            Ok(Some(cache))
        }
        other => {
            let message = format!("facts cannot be kept in `{other}`, and are kept nowhere");
            show(&[Diagnostic::warning(message, &Span::of_text("fact_caching", &plugin))
                .hint("fact_caching knows memory and jsonfile")]);
            Ok(None)
        }
    }
}
