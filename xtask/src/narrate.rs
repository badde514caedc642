//! Tells what is done, how long it took, and how it ended.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use anyhow::bail;

/// One line for one step: its name at once, and what came of it when it is done.
pub fn step(name: &str, work: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    print!("· {name} … ");
    // A line that nobody sees in time is no reason to stop.
    let _ = io::stdout().flush();
    let started = Instant::now();
    let done = work();
    match &done {
        Ok(done) => println!("{done} ({})", seconds(started.elapsed())),
        Err(_) => println!("failed ({})", seconds(started.elapsed())),
    }
    done.map(drop)
}

/// What was tried, in order; one failure does not keep the others from being tried.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    took: Duration,
    passed: bool,
}

impl Report {
    /// `work` prints for itself what there is to see.
    pub fn part(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) {
        println!("\n── {name}");
        let started = Instant::now();
        let outcome = work();
        if let Err(error) = &outcome {
            // On the same stream as the rest, so that it stands behind what the part printed.
            println!("{error:#}");
        }
        self.rows.push(Row { name: name.to_owned(), took: started.elapsed(), passed: outcome.is_ok() });
    }

    pub fn finish(self) -> anyhow::Result<()> {
        println!();
        for Row { name, took, passed } in &self.rows {
            println!("{} {name:<36} {:>8}", if *passed { '✔' } else { '✘' }, seconds(*took));
        }
        let failed = self.rows.iter().filter(|row| !row.passed).map(|row| row.name.as_str());
        let failed = failed.collect::<Vec<_>>();
        if !failed.is_empty() {
            bail!("{} of {} failed: {}", failed.len(), self.rows.len(), failed.join(", "));
        }
        Ok(())
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
