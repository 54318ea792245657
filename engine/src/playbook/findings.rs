//! Many findings in the order a person reads them.

use std::collections::HashMap;
use std::path::PathBuf;

use clouder_lang::Diagnostic;

/// File by file in the order they were come to, in each by place; what was found on several ways is told once.
pub(super) fn sorted(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut files: HashMap<PathBuf, usize> = HashMap::new();
    for finding in &findings {
        if let Some(span) = &finding.span {
            let next = files.len();
            files.entry(span.source().name().to_owned()).or_insert(next);
        }
    }
    let key = |finding: &Diagnostic| {
        let place = finding.span.as_ref().map(|span| (files.get(span.source().name()), span.start()));
        (place, finding.message.clone())
    };
    findings.sort_by_cached_key(key);
    findings.dedup_by(|one, other| key(one) == key(other));
    findings
}
