//! The nearest known word to a misspelt one.

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = |candidate: &str| (candidate.len().max(word.len()) / 3).max(1);
    candidates
        .into_iter()
        // As many characters must come or go at least: most candidates need not be looked at closely.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
