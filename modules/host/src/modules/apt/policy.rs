//! `policy-rc.d`: whether services are started when packages are installed.

use std::path::Path;

use crate::system::attributes::{FileAttributes, Mode};
use crate::system::file;
use crate::{Context, ModuleError};

/// `policy-rc.d` as it is to be while packages are installed; put back at the end.
pub(super) struct Policy {
    before: Option<Vec<u8>>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl Policy {
    /// Has it answer with a code, if one is asked for.
    pub(super) fn set(code: Option<i64>, context: &Context) -> Result<Option<Self>, ModuleError> {
        let Some(code) = code.filter(|_| !context.check) else { return Ok(None) };
        let path = Path::new(POLICY);
        let before = file::read(path)?;
        let attributes = FileAttributes { mode: Some(Mode("0755".to_owned())), ..Default::default() };
        file::replace(path, format!("#!/bin/sh\nexit {code}\n").as_bytes(), &attributes, context)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        // The packages are what was asked for; a policy that cannot be put back is overwritten by the next one.
        let _ = match &self.before {
            Some(before) => std::fs::write(POLICY, before),
            None => std::fs::remove_file(POLICY),
        };
    }
}
