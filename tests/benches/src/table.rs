//! What was measured, as a table of ratios.

use crate::Samples;
use crate::contender::Contender;
use crate::measure::Sample;

/// A table: each program's medians, and what clouder's are multiplied with to get them. `tasks` is what the controller's time
/// is divided by.
pub(crate) fn of(title: &str, tasks: usize, all: &[(Contender, Vec<Sample>)]) -> String {
    let mut text = format!("### {title}\n\n");
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
        let per_task = median(samples, |sample| sample.controller) / tasks as f64 * 1e3;
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

/// What each further host costs the controller in memory, from the least squares of what was measured with some numbers of
/// them.
pub(crate) fn slopes(all: &[(usize, Samples)]) -> String {
    let mut text = String::from("### Memory per further host\n\n");
    let contenders = all.first().map(|(_, samples)| samples.as_slice()).unwrap_or_default();
    for (contender, _) in contenders {
        let points: Vec<(f64, f64)> = all
            .iter()
            .filter_map(|(count, samples)| {
                let (_, samples) = samples.iter().find(|(other, _)| other == contender)?;
                // What was stopped had not all of its hosts.
                let is_whole = samples.iter().all(|sample| sample.is_whole);
                is_whole.then(|| (*count as f64, median(samples, |sample| sample.memory)))
            })
            .collect();
        let slope = match slope(&points) {
            Some(slope) => format!("{:.1} kB", slope / 1e3),
            None => "not known".to_owned(),
        };
        text.push_str(&format!("- {}: {slope}\n", contender.name()));
    }
    text
}

/// The slope of the line through some points that is nearest to all of them.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let along: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (across > 0.0).then(|| along / across)
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
        let table = of("100 commands, 10 hosts", 1000, &all);
        assert!(table.starts_with("### 100 commands, 10 hosts\n"), "{table}");
        assert!(table.contains("| clouder | 2.00 s | 1.00× |"), "{table}");
        assert!(table.contains("| ansible | 20.00 s | 10.00× | 20.00 s | 10.00× | 20.00 ms |"), "{table}");
        assert!(table.contains("| mitogen | > 30.00 s | > 15.00× |"), "{table}");
    }

    #[test]
    fn memory_per_host_is_the_slope_of_what_was_measured() {
        let with = |memory: f64| vec![(Contender::Clouder, vec![Sample { memory, ..sample(1.0) }])];
        let all = [(100, with(30e6)), (200, with(31e6)), (300, with(32e6))];
        assert_eq!(slopes(&all), "### Memory per further host\n\n- clouder: 10.0 kB\n");
        assert!(slopes(&all[..1]).ends_with("- clouder: not known\n"));
    }
}
