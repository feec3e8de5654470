//! How the tour is told: numbered steps, each with the time that it took.

use std::time::Instant;

use crate::report::Failure;
use crate::report::console::{self, Style};
use crate::report::text::visible;

/// The tour so far.
#[derive(Debug)]
pub(super) struct Story {
    began: Instant,
    step_began: Instant,
    steps: usize,
    style: Style,
}

impl Story {
    /// Begins with a line about the whole.
    pub(super) fn begin(title: &str) -> Result<Self, Failure> {
        let style = Style::of_stdout();
        console::data(&format!("{}\n", style.bold(title)))?;
        let now = Instant::now();
        Ok(Self { began: now, step_began: now, steps: 0, style })
    }

    /// Tells of a step that was done; its time is since the step before.
    pub(super) fn step(&mut self, title: &str, lines: &[String]) -> Result<(), Failure> {
        let lines: Vec<_> = lines.iter().map(|line| visible(line)).collect();
        self.step_styled(title, &lines)
    }

    /// The same with lines that are safe to show already.
    pub(super) fn step_styled(&mut self, title: &str, lines: &[String]) -> Result<(), Failure> {
        self.steps += 1;
        let took = format!("{:.1} ms", self.step_began.elapsed().as_secs_f64() * 1e3);
        let title = format!("{}  {title}", self.steps);
        let mut out =
            format!("\n{} {}\n", self.style.bold(&format!("{title:82}")), self.style.dim(&format!("{took:>10}")));
        lines.iter().for_each(|line| out.push_str(&format!("     {line}\n")));
        console::data(&out)?;
        self.step_began = Instant::now();
        Ok(())
    }

    /// Ends with what was seen.
    pub(super) fn end(&mut self, lines: &[String]) -> Result<(), Failure> {
        let total = self.began.elapsed().as_secs_f64() * 1e3;
        let mut out = format!("\n{}\n", self.style.bold(&format!("What you saw, in {total:.0} ms")));
        out.push_str(
            "  A signature without a key to keep: who signed is in the certificate, when is proven by the\n  \
             timestamp, that it happened is in a log that cannot forget. A verifier needs the file, the bundle,\n  \
             the trust root and a policy, and no network.\n\n",
        );
        lines
            .iter()
            .for_each(|line| out.push_str(&format!("{}{}\n", if line.is_empty() { "" } else { "  " }, visible(line))));
        Ok(console::data(&out)?)
    }
}
