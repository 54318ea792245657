//! Each case below `cases/` under both programs; see the crate's documentation. `cargo test -p clouder-compare NAME` runs
//! those whose names hold NAME.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its cases has failed")]

use std::path::Path;

use clouder_compare::cases;
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    // target/TRIPLE/debug/deps/this
    let own = std::env::current_exe().unwrap();
    let clouder = own.ancestors().nth(2).unwrap().join("clouder");
    let target = own.ancestors().nth(4).unwrap().to_owned();
    assert!(clouder.is_file(), "{} is missing: `cargo build --workspace` builds it", clouder.display());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let trials: Vec<Trial> = cases(&folder)
        .unwrap()
        .into_iter()
        .map(|case| {
            let (target, clouder) = (target.clone(), clouder.clone());
            Trial::test(case.name.clone(), move || Ok(case.compare(&target, &clouder)?))
        })
        .collect();
    assert!(!trials.is_empty(), "there are no cases below {}", folder.display());
    libtest_mimic::run(&arguments, trials).exit();
}
