//! Running a program, and what it cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::hosts::Hosts;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Whether it came to its end. What was stopped would have cost more than what is here.
    pub(crate) is_whole: bool,
    /// Wall time, in seconds.
    pub(crate) wall: f64,
    /// Processor time of the controller, ssh and all other children included, in seconds.
    pub(crate) controller: f64,
    /// Processor time of all hosts, in seconds.
    pub(crate) hosts: f64,
    /// Bytes over the hosts' networks, both ways.
    pub(crate) bytes: f64,
    /// The most memory that the controller's processes took at once, those of ssh left out, in bytes.
    pub(crate) memory: f64,
}

/// Runs a command in a control group of its own, to its end or until it has taken as long as it may.
pub(crate) fn run(
    command: &Command,
    hosts: Option<&Hosts<'_>>,
    who: &'static str,
    what: &'static str,
    limit: Option<Duration>,
) -> Result<Sample, BenchError> {
    let group = Group::new()?;
    let mut command = group.inside(command);
    let containers = hosts.map(Hosts::containers).unwrap_or_default();
    let host_time = || containers.iter().map(|name| container_time(name)).sum::<f64>();
    let all_bytes = || hosts.map_or(Ok(0), Hosts::bytes);
    let (bytes, on_hosts) = (all_bytes()?, host_time());
    let over = Arc::new(AtomicBool::new(false));
    let watch = group.watch(Arc::clone(&over), limit);
    let start = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| BenchError::Io { what: format!("cannot start {who}"), source })?;
    let wall = start.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let (memory, was_stopped) = watch.join().unwrap_or_default();
    if !output.status.success() && !was_stopped {
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let lines: Vec<&str> = text.lines().collect();
        let said = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n");
        return Err(BenchError::Failed { who, what, said });
    }
    Ok(Sample {
        is_whole: !was_stopped,
        wall,
        controller: group.time(),
        hosts: host_time() - on_hosts,
        bytes: all_bytes()?.saturating_sub(bytes) as f64,
        memory: memory as f64,
    })
}

/// Where control groups' processor time is told: of the first version, or of the second.
fn root() -> (PathBuf, bool) {
    let old = Path::new("/sys/fs/cgroup/cpuacct");
    if old.exists() { (old.to_owned(), true) } else { (PathBuf::from("/sys/fs/cgroup"), false) }
}

/// A group of processes.
struct Group {
    path: PathBuf,
}

impl Group {
    fn new() -> Result<Self, BenchError> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root().0.join(format!("clouder-bench-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)
            .map_err(|source| BenchError::Io { what: path.display().to_string(), source })?;
        Ok(Self { path })
    }

    /// The command, starting inside the group, so that whatever it starts and leaves behind is inside, too.
    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("/bin/sh");
        inside.args(["-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\""]).arg(&self.path);
        clouder_fleet::before(inside, command)
    }

    fn time(&self) -> f64 {
        time_of(&self.path)
    }

    /// Looks at the processes until they are over, and ends them when they take longer than they may. Gives the most memory
    /// they took at once, in bytes, and whether they were ended.
    fn watch(&self, over: Arc<AtomicBool>, limit: Option<Duration>) -> JoinHandle<(u64, bool)> {
        let processes = self.path.join("cgroup.procs");
        std::thread::spawn(move || {
            let start = Instant::now();
            let (mut most, mut before, mut is_late) = (0, 0, false);
            while !over.load(Ordering::Relaxed) {
                let list = fs::read_to_string(&processes).unwrap_or_default();
                // A process that is being started has its parent's memory for a moment: what is not there twice is not counted.
                let now: u64 = list.lines().map(resident).sum();
                most = most.max(now.min(before));
                before = now;
                is_late = limit.is_some_and(|limit| start.elapsed() > limit);
                if is_late {
                    end(&list, "-KILL");
                }
                std::thread::sleep(LOOK);
            }
            (most, is_late)
        })
    }
}

/// Sends a signal to each process of a list.
fn end(list: &str, signal: &str) {
    for process in list.lines() {
        let _ = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Masters of ssh that stay for later runs would keep the group.
        end(&fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default(), "-TERM");
        std::thread::sleep(LOOK);
        let _ = fs::remove_dir(&self.path);
    }
}

fn time_of(group: &Path) -> f64 {
    if let Ok(text) = fs::read_to_string(group.join("cpuacct.usage")) {
        return text.trim().parse::<f64>().unwrap_or(0.0) / 1e9;
    }
    let text = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
    let usage = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse::<f64>().ok());
    usage.unwrap_or(0.0) / 1e6
}

fn container_time(name: &str) -> f64 {
    let id = Command::new("docker").args(["inspect", "-f", "{{.Id}}", name]).output();
    let id = id.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let (root, old) = root();
    let places = if old {
        [root.join("docker").join(&id), root.join("system.slice").join(format!("docker-{id}.scope"))]
    } else {
        [root.join("system.slice").join(format!("docker-{id}.scope")), root.join("docker").join(&id)]
    };
    places.iter().find(|place| place.exists()).map_or(0.0, |place| time_of(place))
}

/// The memory of a process, what it shares divided among those that share it, in bytes; none of ssh, which all use alike.
fn resident(process: &str) -> u64 {
    let folder = Path::new("/proc").join(process);
    let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
    if name.trim() == "ssh" {
        return 0;
    }
    let text = fs::read_to_string(folder.join("smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
