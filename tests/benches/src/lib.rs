//! Compares clouder with what people would use instead: the same playbooks on the same hosts, one program after the
//! other in turn, so that whatever else the machine does falls on all of them alike.
//!
//! What counts are ratios within one run. Times of different runs or machines say nothing about each other.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it does as it goes")]

mod azure;
mod contender;
mod delay;
mod hosts;
mod language;
mod measure;
mod table;
mod workload;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clouder_fleet::{Fleet, FleetError};
use thiserror::Error;

use contender::{Contender, Tools};
use hosts::Hosts;
use measure::Sample;
use workload::Workload;

/// What measures the language alone is called.
const LANGUAGE: &str = "language";

/// What measures lists of an Azure is called.
const AZURE: &str = "azure";

/// The fleet's name.
const FLEET: &str = "bench";

/// What each program cost, run by run.
type Samples = Vec<(Contender, Vec<Sample>)>;

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
    /// The built simulator of Azure.
    pub simulator: PathBuf,
    /// Where environments and inventories are kept.
    pub folder: PathBuf,
}

impl Bench {
    /// Measures all, prints a table after each workload, and returns all of them as Markdown.
    ///
    /// # Errors
    /// When machines or programs cannot be had, or a program fails.
    pub fn run(&self) -> Result<String, BenchError> {
        let contenders: Vec<Contender> = Contender::ALL
            .into_iter()
            .filter(|contender| self.wants(contender.name(), &Contender::names()))
            .collect();
        let tools = Tools::provide(&self.folder, &self.program, &contenders)?;
        let mut sorts = Workload::names();
        sorts.extend([LANGUAGE, AZURE]);
        let mut report = String::new();
        if self.wants(LANGUAGE, &sorts) {
            report += &self.language(&tools, &contenders)?;
        }
        if self.wants(AZURE, &sorts) {
            report += &self.azure(&tools, &contenders)?;
        }
        let workloads: Vec<Workload> =
            Workload::ALL.into_iter().filter(|workload| self.wants(workload.name(), &sorts)).collect();
        if workloads.is_empty() {
            return Ok(report);
        }
        let most = self.hosts.iter().copied().max().unwrap_or(1);
        let names: Vec<String> = (1..=most).map(|number| format!("worker-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        println!("# {most} hosts");
        let fleet = Fleet::up(FLEET, &names, &self.folder.join("fleet"))?;
        hosts::prepare(&fleet)?;
        for &delay in &self.delays {
            for &count in &self.hosts {
                let hosts = Hosts::new(&fleet, count, delay, &self.folder)?;
                for &workload in &workloads {
                    let samples = self.rounds(&contenders, workload.name(), Some(&hosts), |contender| {
                        workload.before(&hosts)?;
                        Ok(tools.command(contender, workload, &hosts))
                    })?;
                    let plural = if count == 1 { "host" } else { "hosts" };
                    let network = if delay == 0 { String::new() } else { format!(", {delay} ms of delay") };
                    let title = format!("{}, {count} {plural}{network}", workload.title());
                    let table = table::of(&title, workload.tasks() * count, &samples);
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

    /// All rounds of some work, the programs taking turns; `command` makes ready for it, and says how a program does it, if
    /// it can.
    fn rounds(
        &self,
        contenders: &[Contender],
        work: &'static str,
        hosts: Option<&Hosts<'_>>,
        command: impl Fn(Contender) -> Result<Option<Command>, BenchError>,
    ) -> Result<Samples, BenchError> {
        let mut all: Samples = contenders.iter().map(|contender| (*contender, Vec::new())).collect();
        let mut limit = None;
        for round in 0..=self.rounds {
            for (contender, samples) in &mut all {
                // What had to be stopped would have to be each time.
                if samples.iter().any(|sample: &Sample| !sample.is_whole) {
                    continue;
                }
                let Some(command) = command(*contender)? else { continue };
                let limit_of_it = limit.filter(|_| *contender != Contender::Clouder);
                let sample = measure::run(&command, hosts, contender.name(), work, limit_of_it)?;
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
