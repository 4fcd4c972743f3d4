//! Shows the results: as a table for terminals, as Markdown, or as JSON.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};

use crate::{
    measure::{Row, percentile},
    memory::Moment,
    processes::Memory,
};

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Columns aligned by spaces.
    Text,
    /// Tables to be pasted into a page.
    Markdown,
    /// One object a line.
    Json,
}

/// Everything there is to tell.
#[derive(Debug, Default)]
pub struct Report {
    /// About the machine and the run.
    pub about: Vec<String>,
    /// What was measured.
    pub rows: Vec<Row>,
    /// What was in memory.
    pub moments: Vec<Moment>,
    /// Single figures.
    pub figures: Vec<(&'static str, u64)>,
    /// What readers have to know.
    pub notes: Vec<String>,
    /// What the server logged as errors.
    pub complaints: Vec<String>,
}

const COLUMNS: [&str; 12] = [
    "scenario",
    "operations",
    "per second",
    "p50 ms",
    "p99 ms",
    "server CPU ms",
    "database CPU ms",
    "generator CPU ms",
    "others' CPU %",
    "lost",
    "doubled",
    "errors",
];
const MEMORY_COLUMNS: [&str; 5] =
    ["memory", "server RSS MiB", "server PSS MiB", "database RSS MiB", "database PSS MiB"];

impl Report {
    /// The report as a text.
    pub fn show(&self, form: Form) -> String {
        if matches!(form, Form::Json) {
            return self.json();
        }
        let mut out = String::new();
        for line in &self.about {
            let _ = writeln!(out, "{line}  ");
        }
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table(&mut out, form, &COLUMNS, &rows);
        let moments: Vec<_> = self.moments.iter().map(memory_cells).collect();
        table(&mut out, form, &MEMORY_COLUMNS, &moments);
        for (what, value) in &self.figures {
            let _ = writeln!(out, "\n{what}: {value}");
        }
        for fault in self.faults().iter().chain(&self.notes) {
            let _ = writeln!(out, "\n{fault}");
        }
        out
    }

    /// Whether nothing failed, was lost or came twice, and the server had no complaints.
    pub fn is_good(&self) -> bool {
        self.complaints.is_empty() && self.rows.iter().all(Row::is_good)
    }

    /// What went wrong, in words.
    fn faults(&self) -> Vec<String> {
        let all = self.rows.iter().flat_map(|row| row.tally.faults.iter().map(move |fault| (&row.scenario, fault)));
        let all = all.map(|(scenario, (what, count))| format!("{scenario}: {count} × {what}"));
        all.chain(self.complaints.iter().map(|line| format!("The server logged: {line}"))).collect()
    }

    fn json(&self) -> String {
        let mut lines = vec![json!({ "about": self.about, "notes": self.notes, "complaints": self.complaints })];
        lines.extend(self.rows.iter().map(row_object));
        lines.extend(self.moments.iter().map(|moment| {
            let kib = |memory: Memory| json!({ "rss_kib": memory.rss, "pss_kib": memory.pss });
            json!({ "memory": moment.when, "server": kib(moment.server), "database": kib(moment.database) })
        }));
        lines.extend(self.figures.iter().map(|(what, value)| json!({ "figure": what, "value": value })));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// One line about a row, to show while others are still measured.
pub fn brief(row: &Row) -> String {
    let cells = cells(row);
    let [name, operations, rate, p50, p99, ..] = cells.as_slice() else { return String::new() };
    let outcome = if row.is_good() { "" } else { ", NOT GOOD" };
    format!("{name}: {operations} operations, {rate} a second, p50 {p50} ms, p99 {p99} ms{outcome}")
}

/// The share of a row's processor time in one operation, in milliseconds.
fn each(row: &Row, time: Duration) -> f64 {
    milliseconds(time) / row.tally.taken.len().max(1) as f64
}

/// The share of the machine's processor time that other programs took, in percent.
fn others(row: &Row) -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    100.0 * row.cpu.others().as_secs_f64() / (row.elapsed.as_secs_f64() * cores as f64).max(0.01)
}

fn rate(row: &Row) -> f64 {
    row.tally.taken.len() as f64 / row.elapsed.as_secs_f64().max(1e-6)
}

fn sorted(row: &Row) -> Vec<Duration> {
    let mut taken = row.tally.taken.clone();
    taken.sort_unstable();
    taken
}

fn cells(row: &Row) -> Vec<String> {
    let taken = sorted(row);
    let checked = |count: Option<usize>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
    vec![
        row.scenario.clone(),
        taken.len().to_string(),
        number(rate(row)),
        number(milliseconds(percentile(&taken, 50))),
        number(milliseconds(percentile(&taken, 99))),
        number(each(row, row.cpu.server)),
        number(each(row, row.cpu.database)),
        number(each(row, row.cpu.generator)),
        number(others(row)),
        checked(row.tally.checked.map(|checked| checked.lost)),
        checked(row.tally.checked.map(|checked| checked.doubled)),
        row.tally.errors().to_string(),
    ]
}

fn row_object(row: &Row) -> Value {
    let taken = sorted(row);
    json!({
        "scenario": row.scenario,
        "operations": taken.len(),
        "seconds": row.elapsed.as_secs_f64(),
        "per_second": rate(row),
        "p50_ms": milliseconds(percentile(&taken, 50)),
        "p99_ms": milliseconds(percentile(&taken, 99)),
        "server_cpu_ms": each(row, row.cpu.server),
        "database_cpu_ms": each(row, row.cpu.database),
        "generator_cpu_ms": each(row, row.cpu.generator),
        "others_cpu_percent": others(row),
        "lost": row.tally.checked.map(|checked| checked.lost),
        "doubled": row.tally.checked.map(|checked| checked.doubled),
        "errors": row.tally.faults,
    })
}

fn memory_cells(moment: &Moment) -> Vec<String> {
    let mib = |kib: u64| number(kib as f64 / 1024.0);
    let (server, database) = (moment.server, moment.database);
    vec![moment.when.clone(), mib(server.rss), mib(server.pss), mib(database.rss), mib(database.pss)]
}

fn table(out: &mut String, form: Form, columns: &[&str], rows: &[Vec<String>]) {
    let width = |index: usize| {
        let cells = rows.iter().map(|row| row[index].chars().count());
        cells.chain([columns[index].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let (edge, between) = if matches!(form, Form::Markdown) { ("|", " | ") } else { ("", "  ") };
    out.push('\n');
    let mut line = |cells: Vec<String>| {
        // Names begin at the left, figures end at the right.
        let padded = cells.iter().zip(&widths).enumerate().map(|(index, (cell, width))| match index {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let joined = padded.collect::<Vec<_>>().join(between);
        let text = if edge.is_empty() { joined } else { format!("{edge} {joined} {edge}") };
        let _ = writeln!(out, "{text}");
    };
    line(columns.iter().map(|name| (*name).to_owned()).collect());
    if matches!(form, Form::Markdown) {
        let rule = widths.iter().enumerate().map(|(index, width)| match index {
            0 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        });
        line(rule.collect());
    }
    rows.iter().for_each(|row| line(row.clone()));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A figure with as many digits as say something.
fn number(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
