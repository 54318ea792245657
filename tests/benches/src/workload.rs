//! What is run.

use crate::BenchError;
use crate::hosts::Hosts;

/// One sort of work: a playbook beside this crate, the same for all that read playbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// 100 commands.
    Commands,
    /// 200 files that are not there yet.
    FilesFirst,
    /// The same 200 files once they are there.
    FilesSecond,
    /// A loop of 500.
    Loop,
    /// The role `node`, when nothing is left to do.
    Node,
    /// Facts, ten times.
    Facts,
    /// Templates that need no host.
    Templates,
    /// One file of 100 MB.
    LargeFile,
    /// A folder of 1,000 small files.
    SmallFiles,
}

impl Workload {
    pub(crate) const ALL: [Self; 9] = [
        Self::Commands,
        Self::FilesFirst,
        Self::FilesSecond,
        Self::Loop,
        Self::Node,
        Self::Facts,
        Self::Templates,
        Self::LargeFile,
        Self::SmallFiles,
    ];

    pub(crate) fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|workload| workload.name()).collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::FilesFirst => "files-first",
            Self::FilesSecond => "files-second",
            Self::Loop => "loop",
            Self::Node => "node",
            Self::Facts => "facts",
            Self::Templates => "templates",
            Self::LargeFile => "large-file",
            Self::SmallFiles => "small-files",
        }
    }

    /// What it is, for the table's title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Commands => "100 commands",
            Self::FilesFirst => "200 file tasks, first run",
            Self::FilesSecond => "200 file tasks, second run",
            Self::Loop => "a loop of 500 commands",
            Self::Node => "the role `node`, second run",
            Self::Facts => "facts, 10 times",
            Self::Templates => "400 templates on the controller",
            Self::LargeFile => "a copy of 100 MB",
            Self::SmallFiles => "a copy of 1,000 small files",
        }
    }

    /// How many tasks each host has: what controller time is divided by.
    pub(crate) fn tasks(self) -> usize {
        match self {
            Self::Commands => 100,
            Self::FilesFirst | Self::FilesSecond => 200,
            Self::Loop => 500,
            Self::Node => 40,
            Self::Facts => 10,
            Self::Templates => 400,
            Self::LargeFile | Self::SmallFiles => 1,
        }
    }

    /// The playbook's name.
    pub(crate) fn playbook(self) -> &'static str {
        match self {
            Self::FilesFirst | Self::FilesSecond => "files.yml",
            Self::Commands => "commands.yml",
            Self::Loop => "loop.yml",
            Self::Node => "node.yml",
            Self::Facts => "facts.yml",
            Self::Templates => "templates.yml",
            Self::LargeFile => "large-file.yml",
            Self::SmallFiles => "small-files.yml",
        }
    }

    /// The least that could be done: a line of shell for each host, if it can be said as one.
    pub(crate) fn floor(self) -> Option<&'static str> {
        match self {
            Self::Commands => Some("i=0; while [ $i -lt 100 ]; do /bin/echo $i; i=$((i+1)); done"),
            Self::Loop => Some("i=0; while [ $i -lt 500 ]; do /bin/echo $i; i=$((i+1)); done"),
            _ => None,
        }
    }

    /// Makes the hosts as they must be before each run.
    pub(crate) fn before(self, hosts: &Hosts<'_>) -> Result<(), BenchError> {
        match self {
            Self::FilesFirst => hosts.shell("rm -rf /root/bench-files"),
            Self::LargeFile | Self::SmallFiles => {
                hosts.shell("rm -rf /root/bench-copy; mkdir /root/bench-copy")
            }
            _ => Ok(()),
        }
    }
}
