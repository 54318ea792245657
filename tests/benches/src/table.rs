//! What was measured, as a table of ratios.

use crate::contender::Contender;
use crate::measure::Sample;
use crate::workload::Workload;

/// The table of one workload: each program's medians, and what clouder's are multiplied with to get them.
pub(crate) fn of(workload: Workload, hosts: usize, delay: u64, all: &[(Contender, Vec<Sample>)]) -> String {
    let plural = if hosts == 1 { "host" } else { "hosts" };
    let network = if delay == 0 { String::new() } else { format!(", {delay} ms of delay") };
    let mut text = format!("### {}, {hosts} {plural}{network}\n\n", workload.title());
    text.push_str("| | wall | | controller CPU | | per task and host | host CPU | | wire | | memory | |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    let ours = all
        .iter()
        .find(|(contender, _)| *contender == Contender::Clouder)
        .map(|(_, samples)| samples.as_slice());
    for (contender, samples) in all {
        // What was stopped took more of everything.
        let more = if samples.iter().all(|sample| sample.is_whole) { "" } else { "> " };
        let cell = |of: fn(&Sample) -> f64, show: fn(f64) -> String| {
            let value = median(samples, of);
            let ratio = ours.map(|ours| value / median(ours, of)).filter(|ratio| ratio.is_finite());
            let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{more}{ratio:.2}×"));
            format!("{more}{} | {ratio}", show(value))
        };
        let per_task = median(samples, |sample| sample.controller) / (workload.tasks() * hosts) as f64 * 1e3;
        text.push_str(&format!(
            "| {} | {} | {} | {more}{per_task:.2} ms | {} | {} | {} |\n",
            contender.name(),
            cell(|sample| sample.wall, seconds),
            cell(|sample| sample.controller, seconds),
            cell(|sample| sample.hosts, seconds),
            cell(|sample| sample.bytes, kilobytes),
            cell(|sample| sample.memory, megabytes),
        ));
    }
    text
}

fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

fn kilobytes(value: f64) -> String {
    format!("{:.0} kB", value / 1e3)
}

fn megabytes(value: f64) -> String {
    format!("{:.1} MB", value / 1e6)
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(wall: f64) -> Sample {
        Sample { is_whole: true, wall, controller: wall, hosts: 1.0, bytes: 1000.0, memory: 1e6 }
    }

    #[test]
    fn a_table_has_medians_and_ratios_to_ours() {
        let all = [
            (Contender::Clouder, vec![sample(1.0), sample(2.0), sample(30.0)]),
            (Contender::Ansible, vec![sample(20.0), sample(20.0)]),
            (Contender::Mitogen, vec![Sample { is_whole: false, ..sample(30.0) }]),
        ];
        let table = of(Workload::Commands, 10, 40, &all);
        assert!(table.contains("100 commands, 10 hosts, 40 ms of delay"), "{table}");
        assert!(table.contains("| clouder | 2.00 s | 1.00× |"), "{table}");
        assert!(table.contains("| ansible | 20.00 s | 10.00× | 20.00 s | 10.00× | 20.00 ms |"), "{table}");
        assert!(table.contains("| mitogen | > 30.00 s | > 15.00× |"), "{table}");
    }
}
