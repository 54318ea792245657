//! Compares clouder with what people would use instead: the same playbooks on the same hosts, one program after the
//! other in turn, so that whatever else the machine does falls on all of them alike.
//!
//! What counts are ratios within one run. Times of different runs or machines say nothing about each other.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it does as it goes")]

mod contender;
mod delay;
mod hosts;
mod measure;
mod table;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use clouder_fleet::{Fleet, FleetError};
use thiserror::Error;

use contender::{Contender, Tools};
use hosts::Hosts;
use measure::Sample;
use workload::Workload;

/// The fleet's name.
const FLEET: &str = "bench";

/// What each program may take at least, however little clouder takes: most of them need seconds to start.
const LEAST: f64 = 10.0;

/// Why nothing could be measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The machines are not there.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A file or program is not as it must be.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program that is measured failed.
    #[error("{who} failed at {what}:\n{said}")]
    Failed {
        /// Which program.
        who: &'static str,
        /// With which workload.
        what: &'static str,
        /// Its last words.
        said: String,
    },
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct Bench {
    /// On how many hosts, one after the other.
    pub hosts: Vec<usize>,
    /// How often each, after one round that is not counted.
    pub rounds: usize,
    /// Delays of the network there and back, in milliseconds.
    pub delays: Vec<u64>,
    /// A program that takes this many times what clouder takes is stopped, and shown as having taken more; none is when 0.
    pub patience: f64,
    /// Only workloads and programs whose names are among these; all when empty.
    pub only: Vec<String>,
    /// The built `clouder`.
    pub program: PathBuf,
    /// Where environments and inventories are kept.
    pub folder: PathBuf,
}

impl Bench {
    /// Measures all, prints a table after each workload, and returns all of them as Markdown.
    ///
    /// # Errors
    /// When machines or programs cannot be had, or a program fails.
    pub fn run(&self) -> Result<String, BenchError> {
        let most = self.hosts.iter().copied().max().unwrap_or(1);
        let names: Vec<String> = (1..=most).map(|number| format!("worker-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        println!("# {most} hosts");
        let fleet = Fleet::up(FLEET, &names, &self.folder.join("fleet"))?;
        hosts::prepare(&fleet)?;
        let contenders: Vec<Contender> = Contender::ALL
            .into_iter()
            .filter(|contender| self.wants(contender.name(), &Contender::names()))
            .collect();
        let tools = Tools::provide(&self.folder, &self.program, &contenders)?;
        let mut report = String::new();
        for &delay in &self.delays {
            for &count in &self.hosts {
                let hosts = Hosts::new(&fleet, count, delay, &self.folder)?;
                for workload in Workload::ALL {
                    if !self.wants(workload.name(), &Workload::names()) {
                        continue;
                    }
                    let samples = self.measure(&tools, &contenders, workload, &hosts)?;
                    let table = table::of(workload, count, delay, &samples);
                    println!("{table}");
                    report.push_str(&table);
                    report.push('\n');
                }
            }
        }
        Ok(report)
    }

    /// Whether something is asked for: all of its sort are, when none of its sort is named.
    fn wants(&self, name: &str, sort: &[&str]) -> bool {
        let mut named = self.only.iter().filter(|only| sort.contains(&only.as_str())).peekable();
        named.peek().is_none() || named.any(|only| only == name)
    }

    /// All rounds of a workload, the programs taking turns.
    fn measure(
        &self,
        tools: &Tools,
        contenders: &[Contender],
        workload: Workload,
        hosts: &Hosts<'_>,
    ) -> Result<Vec<(Contender, Vec<Sample>)>, BenchError> {
        let mut all: Vec<(Contender, Vec<Sample>)> =
            contenders.iter().map(|contender| (*contender, Vec::new())).collect();
        let mut limit = None;
        for round in 0..=self.rounds {
            for (contender, samples) in &mut all {
                let Some(command) = tools.command(*contender, workload, hosts) else { continue };
                // What had to be stopped would have to be each time.
                if samples.iter().any(|sample: &Sample| !sample.is_whole) {
                    continue;
                }
                workload.before(hosts)?;
                let limit_of_it = limit.filter(|_| *contender != Contender::Clouder);
                let sample = measure::run(&command, hosts, contender.name(), workload.name(), limit_of_it)?;
                if *contender == Contender::Clouder && self.patience > 0.0 {
                    limit = Some(Duration::from_secs_f64((sample.wall * self.patience).max(LEAST)));
                }
                // The first round fills caches, and brings over what is kept on hosts.
                if round > 0 || !sample.is_whole {
                    samples.push(sample);
                }
            }
        }
        all.retain(|(_, samples)| !samples.is_empty());
        Ok(all)
    }
}
